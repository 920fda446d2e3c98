"""What happens meanwhile: events and wishes of the schedules in which the rules are needed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import delete, insert

from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from integrations.database.tables.operations import clinician_blocks
from integrations.database.tables.slots import slot_claims
from integrations.healthie_emulator import billing_changes
from integrations.healthie_emulator.amounts import from_minor
from integrations.healthie_emulator.state import Actor, Request
from tests.simulation.patients import Wish
from tests.simulation.scenarios import canonical, see_to
from tests.simulation.schedule import Scenario, Schedule

# Seconds by which the canonical patient has confirmed, and their calls have met what they meet.
PARKED_BY = 90.0


def leaving(seconds: float) -> Scenario:
    """The canonical patient cancels so long after they confirmed."""
    return Scenario(wishes=(lambda schedule: replace(canonical(schedule), cancels_after=seconds),))


async def _charge_sent(schedule: Schedule) -> None:
    while not any(sent.operation == "Charge" for sent in schedule.upstream.sent):  # noqa: ASYNC110 - virtual time
        await asyncio.sleep(0.05)


async def outage(schedule: Schedule) -> None:
    """Healthie is down for longer than a confirm is good for, from the moment the charge is sent."""
    await _charge_sent(schedule)
    schedule.upstream.down_until = schedule.loop.time() + 20 * 60


async def lose_holds(schedule: Schedule) -> None:
    """Lose the holds while the first patient's charge is out."""
    await _charge_sent(schedule)
    schedule.empty_holds()


async def hand_on(schedule: Schedule) -> None:
    """Hand the clinician's key on while the patient types, at a Healthie where the key decides who provides."""
    schedule.upstream.world.switches.other_party_id_overrides = False
    await asyncio.sleep(30.0)
    keys = schedule.upstream.world.api_keys
    key = next(one for one in keys if one.user_id == schedule.clinician_ids[0])
    keys.change(key.id, user_id=schedule.clinician_ids[2])


async def staff_book(schedule: Schedule) -> None:
    """Put a visit of the practice's own into the slot while the patient types."""
    await asyncio.sleep(30.0)
    slot = schedule.a_slot("Initial Visit")
    schedule.upstream.world.appointments.add(
        provider_id=slot.clinician_id,
        user_id=schedule.patient_ids[2],
        appointment_type_id=slot.visit_type_id,
        starts_at=slot.start,
        length=slot.minutes,
    )


async def change_terms_early(schedule: Schedule) -> None:
    """Let the practice give less off while the patient types in their card, long before they confirm."""
    await asyncio.sleep(90.0)
    schedule.upstream.change_terms("coupons", "WELCOME20", percent_off=5)


async def change_terms_late(schedule: Schedule) -> None:
    """Let the practice give less off in the moment between the last look at the terms and the charge."""

    def looked() -> bool:
        return [sent.operation for sent in schedule.upstream.sent if sent.executed_at].count(
            "ValidateCoupon"
        ) > 1

    while not looked():  # noqa: ASYNC110 - virtual time
        await asyncio.sleep(0.05)
    schedule.upstream.change_terms("coupons", "WELCOME20", percent_off=5)


async def refund_by_hand(schedule: Schedule) -> None:
    """Give a payment back on Healthie's own pages when it turns up, and leave its recurring payment as it is."""
    world = schedule.upstream.world
    staff = Request(world=world, actor=Actor(user=world.users[world.organization.owner_id]))
    while not (paid := [item for item in world.billing_items if item.stripe_charge_id and item.note]):  # noqa: ASYNC110
        await asyncio.sleep(10.0)
    for item in paid:
        billing_changes.update(
            staff, {"id": item.id, "chosen_refund_amount": from_minor(item.amount, item.currency)}
        )


async def _parked(schedule: Schedule) -> Checkout | None:
    """Wait until a row is parked at an intent that pays or books; None: none is, since what was not sent was sent at once again."""
    while schedule.loop.time() < PARKED_BY:
        await asyncio.sleep(0.5)
        for row in schedule.witness.rows():
            if row.state in {S.CHARGE_INTENDED, S.BOOKING_INTENDED} and row.lease_owner is None:
                return row
    return None


async def lose_claim(schedule: Schedule) -> None:
    """Lose hold and claim of a row that is parked."""
    if (row := await _parked(schedule)) is None:
        return
    with schedule.database.begin() as connection:
        connection.execute(delete(slot_claims).where(slot_claims.c.checkout_id == row.id))
    schedule.empty_holds()


async def block(schedule: Schedule) -> None:
    """Block the clinician of a row that is parked."""
    if (row := await _parked(schedule)) is None:
        return
    with schedule.database.begin() as connection:
        connection.execute(
            insert(clinician_blocks),
            {
                "clinician_id": row.visit_slot.clinician_id,
                "reason": "provider_mismatch",
                "checkout_id": row.id,
                "blocked_at": schedule.loop.now(),
            },
        )
    schedule.witness.see()


async def empty_holds(schedule: Schedule) -> None:
    """Lose the holds between the patient's start and their confirm."""
    await asyncio.sleep(32.0)
    schedule.empty_holds()


def last_minute(*, arrives: float, thinks: float) -> Callable[[Schedule], Wish]:
    """The canonical patient wants a visit of which the practice's notice ends a quarter of an hour after the beginning."""

    def wish(schedule: Schedule) -> Wish:
        slot = schedule.a_slot("Initial Visit", clinician=2, days=0, hour=11, minute=15)
        return replace(canonical(schedule), slot=slot, arrives=arrives, thinks=thinks)

    return wish


def hasty(schedule: Schedule) -> Wish:
    """Somebody else who wants the same hour, and has it before a parked row is taken up again."""
    return replace(canonical(schedule), number=2, arrives=47.0, thinks=4.0)


async def resolve_unrefunded(schedule: Schedule) -> None:
    """Let staff have booked the slot, refunds do nothing for hours, and an operator say then that it is refunded."""
    noops = schedule.upstream.world.switches.silent_noop
    noops.add("updateBillingItem")
    await staff_book(schedule)
    await asyncio.sleep(4 * 3600.0)
    noops.discard("updateBillingItem")
    await see_to(schedule)


def another(schedule: Schedule) -> Wish:
    """Somebody else who wants the same hour while the first patient pays for it."""
    return replace(canonical(schedule), number=2, arrives=48.0)


def strangers(schedule: Schedule, *, hour: int) -> Wish:
    """One of many guests who want the same clinician's day, each an hour of it, and think for long."""
    return replace(
        canonical(schedule),
        number=hour,
        slot=schedule.a_slot("Initial Visit", hour=hour),
        arrives=float(hour),
        thinks=100.0,
    )


def claiming(schedule: Schedule) -> Wish:
    """A guest who gives the email and name of a patient whom the practice knows."""
    return replace(canonical(schedule), claims=1)
