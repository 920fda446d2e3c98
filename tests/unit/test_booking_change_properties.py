"""What holds of every visit, payment and policy: money adds up, more notice is never worse, and nothing is given back or charged twice."""

from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from booking.change_quotes import CancellationQuote, CreditOutcome, FeeMethod
from booking.changes.cancelling import cancellation_actions, cancellation_quote
from booking.changes.model import ActionKind
from booking.changes.options import change_options
from booking.changes.policy import PlanVisitTreatment
from booking.changes.rescheduling import reschedule_quote
from booking.money import Money
from booking.refusals.changes import CancellationNotAllowed, RescheduleNotAllowed
from tests.doubles.booked_visits import START
from tests.doubles.change_situations import ALLOWED, NOTICES, Situation, situations


def quote_at(notice: timedelta, situation: Situation, *, by_staff: bool = False) -> CancellationQuote:
    """The quote with this notice; the example is left out where there is none."""
    visit, paid, policy = situation
    try:
        return cancellation_quote(visit, paid, policy, now=START - notice, by_staff=by_staff)
    except CancellationNotAllowed:
        assume(condition=False)
        raise


def amount(money: Money | None) -> Decimal:
    return money.amount if money else Decimal(0)


def is_minor(money: Money) -> bool:
    return Money.of(money.amount, money.currency) == money


@given(situation=ALLOWED, notice=NOTICES, by_staff=st.booleans())
def test_what_is_given_back_and_what_is_kept_are_what_is_left_of_the_payment(
    situation: Situation, notice: timedelta, *, by_staff: bool
) -> None:
    quote, paid = quote_at(notice, situation, by_staff=by_staff), situation[1]
    left = max(Decimal(0), amount(paid.charge.net) - amount(paid.refunded)) if paid else Decimal(0)
    assert amount(quote.refund) + amount(quote.kept) == left
    for each in (quote.refund, quote.kept):
        assert each is None or (each.amount > 0 and is_minor(each))


@given(situation=ALLOWED, notice=NOTICES, by_staff=st.booleans())
def test_no_more_than_the_charge_is_ever_given_back_not_by_staff_either(
    situation: Situation, notice: timedelta, *, by_staff: bool
) -> None:
    quote, paid = quote_at(notice, situation, by_staff=by_staff), situation[1]
    if quote.refund is not None:
        assert paid is not None
        assert amount(paid.refunded) + amount(quote.refund) <= amount(paid.charge.net)
        refunds = [one for one in cancellation_actions(quote, paid) if one.kind is ActionKind.REFUND]
        assert [one.amount for one in refunds] == [quote.refund]


@given(ALLOWED, NOTICES, NOTICES)
def test_more_notice_is_never_worse_for_the_patient(
    situation: Situation, one: timedelta, other: timedelta
) -> None:
    less, more = quote_at(min(one, other), situation), quote_at(max(one, other), situation)
    assert amount(more.refund) >= amount(less.refund)
    assert amount(more.fee.amount if more.fee else None) <= amount(less.fee.amount if less.fee else None)
    assert (more.late, more.credit is CreditOutcome.LOST) <= (less.late, less.credit is CreditOutcome.LOST)


@given(situation=ALLOWED, notice=NOTICES, by_staff=st.booleans())
def test_a_fee_is_charged_by_one_of_two_and_only_for_a_late_cancellation(
    situation: Situation, notice: timedelta, *, by_staff: bool
) -> None:
    visit, paid, policy = situation
    quote = quote_at(notice, situation, by_staff=by_staff)
    actions = cancellation_actions(quote, paid)
    charged = [one for one in actions if one.kind is ActionKind.CHARGE_FEE]
    by_practice = [one for one in actions if one.kind is ActionKind.CANCEL_VISIT and one.amount is not None]
    assert len(charged) + len(by_practice) == (quote.fee is not None)
    assert quote.fee is None or quote.late
    if charged:
        assert policy.charge_late_fee
        assert not visit.rules.practice_charges_late_fee
    if by_practice:
        assert quote.fee is not None
        assert quote.fee.method is FeeMethod.BY_PRACTICE
        assert visit.rules.practice_charges_late_fee


