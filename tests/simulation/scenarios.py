"""Scenarios: the canonical journey that every fault meets, and random ones."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine
from typing import Any

from booking.checkout.model import CheckoutState
from booking.checkout.operator_actions import Resolution
from booking.errors import DomainError
from tests.simulation.patients import Wish
from tests.simulation.process import ConnectionLost
from tests.simulation.schedule import Scenario, Schedule

Event = Callable[[Schedule], Coroutine[Any, Any, None]]

GOOD, DECLINED_WHEN_CHARGED, DECLINED_WHEN_ATTACHED = (
    "tok_visa",
    "tok_chargeCustomerFail",
    "tok_chargeDeclined",
)

# What patients buy: a visit, and the plan that includes it; None buys the visit alone.
OFFERS = (
    ("Initial Visit", "First Visit"),
    ("Initial Visit", "Starter Plan"),
    ("Initial Visit", "Monthly Care"),
    ("Follow-up Visit", "Monthly Care"),
    ("Single Visit", None),
    ("Free Consultation", None),
)

# Of several patients this one, where it is a guest, gives the email and name of one whom the practice knows.
CLAIMING_NUMBER = 2


def canonical(schedule: Schedule) -> Wish:
    """A guest buys a recurring plan with a promo code and books its first visit."""
    return Wish(
        number=1,
        slot=schedule.a_slot("Initial Visit"),
        plan_id=schedule.seed["plans"]["Monthly Care"],
        promo_code="WELCOME20",
    )


CANONICAL = Scenario(wishes=(canonical,))


def draw(rng: random.Random) -> Scenario:
    """Draw a scenario: patients who get into one another's way, processes, and what Healthie is like that day."""
    wishes = tuple(_wish(rng, number) for number in range(1, rng.choice((1, 2, 2, 3, 4)) + 1))
    return Scenario(
        wishes=wishes,
        gateways=rng.choice((1, 2)),
        workers=rng.choice((1, 2)),
        switches=_switches(rng),
        events=tuple(draw_event(rng) for draw_event, odds in _EVENTS if rng.random() < odds),
    )


def _wish(rng: random.Random, number: int) -> Callable[[Schedule], Wish]:
    """Draw one patient's wish: times are few, so that patients want the same and overlapping ones."""
    visit, plan = rng.choice(OFFERS)
    place = _place(rng)
    good = rng.random() < 0.6
    bad = rng.choice((DECLINED_WHEN_CHARGED, DECLINED_WHEN_ATTACHED))
    drawn: dict[str, Any] = {
        "number": number,
        "arrives": rng.choice((0.0, 0.0, rng.uniform(0, 60), rng.uniform(0, 1200))),
        "signed_in": rng.choice((None, None, 1, 2)),
        "claims": 1 if number == CLAIMING_NUMBER else None,
        "promo_code": rng.choice((None, None, "WELCOME20", "MINUS25")) if plan else None,
        "cards": (GOOD, GOOD) if good else (bad, GOOD, GOOD),
        "thinks": rng.choice((1.0, 20.0, rng.uniform(1, 200))),
        "cancels_after": rng.uniform(0, rng.choice((2, 60, 900))) if rng.random() < 0.25 else None,
        "browses": rng.random() < 0.2,
        "confirms_twice": rng.random() < 0.15,
    }

    def wish(schedule: Schedule) -> Wish:
        return Wish(
            slot=schedule.a_slot(visit, **place),
            plan_id=schedule.seed["plans"][plan] if plan else None,
            **drawn,
        )

    return wish


def _place(rng: random.Random) -> dict[str, int]:
    """Draw one of few times, nearly all of which are in working hours and overlap others."""
    clinician = rng.choice((1, 1, 2))
    return {
        "clinician": clinician,
        "hour": 13 + clinician + rng.choice((0, 0, 1)),
        "minute": rng.choice((0, 0, 30)),
    }


def _switches(rng: random.Random) -> dict[str, Any]:
    """Draw where Healthie is odd."""
    odd = (
        ("drop_note", True, 0.15),
        ("repeated_key_adds_item", True, 0.15),
        ("check_availability_without_holding", True, 0.1),
        ("other_party_id_overrides", False, 0.3),
    )
    return {name: value for name, value, odds in odd if rng.random() < odds}


def _outage(rng: random.Random) -> Event:
    """Healthie is down for a while, sometimes longer than a patient's confirm is good for."""
    begins, lasts = rng.uniform(0, 120), rng.choice((30.0, 300.0, 1500.0))

    async def outage(schedule: Schedule) -> None:
        await asyncio.sleep(begins)
        schedule.trace.say("healthie", f"is down for {lasts} seconds")
        schedule.trace.troubles.append("outage")
        schedule.upstream.down_until = schedule.loop.time() + lasts

    return outage


def _no_records(rng: random.Random) -> Event:
    """The audit trail cannot be written for a while, sometimes longer than a patient's confirm is good for."""
    begins, lasts = rng.uniform(0, 120), rng.choice((5.0, 60.0, 1500.0))

    async def no_records(schedule: Schedule) -> None:
        await asyncio.sleep(begins)
        schedule.trace.say("records", f"cannot be written for {lasts} seconds")
        schedule.trace.troubles.append("no_records")
        schedule.store.down_until = schedule.loop.time() + lasts

    return no_records


