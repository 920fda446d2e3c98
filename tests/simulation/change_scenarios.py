"""Schedules in which patients change what they have booked: the canonical ones, and random ones."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

from booking.changes.policy import ChangePolicy, PlanVisitTreatment, RefundTier
from booking.slots import Slot
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


def waiting(schedule: Schedule, *, slot: Slot | None = None, **changes: Any) -> Wish:
    """Somebody who wants that time, or the canonical patient's, and comes back for it until it is free."""
    wish = replace(canonical(schedule), number=2, arrives=60.0, thinks=1.0, waits=20, plan_id=None)
    return replace(wish, promo_code=None, slot=slot or schedule.a_slot("Single Visit"), **changes)


def ending() -> Scenario:
    """The patient ends the membership that they bought with the visit."""

    def wish(schedule: Schedule) -> Wish:
        later = Later(ends_membership=True)
        return replace(canonical(schedule), signed_in=1, thinks=5.0, later=(later,))

    return Scenario(wishes=(wish,), policy=MONEY)


def with_rival(scenario: Scenario, rival: Callable[[Schedule], Wish] = waiting) -> Scenario:
    """Somebody else is in a checkout of the time that the change frees, or takes."""
    return replace(scenario, wishes=(*scenario.wishes, rival))


CANCELLING, MOVING, MOVING_ELSEWHERE = cancelling(), moving(), moving(clinician=2, hour=15)


def draw_changes(rng: random.Random, base: Scenario) -> Scenario:
    """Let the patients of a drawn scenario change what they book, and the practice change it too."""
    policy, settings = rng.choice(POLICIES)
    wishes = tuple(_changing(rng, wish) for wish in base.wishes)
    if rng.random() < 0.4:
        wishes = (*wishes, _rival(rng, wishes[0], number=len(wishes) + 1))
    events = tuple(
        practice_does(
            rng.choice(sorted(ACTS)), after=rng.choice((0.0, rng.uniform(0, 90), rng.uniform(0, 900)))
        )
        for _ in range(rng.choice((0, 0, 1, 2)))
    )
    return replace(
        base,
        wishes=wishes,
        events=base.events + events + ((_noop(rng),) if rng.random() < 0.1 else ()),
        policy=policy,
        settings=settings,
    )


def _rival(
    rng: random.Random, first: Callable[[Schedule], Wish], *, number: int
) -> Callable[[Schedule], Wish]:
    """Draw somebody who comes back for the first patient's time until it is free, or for the one that they move into."""
    arrives, takes_new = rng.uniform(30, 400), rng.random() < 0.3

    def rival(schedule: Schedule) -> Wish:
        theirs = first(schedule)
        new = theirs.later[0].to if takes_new else None
        slot = new or theirs.slot
        return waiting(
            schedule, slot=slot, number=number, arrives=arrives, plan_id=theirs.plan_id, cards=("tok_visa",)
        )

    return rival


def _noop(rng: random.Random) -> Callable[[Schedule], Coroutine[Any, Any, None]]:
    """For a while Healthie answers a change of a visit, and does nothing."""
    begins, lasts = rng.uniform(0, 400), rng.choice((60.0, 3600.0))

    async def noop(schedule: Schedule) -> None:
        await asyncio.sleep(begins)
        schedule.trace.troubles.append("noop updateAppointment")
        switches = schedule.upstream.world.switches
        switches.silent_noop.add("updateAppointment")
        schedule.loop.call_later(lasts, switches.silent_noop.discard, "updateAppointment")

    return noop


def _changing(rng: random.Random, wish: Callable[[Schedule], Wish]) -> Callable[[Schedule], Wish]:
    drawn = tuple(_draw_one(rng) for _ in range(rng.choice((1, 1, 1, 2))))
    again = _draw_one(rng) if rng.random() < 0.3 else None
    ends = rng.random() < 0.4

    def changing(schedule: Schedule) -> Wish:
        made = wish(schedule)
        name = schedule.upstream.world.appointment_types[made.slot.visit_type_id].name
        later = tuple(one(schedule, name) for one in drawn)
        if again is not None:
            later = (replace(later[0], again=again(schedule, name)), *later[1:])
        recurs = made.plan_id == schedule.seed["plans"]["Monthly Care"]
        if ends and recurs and made.signed_in is not None:
            later = (*later, replace(later[0], to=None, ends_membership=True))
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
