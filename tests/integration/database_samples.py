"""Checkouts to store, all of them made up, the usual transactions on them, and a look at who waits for whom."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.catalog.model import BillingFrequency, BookingPolicy, ContactType
from booking.checkout.model import Attempt, Checkout, CheckoutState, EndReason, LateFinding
from booking.models import CardChoice, Charge, EmailCode, GuestDetails, Quote, Recurrence
from booking.money import Money
from booking.operations.model import AttentionReason, HistoryEntry, HistoryKind
from booking.refusals import DeclineReason
from booking.slots import Slot
from booking.unit_of_work import UnitOfWorkFactory
from integrations.database.sealing import Sealer

SEALER = Sealer({"sample": bytes(range(32))}, current="sample")

NOON = datetime(2026, 3, 2, 12, 0, 0, 123_457, tzinfo=UTC)


def dollars(amount: str) -> Money:
    return Money.of(amount, "USD")


def a_slot(*, start: datetime = NOON, minutes: int = 30, clinician: str = "clinician-1") -> Slot:
    return Slot(
        clinician_id=clinician,
        visit_type_id="visit-1",
        contact_type=ContactType.VIDEO,
        location_id=None,
        start=start,
        minutes=minutes,
    )


QUOTE = Quote(
    plan_id="plan-1",
    visit_type_id="visit-1",
    description="A sample plan",
    list_price=dollars("120.10"),
    discount=dollars("20.10"),
    due_today=dollars("100"),
    promo_code="SAMPLE",
    coupon_id="coupon-1",
    recurrence=Recurrence(frequency=BillingFrequency.MONTHLY, amount=dollars("120.10"), payments=3),
    policy=BookingPolicy(
        schedule_notice=timedelta(hours=2),
        cancel_notice=timedelta(days=1, seconds=1),
        late_cancellation_fee=dollars("25"),
        no_show_fee=None,
    ),
)

GUEST = GuestDetails(
    email="patient@example.com",
    first_name="Sample",
    last_name="Patient",
    phone="+1 555-0100",
    birth_date=date(1990, 2, 28),
)


def a_charge(billing_item: str = "billing-item-1") -> Charge:
    return Charge(
        billing_item_id=billing_item,
        charge_id=f"charge-of-{billing_item}",
        net=Money(amount=Decimal("100.00"), currency="USD"),
        card_id="card-1",
        recurring_payment_id="recurring-1",
        package_id=None,
    )


def a_checkout(name: str = "checkout_1", **changes: Any) -> Checkout:
    """A checkout as it starts, on a hold and at a time of its own unless told otherwise."""
    fresh = Checkout(
        id=name,
        owner=f"guest:{name}",
        started_by="visitor:sample",
        hold_id=f"hold_of_{name}",
        slot=a_slot(),
        time_zone="America/New_York",
        quote=QUOTE,
        created_at=NOON,
        updated_at=NOON,
    )
    return fresh.changed(**changes)


def a_full_checkout() -> Checkout:
    """A checkout with something in every field; no real one ever has all of it."""
    return a_checkout(
        version=1,
        state=CheckoutState.CHARGED,
        guest=GUEST,
        email_code=EmailCode(digest="d" * 64, expires_at=NOON + timedelta(minutes=10), tries=2),
        email_verified_at=NOON + timedelta(minutes=1),
        patient_id="patient-1",
        patient_created=True,
        attempt=2,
        card=CardChoice(token="tok_sample"),
        card_id="card-1",
        confirm_deadline=NOON + timedelta(minutes=15),
        hold_expires_at=NOON + timedelta(minutes=5),
        declined=DeclineReason.CARD_EXPIRED,
        cancel_requested=True,
        tries=3,
        intended_at=NOON + timedelta(seconds=1),
        charge=a_charge(),
        refunded=dollars("1.50"),
        appointment_id="appointment-1",
        end_reason=EndReason.SLOT_TAKEN,
        attention=(AttentionReason.REFUND_FAILED, AttentionReason.LATE_CHARGE),
        attention_from=CheckoutState.REFUND_INTENDED,
        attempts=(
            Attempt(number=1, card_id="card-0", intended_at=NOON),
            Attempt(number=2, card_id=None, intended_at=NOON + timedelta(minutes=1)),
        ),
        ended_at=NOON + timedelta(minutes=2),
        checks=1,
        late=LateFinding(
            ended_as=CheckoutState.EXPIRED, attempt=1, charge=a_charge("late"), appointment_id="a"
        ),
        resolved_ids=("billing-item-0",),
        lease_owner="driver-1",
        lease_until=NOON + timedelta(seconds=60),
        due_at=NOON + timedelta(seconds=90),
    )


async def somebody_waits(engine: AsyncEngine, *, transactions: int = 1) -> None:
    """Return once so many transactions on this PostgreSQL database wait for others' locks; fails after ten seconds."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(10), engine.connect() as connection:
        while await connection.scalar(waiting) < transactions:
            await connection.rollback()  # a transaction sees one state of this view
            await asyncio.sleep(0.01)


def a_history_entry(**changes: Any) -> HistoryEntry:
    values: dict[str, Any] = {
        "checkout_id": "checkout_1",
        "at": NOON,
        "kind": HistoryKind.MOVED,
        "before": "started",
        "after": "patient_ready",
        "attempt": 1,
        "by": "driver-1",
    }
    return HistoryEntry(**(values | changes))


async def added(units: UnitOfWorkFactory, checkout: Checkout) -> Checkout:
    async with units() as unit:
        assert await unit.checkouts.add(checkout) is None
        await unit.commit()
    return checkout.changed(version=1)


async def saved(units: UnitOfWorkFactory, checkout: Checkout, *, was: Checkout | None = None) -> Checkout:
    async with units() as unit:
        after = await unit.checkouts.save(checkout, was=was)
        await unit.commit()
    return after


async def stored(units: UnitOfWorkFactory, checkout_id: str = "checkout_1") -> Checkout | None:
    async with units() as unit:
        return await unit.checkouts.get(checkout_id)


async def take(units: UnitOfWorkFactory, checkout: Checkout) -> None:
    async with units() as unit:
        await unit.claims.take(checkout)
        await unit.commit()


async def a_row(
    units: UnitOfWorkFactory,
    name: str,
    *,
    start: datetime = NOON,
    minutes: int = 30,
    clinician: str = "clinician-1",
) -> Checkout:
    return await added(
        units, a_checkout(name, slot=a_slot(start=start, minutes=minutes, clinician=clinician))
    )
