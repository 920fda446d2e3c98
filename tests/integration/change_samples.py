"""Requested changes to store, all of them made up, and the usual transactions on them."""

from datetime import timedelta
from typing import Any

from booking.changes.model import Action, ActionKind, ActionState, ChangeKind, RequestedChange
from booking.changes.repository import RescheduleClaim
from booking.slots import Slot
from booking.unit_of_work import UnitOfWorkFactory
from tests.integration.database_samples import NOON, a_slot, dollars

CANCEL, MOVE, BOOK = ActionKind.CANCEL_VISIT, ActionKind.MOVE_VISIT, ActionKind.BOOK_VISIT
REFUND = ActionKind.REFUND
DONE = ActionState.DONE


def a_cancellation(name: str = "chg_1", **changes: Any) -> RequestedChange:
    """A cancellation with a refund, as it is accepted: of a visit of its own unless told otherwise."""
    fresh = RequestedChange(
        id=name,
        kind=ChangeKind.CANCELLATION,
        owner="patient:patient-1",
        patient_id="patient-1",
        appointment_id=f"visit_of_{name}",
        slot=a_slot(),
        time_zone="America/New_York",
        checkout_id=None,
        quote_id="quote-1",
        payment_id="billing-item-1",
        actions=(Action(kind=CANCEL), Action(kind=REFUND, amount=dollars("100"))),
        due_at=NOON,
        created_at=NOON,
        updated_at=NOON,
    )
    return fresh.changed(**changes)


def a_reschedule(name: str = "chg_1", *, to: Slot | None = None, **changes: Any) -> RequestedChange:
    """A move of a visit to the next day, as it is accepted."""
    fresh = a_cancellation(name).changed(
        kind=ChangeKind.RESCHEDULE,
        payment_id=None,
        new_slot=to or a_slot(start=NOON + timedelta(days=1)),
        hold_id=f"hold_of_{name}",
        actions=(Action(kind=MOVE),),
    )
    return fresh.changed(**changes)


def a_membership_end(name: str = "chg_1", **changes: Any) -> RequestedChange:
    """The end of a membership, as it is accepted."""
    fresh = a_cancellation(name).changed(
        kind=ChangeKind.MEMBERSHIP_END,
        appointment_id=None,
        slot=None,
        membership_id="series-1",
        recurring_payment_id="series-1",
        actions=(Action(kind=ActionKind.STOP_RECURRING),),
    )
    return fresh.changed(**changes)


def an_invoice_payment(name: str = "chg_1", **changes: Any) -> RequestedChange:
    """The payment of an invoice, as it is accepted."""
    fresh = a_cancellation(name).changed(
        kind=ChangeKind.INVOICE_PAYMENT,
        appointment_id=None,
        slot=None,
        invoice_id="inv-1",
        actions=(
            Action(kind=ActionKind.PAY_INVOICE, amount=dollars("75")),
            Action(kind=ActionKind.READ_INVOICE),
        ),
    )
    return fresh.changed(**changes)


def with_done(change: RequestedChange, *indexes: int) -> RequestedChange:
    """The change with these actions done."""
    for index in indexes:
        change = change.with_action(index, state=DONE, intended_at=NOON, ended_at=NOON)
    return change


async def added_change(units: UnitOfWorkFactory, change: RequestedChange) -> RequestedChange:
    """Store the change with its slot claim, as it is accepted."""
    async with units() as unit:
        assert await unit.changes.add(change) is None
        if (claim := RescheduleClaim.of(change)) is not None:
            await unit.claims.take(claim)
        await unit.commit()
    return change.changed(version=1)


async def saved_change(
    units: UnitOfWorkFactory, after: RequestedChange, *, was: RequestedChange
) -> RequestedChange:
    async with units() as unit:
        saved = await unit.changes.save(after, was=was)
        await unit.commit()
    return saved


async def stored_change(units: UnitOfWorkFactory, change_id: str = "chg_1") -> RequestedChange | None:
    async with units() as unit:
        return await unit.changes.get(change_id)
