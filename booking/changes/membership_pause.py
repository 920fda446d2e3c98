"""What pausing and resuming a membership mean, who may, and the rows that they become: pure.

A pause ends by a resumption only: the system of record takes up no payment by itself, and nothing here does (ADR 0066).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from booking.change_quotes import MembershipPauseQuote, MembershipResumeQuote
from booking.changes.access import by_staff
from booking.changes.membership import MembershipAsStands, paused_result
from booking.changes.membership_end import new_membership_change
from booking.changes.model import Action, ActionKind, ChangeKind, ChangeState, RequestedChange
from booking.changes.policy import PAUSES_WITHIN, MembershipPolicy
from booking.principals import Caller
from booking.refusals.memberships import MembershipChangeNotAllowed, MembershipOver
from booking.refusals.memberships import MembershipNotAllowedReason as Reason


@dataclass(frozen=True, kw_only=True)
class MembershipAsked:
    """What is asked about: a membership, what was done to it here, and by whom and when it is asked."""

    caller: Caller
    membership: MembershipAsStands
    changes: Sequence[RequestedChange]  # the first one first
    policy: MembershipPolicy
    now: datetime  # UTC
    time_zone: str  # IANA, the practice's

    @property
    def by_staff(self) -> bool:
        """Whether the policy does not bind who asks."""
        return by_staff(self.caller)


def membership_pause_quote(asked: MembershipAsked) -> MembershipPauseQuote:
    """What pausing it does now. Raises MembershipOver, MembershipChangeNotAllowed."""
    membership, policy = asked.membership, asked.policy
    _ensure_open(membership)
    if membership.is_paused:
        raise MembershipChangeNotAllowed(Reason.PAUSED_ALREADY)
    left = pauses_left(asked.changes, policy, now=asked.now)
    if not asked.by_staff and (why := _patient_may_not_pause(policy, left)) is not None:
        raise MembershipChangeNotAllowed(why)
    return MembershipPauseQuote(
        membership_id=membership.id,
        plan_name=membership.plan_name,
        amount=membership.amount,
        next_payment_at=membership.next_payment_at,
        payments_left=membership.payments_left,
        pauses_left=None if asked.by_staff else left,
    )


def membership_resume_quote(asked: MembershipAsked) -> MembershipResumeQuote:
    """What resuming it does now. Raises MembershipOver, MembershipChangeNotAllowed.

    Patients end the pause that they began here, also where they may not begin another one by now.
    """
    membership = asked.membership
    _ensure_open(membership)
    if not membership.is_paused:
        raise MembershipChangeNotAllowed(Reason.NOT_PAUSED)
    if not asked.by_staff and not paused_by_patient(membership.paused_at, asked.changes):
        raise MembershipChangeNotAllowed(Reason.PAUSED_BY_PRACTICE)
    if membership.resumes_at is None:
        raise MembershipChangeNotAllowed(Reason.NEXT_PAYMENT_UNKNOWN)
    return MembershipResumeQuote(
        membership_id=membership.id,
        plan_name=membership.plan_name,
        amount=membership.amount,
        next_payment_on=membership.resumes_at.astimezone(ZoneInfo(asked.time_zone)).date(),
        payments_left=membership.payments_left,
    )


def new_membership_pause(
    asked: MembershipAsked, quote: MembershipPauseQuote, *, note: str | None
) -> RequestedChange:
    """The row of an accepted pause."""
    return new_membership_change(
        asked.caller,
        asked.membership,
        kind=ChangeKind.MEMBERSHIP_PAUSE,
        quote_id=quote.id,
        action=Action(kind=ActionKind.PAUSE_RECURRING),
        note=note,
        now=asked.now,
    )


def new_membership_resumption(
    asked: MembershipAsked, quote: MembershipResumeQuote, *, note: str | None
) -> RequestedChange:
    """The row of an accepted resumption: it holds the next payment that was accepted, and the pause that ends."""
    accepted = {"next_payment_on": quote.next_payment_on.isoformat(), **paused_result(asked.membership)}
    return new_membership_change(
        asked.caller,
        asked.membership,
        kind=ChangeKind.MEMBERSHIP_RESUME,
        quote_id=quote.id,
        action=Action(kind=ActionKind.RESUME_RECURRING, amount=quote.amount, result=accepted),
        note=note,
        now=asked.now,
        time_zone=asked.time_zone,
    )


def pauses_left(changes: Iterable[RequestedChange], policy: MembershipPolicy, *, now: datetime) -> int | None:
    """How often the patient may still pause, never less than 0; None without a limit."""
    if policy.most_pauses is None:
        return None
    made = [each for each in changes if _is_patients_pause(each) and now - each.created_at < PAUSES_WITHIN]
    return max(0, policy.most_pauses - len(made))


def paused_by_patient(paused_at: datetime | None, changes: Iterable[RequestedChange]) -> bool:
    """Whether the pause since then (UTC) is one that the patient asked for here, by the time that upstream noted for both."""
    pauses = [each.actions[0].result.get("paused_at") for each in changes if _is_patients_pause(each)]
    return paused_at is not None and paused_at.isoformat() in pauses


def patient_may_pause(changes: Iterable[RequestedChange], policy: MembershipPolicy, *, now: datetime) -> bool:
    """Whether the policy lets the patient pause a membership that bills on."""
    return _patient_may_not_pause(policy, pauses_left(changes, policy, now=now)) is None


def _patient_may_not_pause(policy: MembershipPolicy, left: int | None) -> Reason | None:
    if not policy.patients_may_pause:
        return Reason.NOT_ONLINE
    return Reason.PAUSED_TOO_OFTEN if left == 0 else None


def _is_patients_pause(change: RequestedChange) -> bool:
    done = change.kind is ChangeKind.MEMBERSHIP_PAUSE and change.state is ChangeState.DONE
    return done and not change.by_staff


def _ensure_open(membership: MembershipAsStands) -> None:
    if membership.is_ended or membership.payments_left == 0:
        raise MembershipOver