def _staff_book(rng: random.Random) -> Event:
    """Somebody at the practice puts a visit of their own into the calendar."""
    begins = rng.uniform(0, 120)
    place = _place(rng)

    async def staff_book(schedule: Schedule) -> None:
        await asyncio.sleep(begins)
        slot = schedule.a_slot("Follow-up Visit", **place)
        schedule.trace.troubles.append("staff_book")
        schedule.trace.say("staff", "book a visit of their own")
        world = schedule.upstream.world
        if any(
            v.provider_id == slot.clinician_id
            and v.deleted_at is None
            and v.starts_at < slot.end
            and slot.start.timestamp() < v.starts_at.timestamp() + v.length * 60
            for v in world.appointments
        ):
            return
        world.appointments.add(
            provider_id=slot.clinician_id,
            user_id=schedule.patient_ids[2],
            initiator_id=slot.clinician_id,
            appointment_type_id=slot.visit_type_id,
            starts_at=slot.start,
            length=slot.minutes,
            contact_type="Healthie Video Call",
        )

    return staff_book


def _key_handed_on(rng: random.Random) -> Event:
    """A clinician's key becomes another clinician's, and we are not notified."""
    begins = rng.uniform(0, 90)

    async def key_handed_on(schedule: Schedule) -> None:
        await asyncio.sleep(begins)
        schedule.trace.troubles.append("key_handed_on")
        schedule.trace.say("staff", "hand a key on")
        keys = schedule.upstream.world.api_keys
        key = next(one for one in keys if one.user_id == schedule.clinician_ids[0])
        keys.change(key.id, user_id=schedule.clinician_ids[2])

    return key_handed_on


def _noop(rng: random.Random) -> Event:
    """One kind of change answers and does nothing, for a while or for good."""
    begins, lasts = rng.uniform(0, 90), rng.choice((60.0, 3600.0, 1e9))
    mutation = rng.choice(
        (
            "createBillingItem",
            "createAppointment",
            "updateBillingItem",
            "deleteAppointment",
            "cancelRecurringPayment",
            "createClient",
        )
    )

    async def noop(schedule: Schedule) -> None:
        await asyncio.sleep(begins)
        schedule.trace.troubles.append(f"noop {mutation}")
        switches = schedule.upstream.world.switches
        switches.silent_noop.add(mutation)
        schedule.loop.call_later(lasts, switches.silent_noop.discard, mutation)

    return noop


# What staff change: which records, which one, and how.
TERMS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("coupons", "WELCOME20", {"percent_off": 5}),
    ("coupons", "WELCOME20", {"usage_limit": 0}),
    ("offerings", "First Visit", {"billing_frequency": "Monthly"}),
    ("offerings", "Monthly Care", {"billing_frequency": "Weekly"}),
    ("offerings", "Monthly Care", {"billing_frequency": "One-Time"}),
    ("offerings", "Starter Plan", {"price": 30_000}),
    ("offerings", "Starter Plan", {"show_offering": False}),
    ("appointment_types", "Single Visit", {"price": 21_000}),
    ("appointment_types", "Free Consultation", {"price": 5_000}),
)


def _terms_change(rng: random.Random) -> Event:
    """The practice changes what it sells, perhaps between a quote and its charge."""
    begins, (what, name, changes) = rng.uniform(0, 240), rng.choice(TERMS)

    async def terms_change(schedule: Schedule) -> None:
        await asyncio.sleep(begins)
        schedule.trace.troubles.append("terms_change")
        schedule.upstream.change_terms(what, name, **changes)

    return terms_change


def _operator(rng: random.Random) -> Event:
    """Somebody sees to what needs a person, now and then: has a step taken again, or everything undone."""
    comes = sorted(rng.uniform(0, 40 * 3600) for _ in range(4))
    retries = rng.random() < 0.5

    async def operator(schedule: Schedule) -> None:
        begun = schedule.loop.elapsed
        for at in comes:
            await asyncio.sleep(max(begun + at - schedule.loop.elapsed, 0.0))
            await see_to(schedule, retries=retries)

    return operator


async def see_to(schedule: Schedule, *, retries: bool = False) -> None:
    """Have what needs a person tried again, or undone, whatever was done by hand: nothing."""
    for row in schedule.witness.rows():
        if row.state is not CheckoutState.NEEDS_ATTENTION:
            continue
        process = await schedule.a_gateway()
        actions = process.operator_actions
        done = (
            actions.retry(row.id)
            if retries
            else actions.resolve(row.id, Resolution.REFUNDED, note="Given back.")
        )
        schedule.trace.say("operator", f"{'retries' if retries else 'resolves'} {row.id}")
        with contextlib.suppress(DomainError, ConnectionLost):
            await process.run(done)


_EVENTS = (
    (_outage, 0.15),
    (_staff_book, 0.25),
    (_key_handed_on, 0.1),
    (_noop, 0.1),
    (_no_records, 0.1),
    (_terms_change, 0.2),
    (_operator, 0.2),
)
