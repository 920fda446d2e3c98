"""Filled forms (`FormAnswerGroup`) and their answers, to read. A draft is found by its id and listed nowhere."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.forms.templates import questions
from integrations.healthie_emulator.records import FormAnswerGroup
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.state import Request, World

_ORDERS: dict[str, Callable[[FormAnswerGroup], Any]] = {
    "RECORD_CREATED_AT": lambda form: (form.record_created_at, int(form.id)),
    "CREATED_AT": lambda form: (form.created_at, int(form.id)),
    "UPDATED_AT": lambda form: (form.updated_at, int(form.id)),
}


def visible(request: Request, form_id: object) -> FormAnswerGroup | None:
    """Return a filled form, or a draft, that exists for the actor."""
    found = request.world.forms.get(form_id)
    return found if found and request.actor and request.me.sees_patient(found.user_id) else None


def answers(world: World, form: FormAnswerGroup) -> list[Item]:
    """Return the answers of a filled form in the order of its questions."""
    order = {question.id: n for n, question in enumerate(questions(world, form.custom_module_form_id))}
    given = items.every(world, "FormAnswer", form_answer_group_id=form.id)
    return sorted(given, key=lambda answer: order.get(str(answer.custom_module_id), len(order)))


def finished_forms(request: Request, **wanted: Any) -> list[FormAnswerGroup]:
    """Return the forms that were handed in and not deleted, with these values, as the actor sees them."""
    return [
        form
        for form in request.world.forms
        if form.finished
        and form.deleted_at is None
        and request.me.sees_patient(form.user_id)
        and all(getattr(form, name) == value for name, value in wanted.items())
    ]


def _one(request: Request, args: dict[str, Any]) -> FormAnswerGroup | None:
    """Return a form by id, or by the id that an integration gave it."""
    if args.get("id") or not args.get("external_id"):
        return visible(request, args.get("id"))
    same = (form for form in request.world.forms if form.external_id == str(args["external_id"]))
    return next((form for form in same if request.me.sees_patient(form.user_id)), None)


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List what was handed in for the patients whom the key's owner sees."""
    world = request.world
    since = dates.read(args["updated_after"], request.zone) if args.get("updated_after") else None
    until = dates.read(args["updated_before"], request.zone) if args.get("updated_before") else None
    day = dates.read_day(args["date"], request.zone) if args.get("date") else None
    ids = {str(i) for i in (*(args.get("ids") or ()), args.get("form_answer_group_id")) if i}
    zone = dates.zone_named(request.zone)
    found = [
        form
        for form in finished_forms(request)
        if args.get("user_id") in (None, form.user_id)
        and args.get("filler_id") in (None, form.filler_id)
        and args.get("custom_module_form_id") in (None, form.custom_module_form_id)
        and (not ids or form.id in ids)
        and (args.get("name") or "").casefold() in (form.name or "").casefold()
        and (since is None or form.updated_at > since)
        and (until is None or form.updated_at < until)
        and (day is None or form.created_at.astimezone(zone).date() == day)
        and args.get("locked_status") in (None, form.locked_at is not None)
        and args.get("signed_status") in (None, bool(_signings(form, request)))
        and (not args.get("use_for_charting") or _is_for_charting(world, form))
    ]
    return page(in_order(found, args, _ORDERS, "CREATED_AT_DESC"), args)


def _is_for_charting(world: World, form: FormAnswerGroup) -> bool:
    made_for = world.items["CustomModuleForm"].get(form.custom_module_form_id)
    return bool(made_for and made_for.use_for_charting)


def _signings(form: FormAnswerGroup, request: Request, *_: Any) -> list[Item]:
    return items.every(request.world, "FormAnswerGroupSigning", form_answer_group_id=form.id)


def _status(form: FormAnswerGroup, request: Request, _args: dict[str, Any]) -> str:
    """Word the state of a chart note: how many signed, and whether it is locked."""
    signed = ("", "SIGNED", "CO_SIGNED")[min(len(_signings(form, request)), 2)]
    if form.locked_at is None:
        return signed or "CREATED"
    return f"{signed}_AND_LOCKED" if signed else "LOCKED"


