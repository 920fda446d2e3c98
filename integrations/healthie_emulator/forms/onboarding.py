"""Intake flows (`OnboardingFlow`) and their steps (`OnboardingItem`): staff put forms in order for the patients of a group."""

import json
from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.forms.onboarding_progress import flow_of, steps
from integrations.healthie_emulator.forms.templates import template, type_of
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.resources.ordering import BY_DATE, arranged, text
from integrations.healthie_emulator.resources.resource import Given, Refused, Resource, resolvers
from integrations.healthie_emulator.state import Request, World

MODULE_FORM = "Module Form"  # a step that is a form of the practice; the others are Healthie's own screens
SCREENS = ("Welcome", "Insurance Form", "Billing Info", "Photo ID")


def _put_to_use(request: Request, flow: Item, given: Given) -> None:
    """Give the flow to the groups that were named."""
    for group_id in (given.get("groups_to_use_onboarding_flow") or "").split(","):
        if request.world.items["UserGroup"].get(group_id.strip()):
            items.change(request.world, "UserGroup", group_id.strip(), onboarding_flow_id=flow.id)


def _hand_groups_on(request: Request, flow: Item, given: Given) -> None:
    """Remove a flow's steps; its groups get the flow that is to receive them, or none."""
    heir = request.world.items["OnboardingFlow"].get(given.get("flow_to_receive_groups"))
    for group in items.every(request.world, "UserGroup", onboarding_flow_id=flow.id):
        items.change(request.world, "UserGroup", group.id, onboarding_flow_id=heir.id if heir else None)
    for step in steps(request.world, flow.id):
        request.world.items["OnboardingItem"].remove(step.id)


FLOW = Resource(
    kind="OnboardingFlow",
    payload="onboardingFlow",
    create="createOnboardingFlow",
    update="updateOnboardingFlow",
    delete="deleteOnboardingFlow",
    plain=("name",),
    required={"name": "Name"},
    derive=lambda request, _, found: {} if found else {"user_id": request.me.user.id},
    settle=_put_to_use,
    clear=_hand_groups_on,
)


def _step_is_known(request: Request, given: Given, _found: Item | None) -> Refused:
    type_, item_id = given.get("item_type"), given.get("item_id")
    if type_ == MODULE_FORM and item_id and template(request.world, item_id) is None:
        return refused("Item must exist", field="item_id")
    return None


STEP = Resource(
    kind="OnboardingItem",
    payload="onboardingItem",
    update="updateOnboardingItem",
    delete="deleteOnboardingItem",
    plain=(
        *("onboarding_flow_id", "item_type", "item_id", "is_skippable", "row_order", "billing_disclaimer"),
        *("policy_disclaimer", "photo_id_disclaimer", "welcome_text"),
    ),
    refers={"onboarding_flow_id": "OnboardingFlow"},
    check=_step_is_known,
)


def _create_step(request: Request, given: Given) -> dict[str, Any]:
    """Add steps to a flow: `item_type` is JSON, one object or several, each with `type` and `id`."""
    world = request.world
    if request.me.is_patient:
        raise not_allowed()
    flow = world.items["OnboardingFlow"].get(given.get("onboarding_flow_id"))
    if flow is None:
        return refused("Onboarding flow must exist", field="onboarding_flow_id")
    wanted = _wanted(given)
    if not wanted:
        return refused("Item type can't be blank", field="item_type")
    if given.get("is_skippable") is None:
        return refused("Is skippable can't be blank", field="is_skippable")
    for each in wanted:
        if refusal := _step_is_known(request, each, None):
            return refusal
    plain = {name: given[name] for name in STEP.plain if given.get(name) is not None}
    first_order = len(steps(world, flow.id))
    made = [
        items.add(world, "OnboardingItem", **{**plain, **each, "row_order": first_order + order})
        for order, each in enumerate(wanted)
    ]
    return {"onboardingItem": made[0]}


def _wanted(given: Given) -> list[Given]:
    try:
        read = json.loads(given.get("item_type") or "null")
    except ValueError:
        read = {"type": given["item_type"], "id": given.get("item_id")}
    listed = read if isinstance(read, list) else [read]
    return [
        {"item_type": str(each["type"]), "item_id": str(each["id"]) if each.get("id") else None}
        for each in listed
        if isinstance(each, dict) and each.get("type")
    ]


