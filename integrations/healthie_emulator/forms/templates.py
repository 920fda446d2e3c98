"""Form templates (`CustomModuleForm`) and their questions (`CustomModule`). Reading a template needs no key."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.resources.ordering import BY_DATE, arranged, text
from integrations.healthie_emulator.resources.resource import Given, Refused, Resource, resolvers
from integrations.healthie_emulator.state import Request, World

READ_ONLY = frozenset({"read_only", "image", "video", "label", "staticText"})  # questions that ask nothing

FORM = Resource(
    kind="CustomModuleForm",
    payload="customModuleForm",
    create="createCustomModuleForm",
    update="updateCustomModuleForm",
    plain=(
        *("name", "use_for_charting", "use_for_program", "prefill", "is_video", "metadata"),
        *("external_id", "external_id_type", "on_completion_ifs_tag_id"),
    ),
    required={"name": "Name"},
    events={"created": "custom_module_form.created", "updated": "custom_module_form.updated"},
    derive=lambda request, given, found: {
        "last_updated_by_id": request.me.user.id,
        **({} if found else {"user_id": request.me.user.id}),
        **({"is_archived": bool(given["is_archived"])} if given.get("is_archived") is not None else {}),
    },
)


def _question_values(request: Request, given: Given, found: Item | None) -> Given:
    values: Given = {}
    if given.get("options_array") is not None:
        values["options"] = "\n".join(option or "" for option in given["options_array"])
    if given.get("index") is not None:
        values["position"] = float(given["index"])
    elif found is None:
        values["position"] = float(len(questions(request.world, given["custom_module_form_id"])))
    if "custom_module_condition" in given:
        condition = given["custom_module_condition"] or {"_destroy": True}
        values["condition"] = None if condition.get("_destroy") else condition
    return values


def _question_is_of_a_form(_request: Request, given: Given, found: Item | None) -> Refused:
    condition = given.get("custom_module_condition") or {}
    if found and condition.get("conditional_custom_module_id") == found.id:
        return refused("A question cannot depend on itself", field="custom_module_condition")
    return None


QUESTION = Resource(
    kind="CustomModule",
    payload="customModule",
    create="createCustomModule",
    update="updateCustomModule",
    delete="deleteCustomModule",
    plain=(
        *("custom_module_form_id", "label", "mod_type", "options", "required", "sublabel", "is_custom"),
        *("external_id", "external_id_type", "metadata", "exclude_from_scribe", "parent_custom_module_id"),
    ),
    required={"custom_module_form_id": "Custom module form", "mod_type": "Mod type"},
    refers={"custom_module_form_id": "CustomModuleForm"},
    events={
        "created": "custom_module.created",
        "updated": "custom_module.updated",
        "deleted": "custom_module.deleted",
    },
    ids_in_events=("custom_module_form_id",),
    check=_question_is_of_a_form,
    derive=_question_values,
)


def template(world: World, form_id: object) -> Item | None:
    """Return a template that is not deleted."""
    found = world.items["CustomModuleForm"].get(form_id)
    return found if found and found.deleted_at is None else None


def questions(world: World, form_id: str) -> list[Item]:
    """Return the questions of a template in their order."""
    found = items.every(world, "CustomModule", custom_module_form_id=str(form_id))
    return sorted(found, key=lambda question: (question.position, int(question.id)))


def copy(world: World, form: Item, owner_id: str) -> Item:
    """Make an independent copy of a template and its questions."""
    made = items.add(
        world, "CustomModuleForm", **{**form.values, "user_id": owner_id, "uploaded_by_healthie_team": False}
    )
    for question in questions(world, form.id):
        copied = {**question.values, "custom_module_form_id": made.id, "copied_from_form_name": form.name}
        items.add(world, "CustomModule", **copied)
    return made


def type_of(form: Item) -> str:
    """Return the category of a template: an intake form is for neither charting nor a program."""
    return "charting" if form.use_for_charting else "program" if form.use_for_program else "intake"


def _one(request: Request, args: dict[str, Any]) -> Item | None:
    return template(request.world, args.get("id"))


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List templates: archived ones with `active_status`, Healthie's own with `include_default_templates`."""
    words, category = (args.get("keywords") or "").casefold(), args.get("category") or "all"
    found = [
        form
        for form in request.world.items["CustomModuleForm"]
        if form.deleted_at is None
        and bool(form.is_archived) is bool(args.get("active_status"))
        and (args.get("include_default_templates") or not form.uploaded_by_healthie_team)
        and category in {"all", type_of(form)}
        and words in form.name.casefold()
    ]
    keys = {
        **BY_DATE,
        "NAME": text("name"),
        "TYPE": type_of,
        "USER_LAST_NAME": lambda form: _owner_name(request.world, form),
    }
    old = {"last_updated_asc": "UPDATED_AT_ASC", "last_updated_desc": "UPDATED_AT_DESC"}
    old |= {"created_by_asc": "USER_LAST_NAME_ASC", "created_by_desc": "USER_LAST_NAME_DESC"}
    return page(arranged(found, args, keys, "UPDATED_AT_DESC", old_words=old), args)


