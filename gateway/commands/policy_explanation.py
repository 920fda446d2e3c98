"""What cancelling and moving one visit does, and why: every rule with whose it is, what it compares, and its answer.

The answers are those of the functions that quote and enforce (booking/changes/). No line holds patient data.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from booking.changes.cancelling import cancellation_quote
from booking.changes.checks import Check, Rule, cancel_until, cancellation_checks, reschedule_checks
from booking.changes.rescheduling import reschedule_quote
from booking.refusals.changes import CancellationNotAllowed, RescheduleNotAllowed
from gateway.commands.policy_money import hints, money
from gateway.commands.policy_words import HEALTHIE, MOST, OTHERS, Asked, in_words, times_in_words


def explained(asked: Asked) -> Iterator[str]:
    """What cancelling and moving the visit does, and why."""
    visit = asked.visit.appointment
    yield f"Visit {visit.id}: {asked.moment(visit.start)}, {visit.minutes} minutes, clinician {visit.clinician_id or 'unknown'}."
    who = "staff" if asked.by_staff else "its patient"
    yield f"Asked by {who} on {asked.moment(asked.now)}, {_before(asked.notice)}."
    yield ""
    yield from _cancelling(asked)
    yield ""
    yield from _moving(asked)
    if beware := list(hints(asked)):
        yield ""
        yield from (f"Beware: {hint}" for hint in beware)


def _cancelling(asked: Asked) -> Iterator[str]:
    checks = cancellation_checks(asked.visit, now=asked.now)
    try:
        quote = cancellation_quote(
            asked.visit, asked.paid, asked.policy, now=asked.now, by_staff=asked.by_staff
        )
    except CancellationNotAllowed as refusal:
        yield f"CANCELLING is refused ({refusal.reason}): “{refusal.message}”"
        yield from _rules(asked, checks, "cancel")
        return
    yield f"CANCELLING is possible until {asked.moment(_last(asked, cancel_until(asked.visit)))}."
    yield from _rules(asked, checks, "cancel")
    yield from (f"  ->   {line}" for line in money(asked, quote))


def _moving(asked: Asked) -> Iterator[str]:
    checks = reschedule_checks(asked.visit, asked.policy, now=asked.now)
    try:
        quote = reschedule_quote(asked.visit, asked.policy, now=asked.now, by_staff=asked.by_staff)
    except RescheduleNotAllowed as refusal:
        yield f"MOVING is refused ({refusal.reason}): “{refusal.message}”"
        yield from _rules(asked, checks, "move")
        return
    yield f"MOVING is possible until {asked.moment(quote.until)}, and costs nothing."
    yield from _rules(asked, checks, "move")
    yield f"  ->   {_others(asked, may=quote.other_clinicians)}"


def _rules(asked: Asked, checks: tuple[Check, ...], verb: str) -> Iterator[str]:
    words = _words(asked, verb)
    for check in checks:
        aside = asked.by_staff and not check.binds_staff
        answer = "yes" if check.holds else "(no)" if aside else "no"
        said = words[check.rule].format("yes" if check.holds else "no")
        yield f"  {answer:<4} {said}{'; staff are not bound by it' if aside else ''}"


def _words(asked: Asked, verb: str) -> Mapping[Rule, str]:
    """Each rule, with whose it is and what it compares; `{}` stands for the answer."""
    visit, rules = asked.visit.appointment, asked.visit.rules
    notice = rules.cancel_notice if verb == "cancel" else rules.reschedule_notice
    limits = f"{HEALTHIE}: {_limit(rules.most_reschedules)}; {MOST}: {_limit(asked.policy.most_reschedules)}"
    return {
        Rule.BOOKED: f"it is booked (Healthie: {visit.status})",
        Rule.NOT_BEGUN: f"it has not begun (it begins on {asked.moment(visit.start)})",
        Rule.SINGLE: "it is a single visit: not a group's, not one of a series (Healthie)",
        Rule.BOOKABLE_HERE: "its clinician, visit type and contact type are known here (Healthie)",
        Rule.ALLOWED: f"patients may {verb} visits ({HEALTHIE}: {{}})",
        Rule.NOTICE: f"the notice has not passed ({HEALTHIE}: {in_words(notice) if notice else 'none'})",
        Rule.RESCHEDULES: f"it was moved {times_in_words(asked.visit.reschedules)} by its patient ({limits}; the lower one counts)",
        Rule.VERDICT: "Healthie's own answer for this visit, read just now: {} (no answer is a no)",
    }


def _others(asked: Asked, *, may: bool) -> str:
    if may:
        return f"another clinician may be chosen ({'staff' if asked.by_staff else f'{OTHERS}: true'})"
    if asked.policy.other_clinicians or asked.by_staff:
        return "no other clinician may be chosen: the visit used a credit, or may have"
    return f"no other clinician may be chosen ({OTHERS}: false)"


def _before(notice: timedelta) -> str:
    return f"{in_words(notice)} before it begins" if notice > timedelta() else "when it has begun"


def _last(asked: Asked, until: datetime) -> datetime:
    """Until when it is possible: for staff until the visit begins."""
    return asked.visit.appointment.start if asked.by_staff else until


def _limit(count: int | None) -> str:
    return "no limit" if count is None else f"at most {count}"
