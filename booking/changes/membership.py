"""A membership: the recurring payment that a plan began, as it stands in the system of record."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from booking.changes.model import Action, ActionKind, RequestedChange
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
    is_paused: bool = False
    paused_at: datetime | None = None  # UTC; None: it is not paused, or upstream does not say
    # UTC; of a paused one: when its next payment would be made if it were resumed now. None: not paused, or not known.
    resumes_at: datetime | None = None
    payment_id: str  # of the last payment
    charged_by: str  # the clinician who received it


def paused_result(membership: MembershipAsStands) -> dict[str, str]:
    """What a pause notes on its row: since when, by upstream's clock. By it a later resumption knows the pause as its patient's own."""
    return {} if membership.paused_at is None else {"paused_at": membership.paused_at.isoformat()}


def bills_next_as(membership: MembershipAsStands, change: RequestedChange) -> bool:
    """Whether the next payment, of a paused one if it were resumed now, is the one that the patient accepted."""
    action = _resumption(change)
    at = membership.resumes_at if membership.is_paused else membership.next_payment_at
    day = None if at is None else at.astimezone(ZoneInfo(change.time_zone)).date().isoformat()
    return (day, membership.amount) == (action.result.get("next_payment_on"), action.amount)


def is_paused_as(membership: MembershipAsStands, change: RequestedChange) -> bool:
    """Whether it is still the pause that the patient agreed to end."""
    action = _resumption(change)
    paused = membership.is_paused and not membership.is_ended
    return paused and paused_result(membership).get("paused_at") == action.result.get("paused_at")


def _resumption(change: RequestedChange) -> Action:
    """The action that holds what was accepted. Raises AssertionError for a change that resumes nothing."""
    if (action := change.action(ActionKind.RESUME_RECURRING)) is None:
        raise AssertionError("only a resumption has an accepted next payment")
    return action
