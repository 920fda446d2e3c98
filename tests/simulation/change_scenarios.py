"""Schedules in which patients change what they have booked: the canonical ones, and random ones."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from booking.changes.policy import ChangePolicy, PlanVisitTreatment, RefundTier
from tests.simulation.later import Later
from tests.simulation.patients import Wish
from tests.simulation.practice_changes import ACTS, practice_does
from tests.simulation.scenarios import canonical
from tests.simulation.schedule import Scenario, Schedule

MONEY = ChangePolicy(plan_visits=PlanVisitTreatment.MONEY, other_clinicians=True)

# Every visit of the schedules is later than this, and so is late.
LATE = timedelta(days=30)
WITH_FEE = replace(
    MONEY, refunds=(RefundTier(notice=timedelta(), percent=50),), late_notice=LATE, charge_late_fee=True
)
BY_STATUS = {"auto_schedule_charges_for_late_cancellation_no_show": True}
POLICIES: tuple[tuple[ChangePolicy, dict[str, Any]], ...] = (
    (MONEY, {}),
    (replace(MONEY, refunds=(RefundTier(notice=timedelta(), percent=50),)), {}),
    (WITH_FEE, {}),
    (WITH_FEE, BY_STATUS),
    (ChangePolicy(other_clinicians=True), {"restore_credit_on_cancel": True}),
)


def single(schedule: Schedule, *later: Later, **changes: Any) -> Wish:
    """A patient whom the practice knows buys a single visit, and does this with it."""
    wish = replace(
        canonical(schedule),
        signed_in=1,
        slot=schedule.a_slot("Single Visit"),
        plan_id=None,
        promo_code=None,
        thinks=5.0,
        later=later,
    )
    return replace(wish, **changes)


def cancelling(policy: ChangePolicy = MONEY, *, tabs: int = 1, **parts: Any) -> Scenario:
    """The patient cancels half a minute after the booking."""
    return Scenario(wishes=(lambda schedule: single(schedule, Later(tabs=tabs)),), policy=policy, **parts)


def moving(*, clinician: int = 1, hour: int = 14, **parts: Any) -> Scenario:
    """The patient moves the visit, to another clinician where one is named."""

    def wish(schedule: Schedule) -> Wish:
        to = schedule.a_slot("Single Visit", clinician=clinician, hour=hour)
        return single(schedule, Later(to=to))

    return Scenario(wishes=(wish,), policy=MONEY, **parts)


CANCELLING, MOVING, MOVING_ELSEWHERE = cancelling(), moving(), moving(clinician=2, hour=15)


def draw_changes(rng: random.Random, base: Scenario) -> Scenario:
    """Let the patients of a drawn scenario change what they book, and the practice change it too."""
    policy, settings = rng.choice(POLICIES)
    events = tuple(
        practice_does(
            rng.choice(sorted(ACTS)), after=rng.choice((0.0, rng.uniform(0, 90), rng.uniform(0, 900)))
        )
        for _ in range(rng.choice((0, 0, 1, 2)))
    )
    return replace(
        base,
        wishes=tuple(_changing(rng, wish) for wish in base.wishes),
        events=base.events + events,
        policy=policy,
        settings=settings,
    )


def _changing(rng: random.Random, wish: Callable[[Schedule], Wish]) -> Callable[[Schedule], Wish]:
    drawn = tuple(_draw_one(rng) for _ in range(rng.choice((1, 1, 1, 2))))
    again = _draw_one(rng) if rng.random() < 0.3 else None

    def changing(schedule: Schedule) -> Wish:
        made = wish(schedule)
        name = schedule.upstream.world.appointment_types[made.slot.visit_type_id].name
        later = tuple(one(schedule, name) for one in drawn)
        if again is not None:
            later = (replace(later[0], again=again(schedule, name)), *later[1:])
        return replace(made, later=later)

    return changing


def _draw_one(rng: random.Random) -> Callable[[Schedule, str], Later]:
    """Draw one change; the times are few and others want them too."""
    cancels = rng.random() < 0.45
    clinician = rng.choice((1, 1, 2))
    place = {
        "clinician": clinician,
        "hour": 13 + clinician + rng.choice((0, 1, 1)),
        "minute": rng.choice((0, 0, 30)),
    }
    drawn: dict[str, Any] = {
        "after": rng.choice((0.0, rng.uniform(0, 60), rng.uniform(0, 900))),
        "thinks": rng.choice((0.0, 5.0, rng.uniform(0, 60))),
        "tabs": rng.choice((1, 1, 2)),
    }

    def one(schedule: Schedule, visit: str) -> Later:
        return Later(to=None if cancels else schedule.a_slot(visit, **place), **drawn)

    return one
