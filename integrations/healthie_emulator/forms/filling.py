"""Filling forms in: hand one in or keep a draft, and go on with it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.forms import onboarding_progress
from integrations.healthie_emulator.forms.filled import answers, visible
from integrations.healthie_emulator.forms.templates import READ_ONLY, questions, template
from integrations.healthie_emulator.people import patient
from integrations.healthie_emulator.records import FormAnswerGroup
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.tags_and_groups.tags import apply_tag

NO_FORM = "Custom module form must exist"

Given = dict[str, Any]


def create(request: Request, given: Given) -> Given:
    """Hand in a form, or keep a draft that no list shows if `finished` is not true.

    Every filled form needs a template that exists. Refuses answers to questions of another template.
    """
    me, world = request.me, request.world
    user_id = given.get("user_id") or (me.user.id if me.is_patient else None)
    about = patient(request, user_id)
    if about is None:
        return refused("User not found", field="user_id", form_answer_group=None)
    made_for = template(world, given.get("custom_module_form_id"))
    if made_for is None:
        return refused(NO_FORM, field="custom_module_form_id", form_answer_group=None)
    refusal = _what_is_wrong(world, made_for, given, ())
    if refusal:
        return refusal
    now = world.clock.now()
    form = world.forms.add(
        user_id=about.id,
        custom_module_form_id=made_for.id,
        filler_id=me.user.id,
        name=given.get("name") or made_for.name,
        finished=bool(given.get("finished")),
        external_id=given.get("external_id"),
        metadata=given.get("metadata"),
        appointment_id=_appointment(request, given),
        onboarding_item_id=given.get("onboarding_item_id"),
        requested_form_completion_id=_request(request, given, about.id),
        created_at=_time_of_service(request, given) or now,
        record_created_at=now,
    )
    listed = [each for each in given.get("form_answers") or () if each]
    if not listed and given.get("set_initial_answers"):
        listed = [{"custom_module_id": each.id, "answer": None} for each in questions(world, made_for.id)]
    _write_answers(world, form, listed)
    world.emit("form_answer_group.created", "FormAnswerGroup", form.id)
    if form.appointment_id:
        world.emit(
            "appointment_form_answer_group_connection.created",
            "AppointmentFormAnswerGroupConnection",
            form.id,
            appointment_id=form.appointment_id,
            form_answer_group_id=form.id,
        )
    return {"form_answer_group": _after_writing(request, form, given)}


def update(request: Request, given: Given) -> Given:
    """Go on with a draft, or correct what was handed in; nobody changes a locked form. No webhook tells of it."""
    world, form = request.world, visible(request, given.get("id"))
    if form is None or form.deleted_at is not None:
        return refused("Form answer group not found", field="id", form_answer_group=None)
    if form.locked_at is not None:
        return refused("Form is locked and cannot be edited", field="base", form_answer_group=form)
    made_for = world.items["CustomModuleForm"][form.custom_module_form_id]
    finishes = given.get("finished") if given.get("finished") is not None else form.finished
    refusal = _what_is_wrong(world, made_for, {**given, "finished": finishes}, answers(world, form))
    if refusal:
        return refusal
    changes = {n: given[n] for n in ("name", "external_id", "metadata") if given.get(n) is not None}
    if given.get("appointment_id"):
        changes["appointment_id"] = _appointment(request, given)
    served_at = _time_of_service(request, given)
    form = world.forms.change(
        form.id, finished=bool(finishes), created_at=served_at or form.created_at, **changes
    )
    _write_answers(world, form, [each for each in given.get("form_answers") or () if each])
    return {"form_answer_group": _after_writing(request, form, given)}


def _what_is_wrong(world: World, made_for: Item, given: Given, before: Any) -> Given | None:
    """Refuse an answer to a question that the form does not ask, and, as switched, open required questions."""
    asked = {question.id: question for question in questions(world, made_for.id)}
    answered = {str(each.custom_module_id): each.answer for each in before}
    for each in given.get("form_answers") or ():
        if each and not each.get("id") and str(each.get("custom_module_id")) not in asked:
            return refused("Custom module must exist", field="form_answers", form_answer_group=None)
        if each:
            answered[str(each.get("custom_module_id"))] = each.get("answer")
    if not given.get("finished") or not world.switches.required_answers_checked:
        return None
    for question in asked.values():
        open_ = question.required and question.mod_type not in READ_ONLY and not answered.get(question.id)
        if open_ and not question.condition:
            return refused(f"{question.label} is required", field="form_answers", form_answer_group=None)
    return None


def _write_answers(world: World, form: FormAnswerGroup, listed: list[Given]) -> None:
    """Write answers down; one to a question that was answered before takes its place."""
    for each in listed:
        before = next(
            (
                answer
                for answer in answers(world, form)
                if answer.id == str(each.get("id")) or answer.custom_module_id == each.get("custom_module_id")
            ),
            None,
        )
        plain = ("custom_module_id", "answer", "label", "metadata", "filter_type", "value_to_filter")
        values = {name: each[name] for name in plain if name in each}
        if before is not None:
            items.change(world, "FormAnswer", before.id, **values)
        elif each.get("custom_module_id"):
            about = {"form_answer_group_id": form.id, "user_id": each.get("user_id") or form.user_id}
            items.add(world, "FormAnswer", **{**values, **about})


def _after_writing(request: Request, form: FormAnswerGroup, given: Given) -> FormAnswerGroup:
    """Do what follows once a form is handed in: the request and the step of the intake are done, a tag is applied."""
    world = request.world
    if given.get("marked_locked"):
        form = world.forms.change(form.id, locked_at=world.clock.now(), locked_by_id=request.me.user.id)
    if not form.finished:
        return form
    if form.requested_form_completion_id:
        asked = world.items["RequestedFormCompletion"].get(form.requested_form_completion_id)
        if asked and asked.form_answer_group_id is None:
            items.change(world, "RequestedFormCompletion", asked.id, form_answer_group_id=form.id)
            world.emit(
                "requested_form_completion.updated", "RequestedFormCompletion", asked.id, ("is_complete",)
            )
    step = world.items["OnboardingItem"].get(form.onboarding_item_id)
    if step is not None:
        onboarding_progress.complete(world, step, form.user_id, form_id=form.id)
    tag_id = world.items["CustomModuleForm"][form.custom_module_form_id].on_completion_ifs_tag_id
    if tag_id:
        apply_tag(world, tag_id, form.user_id)
    return form


def _appointment(request: Request, given: Given) -> str | None:
    visit = request.world.appointments.get(given.get("appointment_id"))
    return visit.id if visit and request.me.sees_patient(visit.user_id) else None


def _request(request: Request, given: Given, user_id: str) -> str | None:
    asked = request.world.items["RequestedFormCompletion"].get(given.get("requested_form_completion_id"))
    return asked.id if asked and asked.recipient_id == user_id else None


def _time_of_service(request: Request, given: Given) -> datetime | None:
    """Read the time of service: as it is given, or that of the visit."""
    zone = request.zone
    for name in ("formatted_date", "created_at"):
        if given.get(name):
            return dates.read(given[name], zone)
    if given.get("date"):
        parts = (given.get("time") or "").split()
        clock = ":".join(parts) if len(parts) == 2 and all(p.isdecimal() for p in parts) else "00:00"  # noqa: PLR2004
        return dates.read(f"{dates.read_day(given['date'], zone)} {clock}", zone)
    visit = request.world.appointments.get(_appointment(request, given))
    return visit.starts_at if visit else None


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Mutation.createFormAnswerGroup": create,
    "Mutation.updateFormAnswerGroup": update,
}
