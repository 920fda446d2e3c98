"""What a patient still has to fill in: the steps of the intake and the requests together, and answers to begin with."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.forms.filled import answers, finished_forms, visible
from integrations.healthie_emulator.forms.onboarding import display_name
from integrations.healthie_emulator.forms.onboarding_progress import completion, draft, flow_of, steps_of
from integrations.healthie_emulator.forms.requests import form_name, is_open, requests_to, status
from integrations.healthie_emulator.forms.templates import questions, template
from integrations.healthie_emulator.people import patient
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.resources.ordering import arranged
from integrations.healthie_emulator.state import Request, World

_WORDS = {"Open": "not_started", "Incomplete": "incomplete", "Complete": "completed"}
_TYPES = {
    "intake_forms": "OnboardingItem",
    "requested_forms": "RequestedForm",
    "recurring_forms": "RecurringForm",
}
_ORDERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "NAME": lambda form: form["display_name"].casefold(),
    "STATUS": lambda form: form["status"],
    "TYPE": lambda form: form["form_type"],
}


def open_steps(world: World, user: User) -> list[Item]:
    """Return the steps of the intake that a patient neither did nor skipped."""
    return [step for step in steps_of(world, user.id) if completion(world, step) is None]


def open_requests(world: World, user: User) -> list[Item]:
    """Return the requests that a patient has not answered."""
    return [asked for asked in requests_to(world, user.id) if is_open(world, asked)]


def has_forms_to_complete(world: World, user: User) -> bool:
    """Return whether anything is left to fill in."""
    return bool(open_steps(world, user) or open_requests(world, user))


def _flow(request: Request, args: dict[str, Any]) -> dict[str, Any] | None:
    """Return all that a patient was asked for, by source and by state."""
    world, user = request.world, patient(request, args.get("user_id") or request.me.user.id)
    if user is None:
        return None
    words = (args.get("keywords") or "").casefold()
    kinds = {_TYPES[kind] for kind in args.get("form_types") or () if kind}
    states = set(args.get("statuses") or ())
    every = [_of_step(world, step) for step in steps_of(world, user.id)]
    every += [_of_request(world, asked) for asked in requests_to(world, user.id)]
    found = [
        form
        for form in every
        if words in form["display_name"].casefold()
        and (not kinds or form["form_type"] in kinds)
        and (not states or form["status"] in states)
    ]
    found = arranged(found, args, _ORDERS, "")
    done = [form for form in found if form["status"] == "completed" or form.get("skipped")]
    return {
        "all_forms": found,
        "forms": found,
        "intake_flows": [form for form in found if form["form_type"] == "OnboardingItem"],
        "requested": [form for form in found if form["form_type"] != "OnboardingItem"],
        "completed_skipped": done,
        "not_started_incomplete": [form for form in found if form not in done],
    }


def _of_step(world: World, step: Item) -> dict[str, Any]:
    done, begun = completion(world, step), draft(world, step)
    return {
        "id": step.id,
        "typename": "OnboardingItem",
        "form_type": "OnboardingItem",
        "display_name": display_name(world, step),
        "item_type": step.item_type,
        "status": "completed" if done else "incomplete" if begun else "not_started",
        "skipped": bool(done and done.skipped),
        "onboarding_item": step,
        "completed_onboarding_item": done,
        "incomplete_form_id": begun.id if begun else None,
        "custom_module_form": world.items["CustomModuleForm"].get(step.item_id),
        "date_to_show": done.created_at if done else begun.created_at if begun else None,
    }


def _of_request(world: World, asked: Item) -> dict[str, Any]:
    series = world.items["RecurringForm"].get(asked.recurring_form_id)
    return {
        "id": asked.id,
        "typename": "RequestedFormCompletion",
        "form_type": "RecurringForm" if series else "RequestedForm",
        "display_name": form_name(world, asked),
        "item_type": asked.item_type,
        "status": _WORDS[status(world, asked)],
        "recurring_form": series,
        "form_answer_group_id": asked.form_answer_group_id,
        "custom_module_form": world.items["CustomModuleForm"].get(asked.custom_module_form_id),
        "date_to_show": asked.created_at,
        "request_info": {
            "request_date": asked.created_at,
            "requested_by": world.users.get(asked.sender_id),
        },
    }


def _has_forms(request: Request, args: dict[str, Any]) -> bool:
    user = patient(request, args["user_id"])
    return bool(user and has_forms_to_complete(request.world, user))


def _initial(request: Request, args: dict[str, Any]) -> list[Item]:
    """Return an answer to each question to begin with: from the draft, else, if the form prefills, from the last time."""
    world = request.world
    form, user = template(world, args.get("custom_module_form_id")), patient(request, args.get("user_id"))
    begun = visible(request, args.get("incomplete_form_id"))
    if begun is not None:
        form = world.items["CustomModuleForm"].get(begun.custom_module_form_id)
    if form is None:
        return []
    earlier = finished_forms(request, custom_module_form_id=form.id, user_id=user.id) if user else []
    source = begun or (earlier[-1] if earlier and form.prefill else None)
    before = {each.custom_module_id: each.answer for each in answers(world, source)} if source else {}
    return [
        Item(
            id=question.id,
            created_at=world.clock.now(),
            updated_at=world.clock.now(),
            values={
                "custom_module_id": question.id,
                "answer": before.get(question.id),
                "user_id": user.id if user else None,
            },
        )
        for question in questions(world, form.id)
    ]


def _shown(user: User, request: Request) -> bool:
    return user.is_patient and request.actor is not None and request.me.sees_patient(user.id)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.intakeFlow": _flow,
    "Query.hasFormsToComplete": _has_forms,
    "Query.initialFormAnswers": _initial,
    "User.any_incomplete_onboarding_steps": lambda user, request, _: (
        bool(open_steps(request.world, user)) if _shown(user, request) else None
    ),
    "User.any_incomplete_requested_form_completions": lambda user, request, _: (
        bool(open_requests(request.world, user)) if _shown(user, request) else None
    ),
    "User.has_forms_to_complete": lambda user, request, _: (
        has_forms_to_complete(request.world, user) if _shown(user, request) else None
    ),
    "User.has_completed_intake_forms": lambda user, request, _: (
        flow_of(request.world, user.id) is not None and not open_steps(request.world, user)
        if _shown(user, request)
        else None
    ),
    "User.next_onboarding_step": lambda user, request, _: (
        next(iter(open_steps(request.world, user)), None) if _shown(user, request) else None
    ),
    "User.requested_form_count": lambda user, request, _: (
        len(open_requests(request.world, user)) if _shown(user, request) else None
    ),
}