@given(situation=ALLOWED, notice=NOTICES, by_staff=st.booleans())
def test_a_plans_visit_gives_back_its_credit_or_money_and_never_both(
    situation: Situation, notice: timedelta, *, by_staff: bool
) -> None:
    visit, paid, policy = situation
    quote = quote_at(notice, situation, by_staff=by_staff)
    if paid is None or paid.plan_id is None:
        return
    may_come_back = visit.rules.restores_credit and visit.credit_used is not False
    assert quote.refund is None or not may_come_back
    assert quote.refund is None or policy.plan_visits is PlanVisitTreatment.MONEY
    assert quote.refund is None or quote.credit is not CreditOutcome.GIVEN_BACK


@given(situation=ALLOWED, notice=NOTICES, by_staff=st.booleans())
def test_a_recurring_payment_ends_only_where_a_plans_money_is_given_back(
    situation: Situation, notice: timedelta, *, by_staff: bool
) -> None:
    quote, paid = quote_at(notice, situation, by_staff=by_staff), situation[1]
    is_plan = paid is not None and paid.plan_id is not None
    recurs = paid is not None and paid.charge.recurring_payment_id is not None
    assert quote.stops_recurring == (is_plan and recurs and quote.refund is not None)
    kinds = [one.kind for one in cancellation_actions(quote, paid)]
    assert (ActionKind.STOP_RECURRING in kinds) == quote.stops_recurring
    if quote.stops_recurring:
        assert kinds.index(ActionKind.STOP_RECURRING) < kinds.index(ActionKind.REFUND)


@given(situations(), NOTICES)
def test_no_verdict_is_a_no_and_staff_are_bound_by_none(situation: Situation, notice: timedelta) -> None:
    visit, paid, policy = situation
    now = START - notice
    cancelled, moved = True, True
    try:
        cancellation_quote(visit, paid, policy, now=now)
    except CancellationNotAllowed:
        cancelled = False
    try:
        reschedule_quote(visit, policy, now=now)
    except RescheduleNotAllowed:
        moved = False
    assert not cancelled or visit.verdict.can_cancel
    assert not moved or visit.verdict.can_reschedule
    options = change_options(visit, paid, policy, now=now)
    assert (options.cancel_until is not None, options.reschedule_until is not None) == (cancelled, moved)
    if notice > timedelta():
        for each in (
            cancellation_quote(visit, paid, policy, now=now, by_staff=True),
            reschedule_quote(visit, policy, now=now, by_staff=True),
        ):
            assert each.slot == visit.slot


@given(situation=ALLOWED, one=NOTICES, other=NOTICES, by_staff=st.booleans())
def test_two_quotes_have_one_id_exactly_when_they_say_the_same(
    situation: Situation, one: timedelta, other: timedelta, *, by_staff: bool
) -> None:
    first, second = (quote_at(each, situation, by_staff=by_staff) for each in (one, other))
    assert (first.id == second.id) == (first == second)
    if first != second:
        at_stake = ("late", "refund", "kept", "fee", "credit", "stops_recurring")
        assert [name for name in at_stake if getattr(first, name) != getattr(second, name)]


@given(ALLOWED, NOTICES)
def test_until_the_last_free_moment_cancelling_costs_nothing_and_after_it_it_does(
    situation: Situation, notice: timedelta
) -> None:
    visit, paid, policy = situation
    quote = quote_at(notice, situation)
    if quote.free_until is None:
        return
    assert quote.free_until <= START

    def costs(at: datetime) -> bool:
        there = cancellation_quote(visit, paid, policy, now=at)
        cost = change_options(visit, paid, policy, now=at).fee_now
        return cost is not None or there.credit is CreditOutcome.LOST

    assert not costs(quote.free_until)
    assert costs(quote.free_until + timedelta(microseconds=1))
