"""What the practice decides besides its rules in the system of record. How a visit's terms follow from both is in cancelling.py and rescheduling.py."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from booking.money import Money

_ALL = 100  # percent


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

    def __post_init__(self) -> None:
        if self.notice < timedelta():
            raise ValueError("a refund's notice is not negative")
        if not 0 <= self.percent <= _ALL:
            raise ValueError("a refund is between 0 and 100 percent")


@dataclass(frozen=True, kw_only=True)
class ChangePolicy:
    """The practice's own policy for what the system of record has no setting for. Raises ValueError when it contradicts itself."""

    # By falling notice and falling percentage. Without a tier that fits nothing is given back.
    refunds: tuple[RefundTier, ...] = (RefundTier(notice=timedelta(), percent=_ALL),)
    # With less notice than this a cancellation is late. None: none is. How close to a visit its patient may cancel at all is the
    # system of record's to say.
    late_notice: timedelta | None = None
    # Whether this program charges the practice's fee for a late cancellation; never where the system of record charges it.
    charge_late_fee: bool = False
    plan_visits: PlanVisitTreatment = PlanVisitTreatment.CREDIT
    # How often a visit may be moved; None: as the practice's system says. The lower one of both counts.
    most_reschedules: int | None = None
    other_clinicians: bool = False  # whether a visit may be moved to another clinician

    def __post_init__(self) -> None:
        _check_tiers(self.refunds)
        if self.late_notice is not None and self.late_notice <= timedelta():
            raise ValueError("the notice of a late cancellation is more than no time")
        if self.charge_late_fee and self.late_notice is None:
            raise ValueError("a fee for late cancellations needs the notice from which on they are late")
        if self.most_reschedules is not None and self.most_reschedules < 0:
            raise ValueError("a visit cannot be moved less than never")


# Pauses are counted over this time, by Frontdoor's own rows.
PAUSES_WITHIN = timedelta(days=365)


@dataclass(frozen=True, kw_only=True)
class MembershipPolicy:
    """What patients may do with their memberships: the system of record has no setting for it. Raises ValueError when it contradicts itself."""

    patients_may_pause: bool = False
    most_pauses: int | None = None  # by the patient, within PAUSES_WITHIN; None: as often as they like

    def __post_init__(self) -> None:
        if self.most_pauses is None:
            return
        if not self.patients_may_pause:
            raise ValueError("how often a membership may be paused says nothing where patients may not pause")
        if self.most_pauses < 1:
            raise ValueError("who may pause a membership may do so once")


def _check_tiers(tiers: Iterable[RefundTier]) -> None:
    for more, less in pairwise(tiers):
        if more.notice == less.notice:
            raise ValueError("two refunds have the same notice")
        if more.notice < less.notice:
            raise ValueError("refunds stand in the order of their notice, the longest first")
        if more.percent <= less.percent:
            raise ValueError("less notice gives back less")


@dataclass(frozen=True, kw_only=True)
class ChangeOptions:
    """What may still be done with a visit, for showing it."""

    cancel_until: datetime | None  # UTC; None: it cannot be cancelled here
    reschedule_until: datetime | None  # UTC; None: it cannot be moved here
    fee_now: (
        Money | None
    )  # what cancelling costs at this moment: a fee, and what is kept of the visit's payment