def _owner_name(world: World, form: Item) -> str:
    owner = world.users.get(form.user_id)
    return owner.last_name.casefold() if owner else ""


def _delete(request: Request, given: Given) -> dict[str, Any]:
    """Mark a template as deleted; what was filled in with it stays."""
    if request.me.is_patient:
        raise not_allowed()
    form = template(request.world, given.get("id"))
    if form is None:
        return refused("Custom module form not found", field="id")
    world = request.world
    gone = items.change(world, "CustomModuleForm", form.id, deleted_at=world.clock.now())
    world.emit("custom_module_form.deleted", "CustomModuleForm", form.id)
    return {"customModuleForm": gone}


def _copy(request: Request, given: Given) -> dict[str, Any]:
    """Copy a template, or those of `id_list`; only a super admin copies for somebody else."""
    me, world = request.me, request.world
    if me.is_patient:
        raise not_allowed()
    ids = [given["id"]] if given.get("id") else [i for i in (given.get("id_list") or "").split(",") if i]
    if not ids:
        return refused("Id can't be blank", field="id")
    forms = [template(world, form_id.strip()) for form_id in ids]
    for_other = me.is_admin and world.users.get(given.get("user_id"))
    owner = for_other or me.user
    made = [copy(world, form, owner.id) for form in forms if form]
    if len(made) < len(forms):
        return refused("Custom module form not found", field="id")
    return {"customModuleForm": made[0]}


def _share(request: Request, given: Given) -> dict[str, Any]:
    """Give a member, named by email, a copy of their own."""
    if request.me.is_patient:
        raise not_allowed()
    form = template(request.world, given.get("id"))
    if form is None:
        return refused("Custom module form not found", field="id")
    email = (given.get("form_share_recipient") or "").strip().lower()
    members = (user for user in request.world.users if not user.is_patient and user.email)
    recipient = next((user for user in members if user.email and user.email.lower() == email), None)
    if recipient is None:
        return refused("Recipient must be an existing member", field="form_share_recipient")
    copy(request.world, form, recipient.id)
    return {"customModuleForm": form}


def _condition(question: Item, *_: Any) -> dict[str, Any] | None:
    if not question.condition:
        return None
    return {"id": f"{question.id}1", "custom_module_id": question.id, **question.condition}


RESOLVERS: dict[str, Callable[..., Any]] = {
    **resolvers(FORM),
    **resolvers(QUESTION),
    "Query.customModuleForm": _one,
    "Query.customModuleForms": _listed,
    "Mutation.deleteCustomModuleForm": _delete,
    "Mutation.copyCustomModuleForm": _copy,
    "Mutation.shareCustomModuleForm": _share,
    "CustomModuleForm.custom_modules": lambda form, request, _: questions(request.world, form.id),
    "CustomModuleForm.has_matrix_field": lambda form, request, _: any(
        question.mod_type == "matrix" for question in questions(request.world, form.id)
    ),
    "CustomModuleForm.has_non_readonly_modules": lambda form, request, _: any(
        question.mod_type not in READ_ONLY for question in questions(request.world, form.id)
    ),
    "CustomModuleForm.last_updated_by_user": lambda form, request, _: (
        request.world.users.get(form.last_updated_by_id) if request.actor else None
    ),
    "CustomModuleForm.user": lambda form, request, _: (
        request.world.users.get(form.user_id) if request.actor else None
    ),
    "CustomModule.custom_module_form": lambda question, request, _: template(
        request.world, question.custom_module_form_id
    ),
    "CustomModule.options_array": lambda question, *_: (
        question.options.split("\n") if question.options else ()
    ),
    "CustomModule.custom_module_condition": _condition,
    "CustomModule.controls_conditional_modules": lambda question, request, _: any(
        (other.condition or {}).get("conditional_custom_module_id") == question.id
        for other in request.world.items["CustomModule"]
    ),
    "CustomModule.position_integer": lambda question, *_: int(question.position),
}
