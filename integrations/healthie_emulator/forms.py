"""Forms that patients fill, without what they answer."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.people import patient
from integrations.healthie_emulator.records import FormAnswerGroup
from integrations.healthie_emulator.state import Request


def _one(request: Request, args: dict[str, Any]) -> FormAnswerGroup | None:
    found = request.world.forms.get(args.get("id"))
    return found if found and request.me.sees_patient(found.user_id) else None


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
    "Mutation.createFormAnswerGroup": _create,
    "FormAnswerGroup.user": lambda form, request, _: request.world.users.get(form.user_id),
}
