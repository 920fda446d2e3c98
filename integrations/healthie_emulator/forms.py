"""Forms that patients fill in, without their answers."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.people import patient
from integrations.healthie_emulator.records import FormAnswerGroup
from integrations.healthie_emulator.state import Request

_ORDERS: dict[str, Callable[[FormAnswerGroup], Any]] = {
    "RECORD_CREATED_AT": lambda form: (form.created_at, int(form.id)),
    "CREATED_AT": lambda form: (form.created_at, int(form.id)),
    "UPDATED_AT": lambda form: (form.updated_at, int(form.id)),
}


def _one(request: Request, args: dict[str, Any]) -> FormAnswerGroup | None:
    found = request.world.forms.get(args.get("id"))
    return found if found and request.me.sees_patient(found.user_id) else None


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List filled forms of the patients whom the key's owner sees, deleted ones left out."""
    since = dates.read(args["updated_after"], request.zone) if args.get("updated_after") else None
    found = [
        form
        for form in request.world.forms
        if request.me.sees_patient(form.user_id)
        and form.deleted_at is None
        and args.get("user_id") in (None, form.user_id)
        and (args.get("name") or "").casefold() in (form.name or "").casefold()
        and (since is None or form.updated_at > since)
    ]
    return page(in_order(found, args, _ORDERS, "CREATED_AT_DESC"), args)


def _create(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Hand in a form, for oneself with a patient's key."""
    me = request.me
    user_id = given.get("user_id") or (me.user.id if me.is_patient else None)
    if patient(request, user_id) is None:
        return refused("User not found", field="user_id", form_answer_group=None)
    form = request.world.forms.add(
        user_id=user_id,
        custom_module_form_id=given.get("custom_module_form_id"),
        name=given.get("name"),
        finished=bool(given.get("finished")),
    )
    request.world.emit("form_answer_group.created", "FormAnswerGroup", form.id)
    return {"form_answer_group": form, "messages": None}


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.formAnswerGroup": _one,
    "Query.formAnswerGroups": _listed,
    "Mutation.createFormAnswerGroup": _create,
    "FormAnswerGroup.user": lambda form, request, _: request.world.users.get(form.user_id),
}
