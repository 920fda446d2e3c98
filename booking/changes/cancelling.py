"""Quotes of cancellations, and the actions that follow from an accepted one: pure, on the gateway's clock."""

from collections.abc import Iterator
from datetime import datetime

from booking.change_quotes import CancellationQuote, CreditOutcome, FeeMethod
from booking.changes.cancellation_terms import CancellationTerms, free_with, staff_terms, terms_with
from booking.changes.checks import Rule, cancel_until, cancellation_checks, refused_by
from booking.changes.model import Action, ActionKind
from booking.changes.policy import ChangePolicy
from booking.changes.visit import BookedVisit, Paid
from booking.refusals.changes import CancellationNotAllowed, NotAllowedReason

# A refusal in the practice's own words tells what patients may do, never what has become of the visit.
_IN_ITS_WORDS = (Rule.ALLOWED, Rule.NOTICE, Rule.VERDICT)


def cancellation_quote(
    visit: BookedVisit, paid: Paid | None, policy: ChangePolicy, *, now: datetime, by_staff: bool = False
) -> CancellationQuote:
    """What cancelling the visit does now. `paid` is None where nothing was charged here: then nothing is given back.

    The quote, and so its id, changes when what it says does, and not by the mere passing of time. Staff are bound by neither notice,
    fee nor verdict. Raises CancellationNotAllowed.
    """
    refused = refused_by(cancellation_checks(visit, now=now), by_staff=by_staff)
    slot = visit.slot
    if refused is not None or slot is None:
        reason = refused.refused_as if refused else NotAllowedReason.NOT_ONLINE
        own_words = refused is not None and refused.rule in _IN_ITS_WORDS
        raise CancellationNotAllowed(
            reason,
            until=cancel_until(visit) if reason is NotAllowedReason.TOO_LATE else None,
            message=visit.rules.cannot_cancel_message if own_words else None,
        )
    terms = (
        staff_terms(visit, paid, policy) if by_staff else terms_with(slot.start - now, visit, paid, policy)
    )
    return CancellationQuote(
        appointment_id=visit.appointment.id,
        slot=slot,
        late=terms.late,
        free_until=None if by_staff else _free_until(visit, paid, policy),
        refund=terms.refund,
        kept=terms.kept,
        fee=terms.fee,
        credit=terms.credit,
        stops_recurring=_stops_recurring(terms, paid),
        reason_required=visit.rules.reason_required and not by_staff,
    )


def cancellation_actions(quote: CancellationQuote, paid: Paid | None) -> tuple[Action, ...]:
    """What an accepted quote has done, in order: the visit first, then the money."""
    return tuple(_actions(quote, paid))


def _actions(quote: CancellationQuote, paid: Paid | None) -> Iterator[Action]:
    by_practice = quote.fee is not None and quote.fee.method is FeeMethod.BY_PRACTICE
    # With an amount it is cancelled at the status for which the practice's system charges just this.
    yield Action(kind=ActionKind.CANCEL_VISIT, amount=quote.fee.amount if quote.fee and by_practice else None)
    if paid is not None and quote.stops_recurring:
        yield Action(kind=ActionKind.STOP_RECURRING)
    if paid is not None and quote.refund is not None:
        yield Action(kind=ActionKind.REFUND, amount=quote.refund)
    if paid is not None and quote.fee is not None and quote.fee.method is FeeMethod.CHARGED:
        yield Action(kind=ActionKind.CHARGE_FEE, amount=quote.fee.amount)
    if quote.credit is CreditOutcome.GIVEN_BACK:
        yield Action(kind=ActionKind.READ_CREDIT)


def _stops_recurring(terms: CancellationTerms, paid: Paid | None) -> bool:
    """Only where a plan's payment is given back: whoever gets no money back keeps the plan."""
    if paid is None or paid.plan_id is None:
        return False
    return terms.refund is not None and paid.charge.recurring_payment_id is not None


def _free_until(visit: BookedVisit, paid: Paid | None, policy: ChangePolicy) -> datetime | None:
    """Until when cancelling costs nothing; None where it never costs anything as long as it is allowed, or always does."""
    notice = free_with(visit, paid, policy)
    if notice is None:
        return None
    until = visit.appointment.start - notice
    return until if until < cancel_until(visit) else None
