"""How far a patient has come in the intake: which steps are done, skipped or begun."""

import dataclasses
from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.people import patient
from integrations.healthie_emulator.records import FormAnswerGroup
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.state import Request, World


def flow_of(world: World, user_id: object) -> Item | None:
    """Return the flow of a patient: that of the group, else what the main clinician gives everybody."""
    user = world.users.get(user_id)
    if user is None:
        return None
    group = world.items["UserGroup"].get(user.user_group_id)
    clinician = world.users.get(user.dietitian_id)
    default = clinician.default_onboarding_flow_id if clinician else None
    return world.items["OnboardingFlow"].get((group and group.onboarding_flow_id) or default)


def steps(world: World, flow_id: object) -> list[Item]:
    """Return the steps of a flow in their order."""
    found = items.every(world, "OnboardingItem", onboarding_flow_id=str(flow_id))
    return sorted(found, key=lambda step: (step.row_order, int(step.id)))


def steps_of(world: World, user_id: str) -> list[Item]:
    """Return the steps that a patient is asked for, each seen as that patient's."""
    flow = flow_of(world, user_id)
    return [as_seen_by(step, user_id) for step in steps(world, flow.id)] if flow else []


def as_seen_by(step: Item, user_id: str | None) -> Item:
    """Return a step with the patient whose progress it shows."""
    return dataclasses.replace(step, values={**step.values, "for_user_id": user_id})


def completion(world: World, step: Item, user_id: str | None = None) -> Item | None:
    """Return that a patient did, or skipped, a step."""
    wanted = {"onboarding_item_id": step.id, "user_id": user_id or step.for_user_id}
    return items.first(world, "CompletedOnboardingItem", **wanted) if wanted["user_id"] else None


def draft(world: World, step: Item) -> FormAnswerGroup | None:
    """Return the form that a patient has begun for a step and not handed in."""
    begun = (
        form
        for form in world.forms
        if form.onboarding_item_id == step.id
        and form.user_id == step.for_user_id
        and not form.finished
        and form.deleted_at is None
    )
    return next(begun, None)


def complete(
    world: World, step: Item, user_id: str, *, skipped: bool = False, form_id: str | None = None
) -> Item:
    """Mark a step as done by a patient; what was skipped can still be done."""
    before = completion(world, step, user_id)
    values = {"skipped": skipped, "completed_form_id": form_id}
    if before is not None:
        return items.change(world, "CompletedOnboardingItem", before.id, **values)
    about = {"onboarding_item_id": step.id, "user_id": user_id}
    kind = {"item_type": step.item_type, "item_id": step.item_id}
    made = items.add(world, "CompletedOnboardingItem", **about, **kind, **values)
    world.emit("completed_onboarding_item.created", "CompletedOnboardingItem", made.id)
    return made


def _create(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Mark a step as done, or skipped, for a patient: without `user_id` the key's owner."""
    world = request.world
    step = world.items["OnboardingItem"].get(given.get("onboarding_item_id"))
    user = patient(request, given.get("user_id") or request.me.user.id)
    if step is None:
        return refused("Onboarding item must exist", field="onboarding_item_id")
    if user is None:
        return refused("User must exist", field="user_id")
    if given.get("skipped") is None:
        return refused("Skipped can't be blank", field="skipped")
    return {"completed_onboarding_item": complete(world, step, user.id, skipped=given["skipped"])}


def _one(request: Request, args: dict[str, Any]) -> Item | None:
    """Return a step; needs no key, but shows a patient's progress only to whom may see the patient."""
    step = request.world.items["OnboardingItem"].get(args["id"])
    if step is None or request.actor is None:
        return step
    wanted = args.get("user_id") or (request.me.user.id if request.me.is_patient else None)
    user = patient(request, wanted)
    return as_seen_by(step, user.id if user else None)


def _unassociated(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List what a patient did that is not a part of the present flow."""
    user = patient(request, args.get("user_id") or request.me.user.id)
    present = {step.id for step in steps_of(request.world, user.id)} if user else set()
    done = items.every(request.world, "CompletedOnboardingItem", user_id=user.id) if user else []
    return page([each for each in done if each.onboarding_item_id not in present], args)


def _completed_form(step: Item, request: Request, *_: Any) -> str | None:
    done = completion(request.world, step)
    return done.completed_form_id if done else None


def _draft_id(step: Item, request: Request, *_: Any) -> str | None:
    begun = draft(request.world, step)
    return begun.id if begun else None


def _date_to_show(step: Item, request: Request, *_: Any) -> Any:
    shown = completion(request.world, step) or draft(request.world, step)
    return shown.created_at if shown else None


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.onboardingItem": _one,
    "Query.unassociatedCompletedOnboardingItems": _unassociated,
    "Mutation.createCompletedOnboardingItem": _create,
    "OnboardingItem.completed_onboarding_item": lambda step, request, _: completion(request.world, step),
    "OnboardingItem.completed_form_id": _completed_form,
    "OnboardingItem.incomplete_form_id": _draft_id,
    "OnboardingItem.date_to_show": _date_to_show,
    "OnboardingItem.user": lambda step, request, _: request.world.users.get(step.for_user_id),
    "CompletedOnboardingItem.date_to_show": lambda done, *_: done.created_at,
    "CompletedOnboardingItem.onboarding_item": lambda done, request, _: request.world.items[
        "OnboardingItem"
    ].get(done.onboarding_item_id),
    "CompletedOnboardingItem.user": lambda done, request, _: request.world.users.get(done.user_id),
}
