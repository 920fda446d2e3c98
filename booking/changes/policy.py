"""What the practice decides besides its rules in the system of record, and what follows for a visit: pure, on the gateway's clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from booking.money import Money


class PlanVisitTreatment(StrEnum):
    """What cancelling a visit gives back that a plan paid for: never both."""

    CREDIT = "credit"  # the system of record gives the credit back, if its settings say so
    MONEY = "money"  # the plan's payment is refunded as a single visit's is, and its recurring payment ends
    NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class RefundTier:
    """With at least this notice before the start, so much of the payment is given back."""

    notice: timedelta
    percent: int  # 0-100


@dataclass(frozen=True, kw_only=True)
class ChangePolicy:
    """The practice's own policy for what the system of record has no setting for; validated at start."""

    # By falling notice. Without a tier that fits nothing is given back.
    refunds: tuple[RefundTier, ...] = (RefundTier(notice=timedelta(), percent=100),)
    # Whether this program charges the practice's fee for a late cancellation; never where the system of record charges it.
    charge_late_fee: bool = False
    plan_visits: PlanVisitTreatment = PlanVisitTreatment.CREDIT
    # How often a visit may be moved; None: as the practice's system says. The lower one of both counts.
    most_reschedules: int | None = None
    other_clinicians: bool = False  # whether a visit may be moved to another clinician


@dataclass(frozen=True, kw_only=True)
class ChangeOptions:
    """What may still be done with a visit, for showing it."""

    cancel_until: datetime | None  # UTC; None: it cannot be cancelled here
    reschedule_until: datetime | None  # UTC; None: it cannot be moved here
    fee_now: Money | None  # what cancelling costs at this moment