def _answers(form: FormAnswerGroup, request: Request, args: dict[str, Any]) -> list[Item]:
    wanted = {str(i) for i in args.get("custom_module_ids") or () if i}
    return [
        each for each in answers(request.world, form) if not wanted or str(each.custom_module_id) in wanted
    ]


def _label(answer: Item, request: Request, _args: dict[str, Any]) -> str | None:
    question = request.world.items["CustomModule"].get(answer.custom_module_id)
    label: str | None = question.label if question else answer.label
    return label


def _staff(form: FormAnswerGroup, request: Request, *, locked: bool) -> bool:
    return not request.me.is_patient and (form.locked_at is not None) is locked


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.formAnswerGroup": _one,
    "Query.formAnswerGroups": _listed,
    "FormAnswerGroup.appointment": lambda form, request, _: request.world.appointments.get(
        form.appointment_id
    ),
    "FormAnswerGroup.chart_note_status": _status,
    "FormAnswerGroup.custom_module_form": lambda form, request, _: request.world.items[
        "CustomModuleForm"
    ].get(form.custom_module_form_id),
    "FormAnswerGroup.documents": lambda form, request, _: items.every(
        request.world, "Document", form_answer_group_id=form.id
    ),
    "FormAnswerGroup.filler": lambda form, request, _: request.world.users.get(form.filler_id),
    "FormAnswerGroup.form_answer_group_audit_events": lambda form, request, _: items.every(
        request.world, "FormAnswerGroupAuditEvent", form_answer_group_id=form.id
    ),
    "FormAnswerGroup.form_answer_group_signings": _signings,
    "FormAnswerGroup.form_answers": _answers,
    "FormAnswerGroup.frozen": lambda form, *_: form.locked_at is not None,
    "FormAnswerGroup.is_locked": lambda form, *_: form.locked_at is not None,
    "FormAnswerGroup.locked_by": lambda form, request, _: request.world.users.get(form.locked_by_id),
    "FormAnswerGroup.metadata": lambda form, request, _: None if request.me.is_patient else form.metadata,
    "FormAnswerGroup.provider_can_add_addendum": lambda form, request, _: _staff(form, request, locked=True),
    "FormAnswerGroup.provider_can_lock": lambda form, request, _: _staff(form, request, locked=False),
    "FormAnswerGroup.provider_can_sign": lambda form, request, _: _staff(form, request, locked=False),
    "FormAnswerGroup.provider_can_unlock": lambda form, request, _: _staff(form, request, locked=True),
    "FormAnswerGroup.requested_form_completion": lambda form, request, _: request.world.items[
        "RequestedFormCompletion"
    ].get(form.requested_form_completion_id),
    "FormAnswerGroup.user": lambda form, request, _: request.world.users.get(form.user_id),
    "FormAnswer.custom_module": lambda answer, request, _: request.world.items["CustomModule"].get(
        answer.custom_module_id
    ),
    "FormAnswer.displayed_answer": lambda answer, *_: answer.answer,
    "FormAnswer.file_attachments": lambda answer, request, _: items.every(
        request.world, "FileAttachment", form_answer_id=answer.id
    ),
    "FormAnswer.form_answer_group": lambda answer, request, _: visible(request, answer.form_answer_group_id),
    "FormAnswer.label": _label,
    "FormAnswerGroupAuditEvent.committed_by": lambda event, request, _: request.world.users.get(
        event.committed_by_id
    ),
    "FormAnswerGroupAuditEvent.form_answer_group": lambda event, request, _: visible(
        request, event.form_answer_group_id
    ),
    "FormAnswerGroupSigning.user": lambda signing, request, _: request.world.users.get(signing.user_id),
    "FormAnswerGroupSigning.user_full_legal_name": lambda signing, *_: signing.full_legal_name,
    "FormAnswerGroupSigning.user_qualifications": lambda signing, *_: signing.qualifications,
    "CustomModuleForm.form_answer_groups": lambda form, request, _: (
        finished_forms(request, custom_module_form_id=form.id) if request.actor else ()
    ),
    "Appointment.form_answer_groups": lambda visit, request, _: finished_forms(
        request, appointment_id=visit.id
    ),
    "Appointment.form_answer_group": lambda visit, request, _: next(
        iter(finished_forms(request, appointment_id=visit.id)), None
    ),
    "User.form_answer_groups": lambda user, request, _: finished_forms(request, user_id=user.id),
}
