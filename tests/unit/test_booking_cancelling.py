"""What cancelling a visit does: when it is refused, what is given back and kept, which fee applies, and what follows for a plan."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from booking.catalog.model import ContactType
from booking.change_quotes import CancellationQuote, CreditOutcome, FeeMethod
from booking.changes.cancelling import cancellation_actions, cancellation_quote
from booking.changes.model import ActionKind
from booking.changes.options import change_options
from booking.changes.policy import ChangePolicy, PlanVisitTreatment, RefundTier
from booking.changes.visit import BookedVisit, ChangeVerdict, Paid
from booking.models import Appointment, AppointmentStatus
from booking.money import Money
from booking.refusals.changes import CancellationNotAllowed, NotAllowedReason
from tests.doubles.booked_visits import APPOINTMENT, START, a_payment, a_visit, dollars

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)

TIERS = (
    RefundTier(notice=2 * DAY, percent=100),
    RefundTier(notice=DAY, percent=50),
    RefundTier(notice=2 * HOUR, percent=10),
)
NO = ChangeVerdict(can_cancel=False, can_reschedule=False)
MOST_NO = ChangeVerdict(can_cancel=False, can_reschedule=True)


def quoted(
    notice: timedelta,
    visit: BookedVisit,
    paid: Paid | None = None,
    policy: ChangePolicy | None = None,
    *,
    by_staff: bool = False,
) -> CancellationQuote:
    return cancellation_quote(visit, paid, policy or ChangePolicy(), now=START - notice, by_staff=by_staff)


def refused(visit: BookedVisit, *, notice: timedelta = DAY, by_staff: bool = False) -> CancellationNotAllowed:
    with pytest.raises(CancellationNotAllowed) as refusal:
        quoted(notice, visit, by_staff=by_staff)
    return refusal.value


class TestWhetherItMayBeCancelled:
    def test_a_verdict_of_no_is_a_no_whatever_the_rules_say(self) -> None:
        assert refused(a_visit(verdict=MOST_NO)).reason is NotAllowedReason.NOT_ONLINE

    def test_a_rule_of_no_is_a_no_whatever_the_verdict_says(self) -> None:
        assert refused(a_visit(may_cancel=False)).reason is NotAllowedReason.NOT_ONLINE

    def test_inside_the_practices_notice_it_is_too_late_whatever_the_verdict_says(self) -> None:
        visit = a_visit(cancel_notice=DAY)
        assert quoted(DAY, visit).slot.start == START
        refusal = refused(visit, notice=DAY - SECOND)
        assert (refusal.reason, refusal.until) == (NotAllowedReason.TOO_LATE, START - DAY)

    @pytest.mark.parametrize("status", [one for one in AppointmentStatus if one != AppointmentStatus.BOOKED])
    @pytest.mark.parametrize("by_staff", [False, True])
    def test_what_is_over_is_not_cancelled_by_anybody(
        self, status: AppointmentStatus, *, by_staff: bool
    ) -> None:
        visit = a_visit(appointment=replace(APPOINTMENT, status=status))
        assert refused(visit, by_staff=by_staff).reason is NotAllowedReason.OVER

    @pytest.mark.parametrize("by_staff", [False, True])
    @pytest.mark.parametrize("notice", [timedelta(), -HOUR])
    def test_what_has_begun_is_not_cancelled_by_anybody(self, notice: timedelta, *, by_staff: bool) -> None:
        assert refused(a_visit(), notice=notice, by_staff=by_staff).reason is NotAllowedReason.OVER
        assert quoted(SECOND, a_visit(), by_staff=by_staff).slot.start == START

    @pytest.mark.parametrize("by_staff", [False, True])
    def test_a_group_is_never_cancelled_for_one_of_its_patients(self, *, by_staff: bool) -> None:
        refusal = refused(a_visit(has_series=True, cannot_cancel_message="Call us."), by_staff=by_staff)
        assert refusal.reason is NotAllowedReason.NOT_SINGLE
        assert refusal.message != "Call us."

    @pytest.mark.parametrize(
        "appointment",
        [
            replace(APPOINTMENT, clinician_id=None),
            replace(APPOINTMENT, visit_type_id=None),
            replace(APPOINTMENT, contact_type=None),
        ],
        ids=["clinician", "visit type", "contact type"],
    )
    def test_a_visit_of_a_kind_that_is_not_booked_here_is_not_cancelled_here(
        self, appointment: Appointment
    ) -> None:
        assert refused(a_visit(appointment=appointment)).reason is NotAllowedReason.NOT_ONLINE

    @pytest.mark.parametrize(
        ("visit", "notice"),
        [
            (a_visit(may_cancel=False, cannot_cancel_message="Call us."), DAY),
            (a_visit(cancel_notice=DAY, cannot_cancel_message="Call us."), HOUR),
            (a_visit(verdict=NO, cannot_cancel_message="Call us."), DAY),
        ],
        ids=["not allowed", "too late", "verdict"],
    )
    def test_a_refusal_by_the_practice_is_in_its_own_words(
        self, visit: BookedVisit, notice: timedelta
    ) -> None:
        assert refused(visit, notice=notice).message == "Call us."

    def test_a_visit_that_is_over_is_called_so_and_not_in_the_practices_words(self) -> None:
        over = a_visit(
            appointment=replace(APPOINTMENT, status=AppointmentStatus.CANCELLED),
            cannot_cancel_message="Call us.",
        )
        assert "over" in refused(over).message

    def test_staff_are_bound_by_neither_rule_notice_nor_verdict(self) -> None:
        visit = a_visit(may_cancel=False, cancel_notice=DAY, verdict=NO, reason_required=True)
        quote = quoted(SECOND, visit, by_staff=True)
        assert (quote.late, quote.fee, quote.reason_required) == (False, None, False)

    def test_the_reason_that_the_practice_asks_for_is_part_of_the_quote(self) -> None:
        asks, asks_not = quoted(DAY, a_visit(reason_required=True)), quoted(DAY, a_visit())
        assert (asks.reason_required, asks_not.reason_required) == (True, False)
        assert asks.id != asks_not.id


class TestMoney:
    @pytest.mark.parametrize(
        ("notice", "refund", "kept"),
        [
            (3 * DAY, "80.00", None),
            (2 * DAY, "80.00", None),
            (2 * DAY - SECOND, "40.00", "40.00"),
            (DAY, "40.00", "40.00"),
            (DAY - SECOND, "8.00", "72.00"),
            (2 * HOUR, "8.00", "72.00"),
            (2 * HOUR - SECOND, None, "80.00"),
        ],
    )
    def test_the_notice_decides_how_much_is_given_back_and_its_boundary_is_the_patients(
        self, notice: timedelta, refund: str | None, kept: str | None
    ) -> None:
        quote = quoted(notice, a_visit(), a_payment(dollars(80)), ChangePolicy(refunds=TIERS))
        assert quote.refund == (dollars(refund) if refund else None)
        assert quote.kept == (dollars(kept) if kept else None)

    @pytest.mark.parametrize(
        ("net", "percent", "refund"),
        [
            (Money.of("0.05", "USD"), 50, Money.of("0.03", "USD")),
            (Money.of("0.03", "USD"), 50, Money.of("0.02", "USD")),
            (Money.of("0.01", "USD"), 49, None),
            (Money.of("99.99", "USD"), 33, Money.of("33.00", "USD")),
            (Money.of("1501", "JPY"), 50, Money.of("751", "JPY")),
            (Money.of("12.345", "KWD"), 50, Money.of("6.173", "KWD")),
        ],
    )
    def test_a_share_is_rounded_half_up_to_the_currencys_minor_unit(
        self, net: Money, percent: int, refund: Money | None
    ) -> None:
        policy = ChangePolicy(refunds=(RefundTier(notice=timedelta(), percent=percent),))
        assert quoted(DAY, a_visit(), a_payment(net), policy).refund == refund

    @pytest.mark.parametrize(
        ("refunded", "notice", "refund", "kept"),
        [
            ("30", 2 * DAY, "50", None),
            ("30", DAY, "10", "40"),
            ("40", DAY, None, "40"),
            ("50", DAY, None, "30"),
            ("80", 2 * DAY, None, None),
            ("90", 2 * DAY, None, None),
        ],
    )
    def test_what_was_given_back_before_counts_towards_the_share(
        self, refunded: str, notice: timedelta, refund: str | None, kept: str | None
    ) -> None:
        paid = a_payment(dollars(80), refunded=dollars(refunded))
        quote = quoted(notice, a_visit(), paid, ChangePolicy(refunds=TIERS))
        assert (quote.refund, quote.kept) == (
            dollars(refund) if refund else None,
            dollars(kept) if kept else None,
        )

    def test_nothing_is_given_back_of_what_was_not_paid_here(self) -> None:
        quote = quoted(3 * DAY, a_visit())
        assert (quote.refund, quote.kept, quote.credit) == (None, None, None)

    def test_staff_give_back_what_is_left_and_no_more(self) -> None:
        policy = ChangePolicy(refunds=(), late_notice=DAY, charge_late_fee=True)
        visit = a_visit(late_cancellation_fee=dollars(50))
        quote = quoted(HOUR, visit, a_payment(dollars(80), refunded=dollars(30)), policy, by_staff=True)
        assert (quote.refund, quote.kept, quote.fee, quote.late) == (dollars(50), None, None, False)


class TestFee:
    LATE = ChangePolicy(late_notice=DAY, charge_late_fee=True)
    VISIT = a_visit(late_cancellation_fee=dollars(50))
    PAID = a_payment(dollars(80))

    @pytest.mark.parametrize(("notice", "late"), [(DAY, False), (DAY - SECOND, True), (HOUR, True)])
    def test_it_applies_with_less_notice_than_the_policy_asks_for(
        self, notice: timedelta, *, late: bool
    ) -> None:
        quote = quoted(notice, self.VISIT, self.PAID, self.LATE)
        assert (quote.late, quote.fee is not None) == (late, late)

    def test_it_is_not_charged_unless_the_policy_says_so(self) -> None:
        quote = quoted(HOUR, self.VISIT, self.PAID, ChangePolicy(late_notice=DAY))
        assert (quote.late, quote.fee) == (True, None)

    def test_the_practice_charges_it_where_its_system_does_and_then_nobody_else(self) -> None:
        visit = a_visit(late_cancellation_fee=dollars(50), practice_charges_late_fee=True)
        quote = quoted(HOUR, visit, self.PAID, self.LATE)
        assert quote.fee is not None
        assert quote.fee.method is FeeMethod.BY_PRACTICE
        first, *others = cancellation_actions(quote, self.PAID)
        assert (first.kind, first.amount) == (ActionKind.CANCEL_VISIT, dollars(50))
        assert [one.kind for one in others] == [ActionKind.REFUND]

    def test_a_visit_is_not_late_upstream_unless_the_policy_calls_it_so(self) -> None:
        """The system of record never sets that status by itself, so that nothing is charged that the quote does not say."""
        visit = a_visit(late_cancellation_fee=dollars(50), practice_charges_late_fee=True)
        quote = quoted(HOUR, visit, self.PAID, ChangePolicy())
        assert (quote.late, quote.fee) == (False, None)
        assert cancellation_actions(quote, self.PAID)[0].amount is None

    @pytest.mark.parametrize(
        ("visit", "paid"),
        [
            (a_visit(late_cancellation_fee=None), PAID),
            (a_visit(late_cancellation_fee=dollars(0)), PAID),
            (a_visit(late_cancellation_fee=dollars("0.30")), PAID),
            (VISIT, None),
            (VISIT, a_payment(dollars(80), card_id=None)),
        ],
        ids=["none", "zero", "less than a card can be charged", "nothing paid here", "no card"],
    )
    def test_there_is_none_that_could_not_be_charged(self, visit: BookedVisit, paid: Paid | None) -> None:
        assert quoted(HOUR, visit, paid, self.LATE).fee is None

    def test_ours_is_charged_after_the_visit_is_cancelled_and_the_refund_made(self) -> None:
        actions = cancellation_actions(quoted(HOUR, self.VISIT, self.PAID, self.LATE), self.PAID)
        assert [(one.kind, one.amount) for one in actions] == [
            (ActionKind.CANCEL_VISIT, None),
            (ActionKind.REFUND, dollars(80)),
            (ActionKind.CHARGE_FEE, dollars(50)),
        ]


class TestPlans:
    PAID = a_payment(dollars(99), plan_id="plan-sample", recurring_payment_id="r-sample")
    MONEY = ChangePolicy(refunds=TIERS, plan_visits=PlanVisitTreatment.MONEY)

    def test_a_credit_comes_back_where_the_practices_system_gives_it_back_and_the_payment_is_kept(
        self,
    ) -> None:
        quote = quoted(3 * DAY, a_visit(credit_used=True, restores_credit=True), self.PAID)
        assert (quote.credit, quote.refund, quote.kept) == (CreditOutcome.GIVEN_BACK, None, dollars(99))
        kinds = [one.kind for one in cancellation_actions(quote, self.PAID)]
        assert kinds == [ActionKind.CANCEL_VISIT, ActionKind.READ_CREDIT]

    def test_a_credit_is_lost_where_it_gives_none_back(self) -> None:
        quote = quoted(3 * DAY, a_visit(credit_used=True), self.PAID)
        assert (quote.credit, quote.refund) == (CreditOutcome.LOST, None)
        assert [one.kind for one in cancellation_actions(quote, self.PAID)] == [ActionKind.CANCEL_VISIT]

    @pytest.mark.parametrize("treatment", PlanVisitTreatment)
    @pytest.mark.parametrize("used", [True, None])
    def test_where_the_credit_comes_back_or_may_no_money_does(
        self, treatment: PlanVisitTreatment, *, used: bool | None
    ) -> None:
        visit = a_visit(credit_used=used, restores_credit=True)
        quote = quoted(3 * DAY, visit, self.PAID, ChangePolicy(plan_visits=treatment))
        assert (quote.credit, quote.refund, quote.stops_recurring) == (CreditOutcome.GIVEN_BACK, None, False)

    @pytest.mark.parametrize("by_staff", [False, True])
    def test_money_in_place_of_a_credit_ends_the_recurring_payment_before_it_is_refunded(
        self, *, by_staff: bool
    ) -> None:
        quote = quoted(3 * DAY, a_visit(credit_used=True), self.PAID, self.MONEY, by_staff=by_staff)
        assert (quote.refund, quote.credit, quote.stops_recurring) == (dollars(99), CreditOutcome.LOST, True)
        assert [one.kind for one in cancellation_actions(quote, self.PAID)] == [
            ActionKind.CANCEL_VISIT,
            ActionKind.STOP_RECURRING,
            ActionKind.REFUND,
        ]

    def test_who_gets_no_money_back_keeps_the_plan(self) -> None:
        quote = quoted(HOUR, a_visit(credit_used=True), self.PAID, self.MONEY)
        assert (quote.refund, quote.stops_recurring) == (None, False)

    def test_a_recurring_payment_that_there_is_not_is_not_stopped(self) -> None:
        once = a_payment(dollars(99), plan_id="plan-sample")
        assert not quoted(3 * DAY, a_visit(credit_used=True), once, self.MONEY).stops_recurring

    def test_a_plans_payment_is_not_refunded_where_the_policy_says_nothing(self) -> None:
        nothing = ChangePolicy(plan_visits=PlanVisitTreatment.NOTHING)
        quote = quoted(3 * DAY, a_visit(credit_used=True), self.PAID, nothing)
        assert (quote.refund, quote.credit) == (None, CreditOutcome.LOST)

    def test_what_was_paid_for_a_single_visit_is_refunded_though_a_credit_was_taken_besides(self) -> None:
        visit = a_visit(credit_used=True, restores_credit=True)
        quote = quoted(3 * DAY, visit, a_payment(dollars(80)))
        assert (quote.refund, quote.credit) == (dollars(80), CreditOutcome.GIVEN_BACK)

    def test_a_credit_is_not_promised_for_a_visit_that_the_practice_charges_as_late(self) -> None:
        """What its system does with the credit then is not documented."""
        visit = a_visit(
            credit_used=True,
            restores_credit=True,
            practice_charges_late_fee=True,
            late_cancellation_fee=dollars(50),
        )
        policy = ChangePolicy(late_notice=DAY)
        assert quoted(DAY, visit, self.PAID, policy).credit is CreditOutcome.GIVEN_BACK
        assert quoted(HOUR, visit, self.PAID, policy).credit is CreditOutcome.LOST

    def test_a_visit_that_was_booked_with_a_credit_alone_gives_back_the_credit(self) -> None:
        quote = quoted(3 * DAY, a_visit(credit_used=True, restores_credit=True))
        assert (quote.credit, quote.refund, quote.kept) == (CreditOutcome.GIVEN_BACK, None, None)


class TestUntilWhenItIsFree:
    PAID = a_payment(dollars(80))

    @pytest.mark.parametrize(
        ("policy", "cancel_notice", "until"),
        [
            (ChangePolicy(refunds=TIERS), None, START - 2 * DAY),
            (ChangePolicy(), None, None),  # never costs anything
            (ChangePolicy(refunds=TIERS[1:]), None, None),  # always does
            (ChangePolicy(refunds=()), None, None),
            (ChangePolicy(refunds=TIERS), 2 * DAY, None),  # is not allowed any more when it would cost
            (ChangePolicy(late_notice=DAY, charge_late_fee=True), None, START - DAY),
            (ChangePolicy(refunds=TIERS, late_notice=3 * DAY, charge_late_fee=True), None, START - 3 * DAY),
            (ChangePolicy(late_notice=DAY), None, None),  # late, and not charged
        ],
    )
    def test_it_is_the_last_moment_at_which_all_is_given_back_and_no_fee_is_due(
        self, policy: ChangePolicy, cancel_notice: timedelta | None, until: datetime | None
    ) -> None:
        visit = a_visit(late_cancellation_fee=dollars(50), cancel_notice=cancel_notice)
        assert quoted(4 * DAY, visit, self.PAID, policy).free_until == until

    def test_a_credit_that_is_lost_is_a_cost(self) -> None:
        plan = a_payment(dollars(99), plan_id="plan-sample")
        visit = a_visit(
            credit_used=True,
            restores_credit=True,
            practice_charges_late_fee=True,
            late_cancellation_fee=dollars(50),
        )
        assert quoted(2 * DAY, visit, plan, ChangePolicy(late_notice=DAY)).free_until == START - DAY

    def test_for_staff_it_always_is(self) -> None:
        assert (
            quoted(HOUR, a_visit(), self.PAID, ChangePolicy(refunds=TIERS), by_staff=True).free_until is None
        )


class TestOptions:
    POLICY = ChangePolicy(refunds=TIERS, late_notice=DAY, charge_late_fee=True)

    @pytest.mark.parametrize(
        ("notice", "cost"),
        [(2 * DAY, None), (2 * DAY - SECOND, "40"), (DAY, "40"), (DAY - SECOND, "122"), (HOUR, "130")],
    )
    def test_what_cancelling_costs_now_is_the_fee_and_what_is_kept_of_the_visits_price(
        self, notice: timedelta, cost: str | None
    ) -> None:
        visit = a_visit(late_cancellation_fee=dollars(50))
        options = change_options(visit, a_payment(dollars(80)), self.POLICY, now=START - notice)
        assert options.fee_now == (dollars(cost) if cost else None)

    def test_a_plans_payment_that_is_kept_is_no_cost_of_cancelling_a_visit(self) -> None:
        plan = a_payment(dollars(99), plan_id="plan-sample")
        options = change_options(a_visit(credit_used=True), plan, self.POLICY, now=START - 2 * DAY)
        assert options.fee_now is None

    def test_they_say_until_when_by_the_practices_notices(self) -> None:
        visit = a_visit(cancel_notice=DAY, reschedule_notice=2 * DAY)
        options = change_options(visit, None, self.POLICY, now=START - 3 * DAY)
        assert (options.cancel_until, options.reschedule_until) == (START - DAY, START - 2 * DAY)
        later = change_options(visit, None, self.POLICY, now=START - DAY - SECOND)
        assert (later.cancel_until, later.reschedule_until) == (START - DAY, None)

    def test_what_may_not_be_done_has_neither_a_time_nor_a_price(self) -> None:
        visit = a_visit(verdict=NO, late_cancellation_fee=dollars(50))
        options = change_options(visit, a_payment(dollars(80)), self.POLICY, now=START - HOUR)
        assert (options.cancel_until, options.reschedule_until, options.fee_now) == (None, None, None)


class TestTheQuotesId:
    POLICY = ChangePolicy(refunds=TIERS, late_notice=DAY, charge_late_fee=True)
    VISIT = a_visit(late_cancellation_fee=dollars(50), cancel_notice=HOUR)
    PAID = a_payment(dollars(80))

    def test_it_does_not_change_by_time_alone(self) -> None:
        tiers = [
            (4 * DAY, 2 * DAY),
            (2 * DAY - SECOND, DAY),
            (DAY - SECOND, 2 * HOUR),
            (2 * HOUR - SECOND, HOUR),
        ]
        ids = [
            {
                quoted(notice, self.VISIT, self.PAID, self.POLICY).id
                for notice in (most, (most + least) / 2, least)
            }
            for most, least in tiers
        ]
        assert [len(one) for one in ids] == [1, 1, 1, 1]
        assert len(set.union(*ids)) == len(tiers)

    @pytest.mark.parametrize(
        "other",
        [
            replace(VISIT, appointment=replace(APPOINTMENT, start=START + timedelta(minutes=5))),
            replace(VISIT, appointment=replace(APPOINTMENT, clinician_id="c2")),
            replace(VISIT, appointment=replace(APPOINTMENT, minutes=45)),
            replace(VISIT, appointment=replace(APPOINTMENT, contact_type=ContactType.PHONE)),
            replace(VISIT, appointment=replace(APPOINTMENT, id="a-other")),
            a_visit(late_cancellation_fee=dollars(60), cancel_notice=HOUR),
        ],
        ids=["time", "clinician", "length", "contact type", "visit", "fee"],
    )
    def test_it_changes_with_the_visit_and_with_what_its_change_costs(self, other: BookedVisit) -> None:
        one, two = (quoted(DAY - SECOND, each, self.PAID, self.POLICY) for each in (self.VISIT, other))
        assert one.id != two.id

    def test_it_changes_with_a_refund_that_was_made_meanwhile(self) -> None:
        less = a_payment(dollars(80), refunded=dollars(10))
        one, two = (quoted(DAY, self.VISIT, each, self.POLICY) for each in (self.PAID, less))
        assert one.id != two.id

    def test_the_practices_words_are_no_terms(self) -> None:
        reworded = a_visit(
            late_cancellation_fee=dollars(50), cancel_notice=HOUR, cannot_cancel_message="Call us."
        )
        one, two = (quoted(DAY, each, self.PAID, self.POLICY) for each in (self.VISIT, reworded))
        assert one.id == two.id
