"""What cancelling a visit does with money and credit, in words, and which settings do not do what they seem to."""

from collections.abc import Iterator
from datetime import timedelta

from booking.change_quotes import CancellationQuote, CreditOutcome, FeeMethod
from booking.changes.cancellation_terms import fee_of, gives_money_back, percent_with
from booking.changes.policy import PlanVisitTreatment
from gateway.commands.policy_words import (
    CHARGE,
    HEALTHIE,
    LATE,
    PLANS,
    REFUNDS,
    Asked,
    in_words,
    late_in_words,
)


def money(asked: Asked, quote: CancellationQuote) -> Iterator[str]:
    """What becomes of money and credit, each with the setting that decides."""
    yield _refund(asked, quote)
    if not asked.by_staff:
        yield f"{'late' if quote.late else 'not late'} ({LATE}: {late_in_words(asked.policy)})"
    yield _fee(asked, quote)
    if quote.credit is CreditOutcome.GIVEN_BACK:
        yield f"the credit comes back ({HEALTHIE} give credits back)"
    elif quote.credit is CreditOutcome.LOST:
        yield f"the credit does not come back ({HEALTHIE} do not give it back)"
    if quote.stops_recurring:
        yield f"the plan's later payments end, since its money is given back ({PLANS}: {asked.policy.plan_visits})"
    if quote.free_until is not None:
        yield f"costs nothing until {asked.moment(quote.free_until)}"
    if quote.reason_required:
        yield f"a reason is asked for ({HEALTHIE})"


def _refund(asked: Asked, quote: CancellationQuote) -> str:
    paid, policy = asked.paid, asked.policy
    if paid is None:
        return "no money is given back: nothing was paid here for this visit"
    before = "" if paid.refunded.is_zero else f" ({paid.refunded} was before)"
    back = f"{quote.refund or 'nothing'} of {paid.charge.net} is given back{before}"
    if not gives_money_back(asked.visit, paid, policy):
        return f"{back}: a plan paid ({PLANS}: {policy.plan_visits})"
    if asked.by_staff:
        return f"{back}: staff give back what is left"
    return f"{back}: {percent_with(asked.notice, policy)} percent with this notice ({REFUNDS})"


def _fee(asked: Asked, quote: CancellationQuote) -> str:
    if quote.fee is None:
        return f"no fee: {_why_no_fee(asked, quote)}"
    if quote.fee.method is FeeMethod.BY_PRACTICE:
        return f"a fee of {quote.fee.amount}, which Healthie charges by itself ({HEALTHIE})"
    return f"a fee of {quote.fee.amount} ({HEALTHIE}), charged here to the card that paid ({CHARGE}: true)"


def _why_no_fee(asked: Asked, quote: CancellationQuote) -> str:
    amount = asked.visit.rules.late_cancellation_fee
    if asked.by_staff or not quote.late:
        return "staff charge none" if asked.by_staff else "it is not late"
    if amount is None or amount.is_zero:
        return f"there is none ({HEALTHIE})"
    if not asked.policy.charge_late_fee:
        return f"nobody charges the {amount} ({HEALTHIE}: not by itself; {CHARGE}: false)"
    return f"no card is known here that the {amount} could be charged to ({HEALTHIE}; {CHARGE}: true)"


def hints(asked: Asked) -> Iterator[str]:
    """What the settings, of Healthie and of Frontdoor together, do otherwise for this visit than each of them says."""
    yield from _about_lateness(asked)
    yield from _about_plans(asked)


def _about_lateness(asked: Asked) -> Iterator[str]:
    rules, late = asked.visit.rules, asked.policy.late_notice
    fee = fee_of(asked.visit, asked.paid, asked.policy)
    cancel_notice, move_notice = (
        each or timedelta() for each in (rules.cancel_notice, rules.reschedule_notice)
    )
    if late is None and fee is not None:
        yield f"Healthie would charge a fee for a late cancellation, but without {LATE} none is late."
    elif late is not None and late <= cancel_notice:
        yield (
            f"{LATE} never applies to patients: Healthie lets none cancel with less than {in_words(cancel_notice)} of notice. "
            "Lower that notice in Healthie, so that they can cancel late."
        )
    elif late is not None and fee is not None and rules.may_reschedule and move_notice < late:
        yield (
            f"Who moves the visit with less than {in_words(late)} of notice pays no late fee: Healthie's notice for moving is shorter "
            f"than {LATE}."
        )


def _about_plans(asked: Asked) -> Iterator[str]:
    treatment, restores = asked.policy.plan_visits, asked.visit.rules.restores_credit
    if treatment is not PlanVisitTreatment.CREDIT and restores:
        yield f"{PLANS} is {treatment}, but Healthie gives credits back by itself: so a visit that used one gives back that, and no money."
    elif treatment is PlanVisitTreatment.MONEY:
        yield f"{PLANS} is money: the credits for other visits of a plan that is paid back stay with the patient."
