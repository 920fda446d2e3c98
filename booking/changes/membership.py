"""A membership: the recurring payment that a plan began, as it stands in the system of record."""

from dataclasses import dataclass
from datetime import datetime

from booking.money import Money


@dataclass(frozen=True, kw_only=True)
class MembershipAsStands:
    """A membership, as read from the system of record now."""

    id: str
    patient_id: str
    plan_name: str | None
    amount: Money  # of each later payment
    next_payment_at: datetime | None  # UTC; None: none is planned
    payments_left: int | None  # None: until it is ended
    is_ended: bool
    payment_id: str  # of the last payment
    charged_by: str  # the clinician who received it
