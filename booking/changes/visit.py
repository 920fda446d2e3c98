"""A booked visit as its patient may change it: the practice's rules for it, its verdict, and what was paid."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from booking.models import Appointment, Charge
from booking.money import Money


@dataclass(frozen=True, kw_only=True)
class VisitRules:
    """The practice's own rules for changing a visit, of its type or else general; None where it states none.

    Source: `appointmentSetting` and `AppointmentType.appointment_setting` (LIFECYCLE.md, Cancel, reschedule).
    """

    may_cancel: bool
    may_reschedule: bool
    cancel_notice: timedelta | None
    reschedule_notice: timedelta | None
    reason_required: bool = False
    most_reschedules: int | None = None  # None: no limit
    late_cancellation_fee: Money | None = None
    # A visit at the status of a late cancellation is charged by the practice's system itself.
    practice_charges_late_fee: bool = False
    restores_credit: bool = False
    cannot_cancel_message: str | None = None  # the practice's own words for its patients
    cannot_reschedule_message: str | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the system of record says of this one visit; False where it says nothing: no verdict is a no."""

    can_cancel: bool
    can_reschedule: bool


@dataclass(frozen=True, kw_only=True)
class BookedVisit:
    """A visit with what decides on changes of it, read from the system of record at one moment."""

    appointment: Appointment
    rules: VisitRules
    verdict: Verdict
    reschedules: int = 0  # how often its patient has moved it
    credit_used: bool | None = None  # None: unknown
    has_series: bool = False  # one of a recurring series, or a group's


@dataclass(frozen=True, kw_only=True)
class Paid:
    """What Frontdoor charged for a visit, and what of it was given back since."""

    charge: Charge
    refunded: Money  # so far
    plan_id: str | None  # None: the single visit
    list_price: Money


@dataclass(frozen=True, kw_only=True)
class CancellationReasonOption:
    """One of the practice's reasons for a cancellation by a patient."""

    id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class JoinLinks:
    """How to join a visit from afar. Secrets: read when asked for, never stored, logged or put in an event."""

    url: str | None = field(default=None, repr=False)  # None: not ready yet
    dial_in: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class VisitAsStands:
    """Where a visit stands now, for an action that looks before it sends."""

    appointment: Appointment
    deleted: bool
    cancelled_at: datetime | None = None  # UTC, if known
