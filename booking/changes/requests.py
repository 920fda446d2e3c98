"""The rows that accepted quotes become: pure."""

import secrets
from datetime import datetime

from booking.change_quotes import CancellationQuote, FeeMethod, RescheduleQuote
from booking.changes.access import OwnVisit, by_staff
from booking.changes.cancelling import cancellation_actions
from booking.changes.model import ChangeKind, RequestedChange
from booking.changes.rescheduling import reschedule_actions
from booking.changes.visit import Paid
from booking.errors import InvalidInput
from booking.models import Hold
from booking.principals import Caller


def new_cancellation(
    caller: Caller,
    own: OwnVisit,
    quote: CancellationQuote,
    paid: Paid | None,
    *,
    reason: str | None,
    reason_id: str | None,
    note: str | None,
    now: datetime,
) -> RequestedChange:
    """The row of an accepted cancellation; `now` is in UTC."""
    charge = paid.charge if paid is not None else None
    return RequestedChange(
        id=_new_id(),
        kind=ChangeKind.CANCELLATION,
        owner=caller.principal.key,
        by_staff=by_staff(caller),
        patient_id=own.patient_id,
        appointment_id=quote.appointment_id,
        slot=quote.slot,
        time_zone=own.checkout.time_zone if own.checkout is not None else "UTC",
        checkout_id=own.checkout.id if own.checkout is not None else None,
        quote_id=quote.id,
        reason=reason,
        reason_id=reason_id,
        note=note,
        late=quote.fee is not None and quote.fee.method is FeeMethod.BY_PRACTICE,
        payment_id=charge.billing_item_id if charge is not None else None,
        charge_id=charge.charge_id if charge is not None else None,
        card_id=charge.card_id if charge is not None else None,
        charged_by=own.checkout.clinician_id if own.checkout is not None and charge is not None else None,
        refunded_before=paid.refunded if paid is not None else None,
        recurring_payment_id=charge.recurring_payment_id if charge is not None else None,
        actions=cancellation_actions(quote, paid),
        created_at=now,
        updated_at=now,
        due_at=now,
    )


def new_reschedule(
    caller: Caller, own: OwnVisit, quote: RescheduleQuote, hold: Hold, *, note: str | None, now: datetime
) -> RequestedChange:
    """The row of an accepted move into the held slot. `now` (UTC) was taken before the hold was read. Raises SlotDoesNotFit."""
    return RequestedChange(
        id=_new_id(),
        kind=ChangeKind.RESCHEDULE,
        owner=caller.principal.key,
        by_staff=by_staff(caller),
        patient_id=own.patient_id,
        appointment_id=quote.appointment_id,
        slot=quote.slot,
        new_slot=hold.slot,
        hold_id=hold.id,
        time_zone=hold.time_zone,
        checkout_id=own.checkout.id if own.checkout is not None else None,
        quote_id=quote.id,
        note=note,
        actions=reschedule_actions(quote, hold.slot),
        created_at=now,
        updated_at=now,
        due_at=now,
    )


def check_note(caller: Caller, note: str | None) -> None:
    """Staff say why they change something for its patient; others write no note. Raises InvalidInput."""
    if by_staff(caller) and not (note or "").strip():
        raise InvalidInput(field="note", reason="Say why you change this for its patient.")
    if note is not None and not by_staff(caller):
        raise InvalidInput(field="note", reason="Only staff write a note.")


def _new_id() -> str:
    return f"chg_{secrets.token_urlsafe(16)}"
