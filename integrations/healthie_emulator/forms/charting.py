"""What staff do with filled forms: sign, lock, unlock, delete. A patient's signature is an answer, not one of these."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.forms.filled import visible
from integrations.healthie_emulator.people import full_name
from integrations.healthie_emulator.records import FormAnswerGroup
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.state import Request

NOT_FOUND = "Form answer group not found"

EVENTS = {
    "LOCKED": "form_answer_group.locked",
    "UNLOCKED": "form_answer_group.unlocked",
    "SIGNED": "form_answer_group.signed",
}

Given = dict[str, Any]


def _lock(request: Request, given: Given) -> Given:
    """Lock a form: from here on nobody edits it."""
    form = _staffs(request, given)
    if form is None or form.locked_at is not None:
        return refused(NOT_FOUND if form is None else "Form is already locked", field="id")
    now, me = request.world.clock.now(), request.me.user
    locked = request.world.forms.change(form.id, locked_at=now, locked_by_id=me.id)
    _remember(request, locked, "LOCKED")
    return {"form_answer_group": locked}


def _unlock(request: Request, given: Given) -> Given:
    """Unlock a form; the reason stays in its history."""
    form = _staffs(request, given)
    if form is None or form.locked_at is None:
        return refused(NOT_FOUND if form is None else "Form is not locked", field="id")
    if not given["description"].strip():
        return refused("Description can't be blank", field="description")
    unlocked = request.world.forms.change(form.id, locked_at=None, locked_by_id=None)
    _remember(request, unlocked, "UNLOCKED", given["description"])
    return {"form_answer_group": unlocked}


def _sign(request: Request, given: Given) -> Given:
    """Sign a form as the key's owner, once."""
    form, me = _staffs(request, given), request.me.user
    if form is None:
        return refused(NOT_FOUND, field="id")
    named = {"form_answer_group_id": form.id, "user_id": me.id}
    if form.locked_at is not None or items.first(request.world, "FormAnswerGroupSigning", **named):
        return refused("Form is locked or already signed", field="id")
    signing = items.add(
        request.world,
        "FormAnswerGroupSigning",
        full_legal_name=full_name(me),
        qualifications=me.qualifications,
        **named,
    )
    signed = request.world.forms.change(form.id)
    _remember(request, signed, "SIGNED")
    return {"form_answer_group": signed, "form_answer_group_signing": signing}


def _delete(request: Request, given: Given) -> Given:
    """Mark a form as deleted: no list shows it any more."""
    form = _staffs(request, given)
    if form is None:
        return refused(NOT_FOUND, field="id")
    deleted = request.world.forms.change(form.id, deleted_at=request.world.clock.now())
    request.world.emit("form_answer_group.deleted", "FormAnswerGroup", form.id)
    return {"form_answer_group": deleted}


def _staffs(request: Request, given: Given) -> FormAnswerGroup | None:
    if request.me.is_patient:
        raise not_allowed()
    form = visible(request, given.get("id"))
    return form if form and form.deleted_at is None else None


def _remember(request: Request, form: FormAnswerGroup, action: str, description: str | None = None) -> None:
    items.add(
        request.world,
        "FormAnswerGroupAuditEvent",
        form_answer_group_id=form.id,
        action=action,
        description=description,
        committed_by_id=request.me.user.id,
        committed_at=request.world.clock.now(),
    )
    request.world.emit(EVENTS[action], "FormAnswerGroup", form.id)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Mutation.lockFormAnswerGroup": _lock,
    "Mutation.unlockFormAnswerGroup": _unlock,
    "Mutation.signFormAnswerGroup": _sign,
    "Mutation.deleteFormAnswerGroup": _delete,
}
