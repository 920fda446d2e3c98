"""Whether a visit may be cancelled or moved at all: every rule that is asked, in the order in which a refusal names one.

The practice's rules, the system of record's verdict on the visit, and the clock all have to agree; no verdict is a no. The rules that
bind staff too say what the visit is; the others say what patients may do.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from booking.changes.policy import ChangePolicy
from booking.changes.visit import BookedVisit
from booking.models import AppointmentStatus
from booking.refusals.changes import NotAllowedReason


class Rule(StrEnum):
    """What is asked before a visit is changed."""

    BOOKED = "booked"  # neither cancelled, missed nor completed
    NOT_BEGUN = "not_begun"
    SINGLE = "single"  # neither a group's nor one of a series
    BOOKABLE_HERE = "bookable_here"  # of a kind that patients can book here
    ALLOWED = "allowed"  # the practice lets its patients do it
    NOTICE = "notice"  # the practice's notice has not passed
    RESCHEDULES = "reschedules"  # it was not moved as often as it may be
    VERDICT = "verdict"  # the system of record says yes for this visit


@dataclass(frozen=True, kw_only=True)
class Check:
    """One rule, and whether it holds for the visit now."""

    rule: Rule
    holds: bool
    refused_as: NotAllowedReason
    binds_staff: bool = False
    until: datetime | None = None  # UTC; until when it holds, if time decides


def cancellation_checks(visit: BookedVisit, *, now: datetime) -> tuple[Check, ...]:
    """Every rule about cancelling the visit."""
    return (
        *_of_the_visit(visit, now=now),
        Check(
            rule=Rule.ALLOWED,
            holds=visit.rules.may_cancel,
            refused_as=NotAllowedReason.NOT_ONLINE,
        ),
        _notice(cancel_until(visit), now=now),
        Check(
            rule=Rule.VERDICT,
            holds=visit.verdict.can_cancel,
            refused_as=NotAllowedReason.NOT_ONLINE,
        ),
    )


def reschedule_checks(visit: BookedVisit, policy: ChangePolicy, *, now: datetime) -> tuple[Check, ...]:
    """Every rule about moving the visit."""
    left = moves_left(visit, policy)
    return (
        *_of_the_visit(visit, now=now),
        Check(
            rule=Rule.ALLOWED,
            holds=visit.rules.may_reschedule,
            refused_as=NotAllowedReason.NOT_ONLINE,
        ),
        _notice(reschedule_until(visit), now=now),
        Check(
            rule=Rule.RESCHEDULES,
            holds=left is None or left > 0,
            refused_as=NotAllowedReason.MOVED_TOO_OFTEN,
        ),
        Check(
            rule=Rule.VERDICT,
            holds=visit.verdict.can_reschedule,
            refused_as=NotAllowedReason.NOT_ONLINE,
        ),
    )


def refused_by(checks: Iterable[Check], *, by_staff: bool) -> Check | None:
    """The first rule that does not hold and binds whoever asks; None when it may be done."""
    return next((one for one in checks if not one.holds and (one.binds_staff or not by_staff)), None)


def cancel_until(visit: BookedVisit) -> datetime:
    """The latest moment at which its patient may cancel the visit, by the practice's notice."""
    return visit.appointment.start - (visit.rules.cancel_notice or timedelta())


def reschedule_until(visit: BookedVisit) -> datetime:
    """The latest moment at which its patient may move the visit, by the practice's notice."""
    return visit.appointment.start - (visit.rules.reschedule_notice or timedelta())


def most_moves(visit: BookedVisit, policy: ChangePolicy) -> int | None:
    """How often the visit may be moved in all: the lower one of both limits; None without any."""
    limits = [one for one in (visit.rules.most_reschedules, policy.most_reschedules) if one is not None]
    return min(limits, default=None)


def moves_left(visit: BookedVisit, policy: ChangePolicy) -> int | None:
    """How often the visit may still be moved, never less than 0; None without a limit."""
    most = most_moves(visit, policy)
    return None if most is None else max(0, most - visit.reschedules)


def _of_the_visit(visit: BookedVisit, *, now: datetime) -> tuple[Check, ...]:
    """What holds of the visit itself, whoever asks."""
    return (
        Check(
            rule=Rule.BOOKED,
            holds=visit.appointment.status is AppointmentStatus.BOOKED,
            refused_as=NotAllowedReason.OVER,
            binds_staff=True,
        ),
        Check(
            rule=Rule.NOT_BEGUN,
            holds=now < visit.appointment.start,
            refused_as=NotAllowedReason.OVER,
            binds_staff=True,
            until=visit.appointment.start,
        ),
        Check(
            rule=Rule.SINGLE,
            holds=not visit.has_series,
            refused_as=NotAllowedReason.NOT_SINGLE,
            binds_staff=True,
        ),
        Check(
            rule=Rule.BOOKABLE_HERE,
            holds=visit.slot is not None,
            refused_as=NotAllowedReason.NOT_ONLINE,
            binds_staff=True,
        ),
    )


def _notice(until: datetime, *, now: datetime) -> Check:
    return Check(rule=Rule.NOTICE, holds=now <= until, refused_as=NotAllowedReason.TOO_LATE, until=until)
