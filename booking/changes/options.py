"""What may still be done with a visit, for showing it beside the visit: pure, by the same rules as the quotes."""

from datetime import datetime

from booking.changes.cancellation_terms import terms_with
from booking.changes.checks import (
    cancel_until,
    cancellation_checks,
    refused_by,
    reschedule_checks,
    reschedule_until,
)
from booking.changes.policy import ChangeOptions, ChangePolicy
from booking.changes.visit import BookedVisit, Paid


def change_options(
    visit: BookedVisit, paid: Paid | None, policy: ChangePolicy, *, now: datetime
) -> ChangeOptions:
    """What its patient may do with the visit now, and until when. Never raises for what is not allowed."""
    cancels = refused_by(cancellation_checks(visit, now=now), by_staff=False) is None
    moves = refused_by(reschedule_checks(visit, policy, now=now), by_staff=False) is None
    notice = visit.appointment.start - now
    return ChangeOptions(
        cancel_until=cancel_until(visit) if cancels else None,
        reschedule_until=reschedule_until(visit) if moves else None,
        fee_now=terms_with(notice, visit, paid, policy).cost if cancels else None,
    )