def _one_flow(request: Request, args: dict[str, Any]) -> Item | None:
    """Return a flow: by id or uuid, or the one of a patient. A patient's key gets its own, whatever `user_id` says."""
    world = request.world
    if args.get("uuid") or request.actor is None:
        return items.first(world, "OnboardingFlow", uuid=args.get("uuid")) if args.get("uuid") else None
    if request.me.is_patient:
        return flow_of(world, request.me.user.id)
    if args.get("id"):
        return world.items["OnboardingFlow"].get(args["id"])
    return flow_of(world, args.get("user_id"))


def _flows(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    if request.me.is_patient:
        raise not_allowed()
    words = (args.get("keywords") or "").casefold()
    found = [flow for flow in request.world.items["OnboardingFlow"] if words in (flow.name or "").casefold()]
    keys = {**BY_DATE, "NAME": text("name"), "FORMS_COUNT": lambda flow: len(steps(request.world, flow.id))}
    old = {f"onboarding_flow_name_{way}": f"NAME_{way.upper()}" for way in ("asc", "desc")}
    return page(arranged(found, args, keys, "NAME_ASC", old_words=old), args)


def _available_types(request: Request, args: dict[str, Any]) -> str:
    """List what a flow may ask besides what it asks already, as JSON."""
    world = request.world
    used = {(step.item_type, step.item_id) for step in steps(world, args.get("onboarding_flow_id") or "")}
    forms = [
        {"id": form.id, "name": form.name}
        for form in world.items["CustomModuleForm"]
        if type_of(form) == "intake" and template(world, form.id) and (MODULE_FORM, form.id) not in used
    ]
    screens = [{"id": name, "name": name} for name in SCREENS if (name, None) not in used]
    return json.dumps([*forms, *screens])


def _groups(flow: Item, request: Request, *_: Any) -> list[Item]:
    return items.every(request.world, "UserGroup", onboarding_flow_id=flow.id)


def _shown_steps(flow: Item, request: Request, args: dict[str, Any]) -> list[Item]:
    found = steps(request.world, flow.id)
    if args.get("custom_module_forms_only"):
        found = [step for step in found if step.item_type == MODULE_FORM]
    return found


def display_name(world: World, step: Item) -> str:
    """Name a step after the form or the screen that it is."""
    form = world.items["CustomModuleForm"].get(step.item_id) if step.item_type == MODULE_FORM else None
    return str(form.name if form else step.item_type)


RESOLVERS: dict[str, Callable[..., Any]] = {
    **resolvers(FLOW),
    **resolvers(STEP),
    "Mutation.createOnboardingItem": _create_step,
    "Query.onboardingFlow": _one_flow,
    "Query.onboardingFlows": _flows,
    "Query.availableItemTypes": _available_types,
    "OnboardingFlow.has_forms_after_welcome": lambda flow, request, _: bool(steps(request.world, flow.id)),
    "OnboardingFlow.is_multiple_providers": lambda _, request, __: (
        sum(user.is_active_provider for user in request.world.users) > 1
    ),
    "OnboardingFlow.onboarding_items": _shown_steps,
    "OnboardingFlow.onboarding_items_count": lambda flow, request, _: len(steps(request.world, flow.id)),
    "OnboardingFlow.user": lambda flow, request, _: (
        request.world.users.get(flow.user_id) if request.actor else None
    ),
    "OnboardingFlow.user_groups": lambda flow, request, _: _groups(flow, request) if request.actor else (),
    "OnboardingFlow.user_groups_count": lambda flow, request, _: len(_groups(flow, request)),
    "OnboardingFlow.user_groups_name_string": lambda flow, request, _: ", ".join(
        group.name for group in _groups(flow, request)
    ),
    "OnboardingItem.display_name": lambda step, request, _: display_name(request.world, step),
    "OnboardingItem.has_matrix_field": lambda step, request, _: any(
        question.mod_type == "matrix"
        for question in items.every(request.world, "CustomModule", custom_module_form_id=step.item_id)
    ),
    "OnboardingItem.is_last_item": lambda step, request, _: (
        bool(found := steps(request.world, step.onboarding_flow_id)) and found[-1].id == step.id
    ),
    "OnboardingItem.onboarding_flow": lambda step, request, _: request.world.items["OnboardingFlow"].get(
        step.onboarding_flow_id
    ),
}
