"""Requested changes of a visit that a checkout booked at an emulator in this process."""

from dataclasses import replace
from typing import Any

from booking.changes.model import Action, ActionKind, ChangeKind, RequestedChange
from booking.checkout.model import Checkout
from booking.models import Recurrence
from booking.money import Money
from booking.slots import Slot
from tests.integration.healthie_on_emulator import Practice


def usd(amount: str) -> Money:
    return Money.of(amount, "USD")


async def a_booked_checkout(here: Practice, plan_name: str = "Starter Plan") -> Checkout:
    """A checkout of the first patient's that was charged and booked."""
    plan, checkout = await here.plan(plan_name), await here.checkout(plan_name)
    if plan.frequency is not None:
        recurs = Recurrence(frequency=plan.frequency, amount=plan.price, payments=None)
        checkout = replace(checkout, quote=replace(checkout.quote, recurrence=recurs))
    charge = await here.healthie.billing.charge(checkout)
    visit = await here.healthie.scheduling.book(checkout)
    return replace(checkout, charge=charge, appointment_id=visit.id)


def a_pause(row: Checkout) -> RequestedChange:
    """A pause of the membership that the checkout began."""
    assert row.charge is not None
    return a_change(
        row,
        Action(kind=ActionKind.PAUSE_RECURRING),
        kind=ChangeKind.MEMBERSHIP_PAUSE,
        appointment_id=None,
        slot=None,
        membership_id=row.charge.recurring_payment_id,
        charged_by=row.slot.clinician_id,
    )


def a_change(row: Checkout, *actions: Action, **changes: Any) -> RequestedChange:
    """A change of the checkout's visit by its patient."""
    charge = row.charge
    values: dict[str, Any] = {
        "id": "chg_sample",
        "kind": ChangeKind.CANCELLATION,
        "owner": "patient:sample",
        "patient_id": row.patient_id,
        "appointment_id": row.appointment_id,
        "slot": row.slot,
        "time_zone": row.time_zone,
        "checkout_id": row.id,
        "quote_id": "quote-sample",
        "payment_id": charge.billing_item_id if charge else None,
        "charge_id": charge.charge_id if charge else None,
        "card_id": row.card_id,
        "recurring_payment_id": charge.recurring_payment_id if charge else None,
        "actions": actions,
        "created_at": row.created_at,
        "updated_at": row.created_at,
    }
    return RequestedChange(**(values | changes))


def a_cancellation(row: Checkout, *, fee: Money | None = None, **changes: Any) -> RequestedChange:
    """A cancellation; `fee`: what Healthie charges by its status, as accepted."""
    action = Action(kind=ActionKind.CANCEL_VISIT, amount=fee)
    return a_change(row, action, **({"late": fee is not None} | changes))


def a_reschedule(row: Checkout, new: Slot, **changes: Any) -> RequestedChange:
    """A move to another time of the same clinician's."""
    action = Action(kind=ActionKind.MOVE_VISIT)
    return a_change(row, action, **({"kind": ChangeKind.RESCHEDULE, "new_slot": new} | changes))


def a_rebooking(row: Checkout, new: Slot, **changes: Any) -> RequestedChange:
    """A move to another clinician: a new visit, and the end of the old one."""
    actions = (Action(kind=ActionKind.BOOK_VISIT), Action(kind=ActionKind.CANCEL_VISIT))
    return a_change(row, *actions, **({"kind": ChangeKind.RESCHEDULE, "new_slot": new} | changes))


def a_refund(row: Checkout, amount: str, **changes: Any) -> RequestedChange:
    """A refund of so much in all."""
    return a_change(row, Action(kind=ActionKind.REFUND, amount=usd(amount)), **changes)


def a_fee(row: Checkout, amount: str, **changes: Any) -> RequestedChange:
    """A fee that is charged to the card of the checkout."""
    action = Action(kind=ActionKind.CHARGE_FEE, amount=usd(amount), intended_at=row.created_at)
    return a_change(row, action, **changes)
