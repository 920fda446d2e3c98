"""What cancelling and moving visits, and pausing memberships, does by the settings, in plain words, and the words that its explanations share.

Nothing is decided here, and no line holds patient data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from booking.changes.policy import ChangePolicy, MembershipPolicy, PlanVisitTreatment
from booking.changes.visit import BookedVisit, Paid

REFUNDS = "FRONTDOOR_CANCELLATION_REFUNDS"
LATE = "FRONTDOOR_LATE_CANCELLATION_HOURS"
CHARGE = "FRONTDOOR_CHARGE_LATE_CANCELLATION_FEE"
PLANS = "FRONTDOOR_CANCELLED_PLAN_VISITS"
MOST = "FRONTDOOR_MOST_RESCHEDULES"
OTHERS = "FRONTDOOR_RESCHEDULE_TO_OTHER_CLINICIANS"
PAUSE = "FRONTDOOR_PATIENTS_PAUSE_MEMBERSHIPS"
PAUSES = "FRONTDOOR_MOST_MEMBERSHIP_PAUSES"
HEALTHIE = "Healthie's settings"  # of the practice, or of the visit type where it has its own

_OF_PLANS = {
    PlanVisitTreatment.CREDIT: "its credit, where Healthie's settings give credits back; the plan goes on",
    PlanVisitTreatment.MONEY: "the plan's payment, by the same shares; its later payments end",
    PlanVisitTreatment.NOTHING: "no money; its credit only where Healthie gives it back by itself",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is explained: a visit and its payment under a policy, at one time, for its patient or for staff."""

    visit: BookedVisit
    paid: Paid | None
    policy: ChangePolicy
    now: datetime
    zone: tzinfo
    by_staff: bool

    @property
    def notice(self) -> timedelta:
        """How long before the visit's start it is asked."""
        return self.visit.appointment.start - self.now

    def moment(self, at: datetime) -> str:
        """A time on the practice's clock."""
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M %Z}"


def shown(policy: ChangePolicy) -> Iterator[str]:
    """What the settings say, for every visit."""
    yield f"Cancelling gives back ({REFUNDS}):"
    for tier in policy.refunds:
        yield f"  {tier.percent:>3} percent with at least {in_words(tier.notice)} of notice"
    if not policy.refunds:
        yield "    0 percent with any notice"
    elif policy.refunds[-1].notice:
        yield "    0 percent with less"
    yield f"Late ({LATE}): {late_in_words(policy)}."
    yield f"The fee of a late cancellation ({CHARGE}): {_charging(policy)}"
    yield f"A visit that a plan paid for ({PLANS}): gives back {_OF_PLANS[policy.plan_visits]}."
    most = policy.most_reschedules
    yield f"Moving ({MOST}): {times_in_words(most) if most is not None else 'as often as Healthie lets patients'}."
    yield f"Another clinician ({OTHERS}): {'may' if policy.other_clinicians else 'may not'} be chosen."
    yield "Whether patients may cancel and move, how late, and the fee itself are settings of Healthie."


def shown_of_memberships(policy: MembershipPolicy) -> Iterator[str]:
    """What the settings say of memberships."""
    if not policy.patients_may_pause:
        yield f"Pausing a membership ({PAUSE}): patients may not; staff may."
        return
    often = "as often as they like" if policy.most_pauses is None else times_in_words(policy.most_pauses)
    yield f"Pausing a membership ({PAUSE}, {PAUSES}): patients may, {often} within a year, and resume what they paused."


def in_words(length: timedelta) -> str:
    """A length of time in hours, or in full minutes where it is no whole number of hours."""
    minutes = length // timedelta(minutes=1)
    hours, rest = divmod(minutes, 60)
    return f"{minutes} minute{'s' * (minutes != 1)}" if rest else f"{hours} hour{'s' * (hours != 1)}"


def late_in_words(policy: ChangePolicy) -> str:
    """Which cancellations are late."""
    if policy.late_notice is None:
        return "no cancellation is"
    return f"with less than {in_words(policy.late_notice)} of notice"


def _charging(policy: ChangePolicy) -> str:
    if policy.late_notice is None:
        return "none, since no cancellation is late."
    if policy.charge_late_fee:
        return "charged here to the card that paid for the visit, unless Healthie charges it by itself."
    return "charged only where Healthie does so by itself."


def times_in_words(count: int) -> str:
    """How often, in words."""
    return {0: "never", 1: "once"}.get(count, f"{count} times")
