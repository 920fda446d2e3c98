"""What `frontdoor policy` prints: every rule with whose setting it is, the same answers as the quotes, and no patient data."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.changes.cancelling import cancellation_quote
from booking.changes.policy import ChangePolicy, MembershipPolicy, PlanVisitTreatment, RefundTier
from booking.changes.rescheduling import reschedule_quote
from booking.changes.visit import BookedVisit, ChangeVerdict, Paid
from booking.refusals.changes import CancellationNotAllowed, NotAllowedReason, RescheduleNotAllowed
from gateway.commands.policy_explanation import explained
from gateway.commands.policy_words import Asked, shown, shown_of_memberships
from tests.doubles.booked_visits import APPOINTMENT, START, a_payment, a_visit, dollars
from tests.doubles.change_situations import NOTICES, Situation, situations

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TIERS = (RefundTier(notice=2 * DAY, percent=100), RefundTier(notice=DAY, percent=50))
POLICY = ChangePolicy(refunds=TIERS, late_notice=DAY, charge_late_fee=True)
NO = ChangeVerdict(can_cancel=False, can_reschedule=False)
PAID = a_payment(dollars(80))
PLAN = a_payment(dollars(99), plan_id="plan-sample", recurring_payment_id="r-sample")
FEE: dict[str, Any] = {"late_cancellation_fee": dollars(50)}


def asked(
    visit: BookedVisit,
    paid: Paid | None = PAID,
    policy: ChangePolicy = POLICY,
    *,
    notice: timedelta = DAY,
    by_staff: bool = False,
) -> Asked:
    return Asked(visit=visit, paid=paid, policy=policy, now=START - notice, zone=UTC, by_staff=by_staff)


def text_of(case: Asked) -> str:
    return "\n".join(explained(case))


def refusal_of(quote: Callable[[], object]) -> NotAllowedReason | None:
    """Why there is no quote; None when there is one."""
    try:
        quote()
    except (CancellationNotAllowed, RescheduleNotAllowed) as refusal:
        return refusal.reason
    return None


class TestExplained:
    @pytest.mark.parametrize(
        ("case", "line"),
        [
            (asked(a_visit(), notice=2 * DAY), "80.00 USD of 80.00 USD is given back: 100 percent"),
            (
                asked(a_visit()),
                "40.00 USD of 80.00 USD is given back: 50 percent with this notice (FRONTDOOR_",
            ),
            (asked(a_visit(), notice=HOUR), "nothing of 80.00 USD is given back: 0 percent"),
            (
                asked(a_visit(), a_payment(dollars(80), refunded=dollars(30))),
                "10.00 USD of 80.00 USD is given back (30.00 USD was before): 50 percent",
            ),
            (asked(a_visit(), None), "nothing was paid here for this visit"),
            (
                asked(a_visit(), notice=HOUR, by_staff=True),
                "80.00 USD of 80.00 USD is given back: staff give",
            ),
            (asked(a_visit(credit_used=True), PLAN), "a plan paid (FRONTDOOR_CANCELLED_PLAN_VISITS: credit)"),
        ],
    )
    def test_what_is_given_back_and_by_which_setting(self, case: Asked, line: str) -> None:
        assert line in text_of(case)

    @pytest.mark.parametrize(
        ("case", "line"),
        [
            (asked(a_visit(**FEE)), "no fee: it is not late"),
            (
                asked(a_visit(**FEE), notice=HOUR),
                "a fee of 50.00 USD (Healthie's settings), charged here to the",
            ),
            (
                asked(a_visit(**FEE, practice_charges_late_fee=True), notice=HOUR),
                "a fee of 50.00 USD, which Healthie charges by itself",
            ),
            (asked(a_visit(**FEE), notice=HOUR, by_staff=True), "no fee: staff charge none"),
            (asked(a_visit(), notice=HOUR), "no fee: there is none (Healthie's settings)"),
            (
                asked(a_visit(**FEE), policy=ChangePolicy(late_notice=DAY), notice=HOUR),
                "no fee: nobody charges the 50.00 USD",
            ),
            (asked(a_visit(**FEE), None, notice=HOUR), "no fee: no card is known here"),
        ],
    )
    def test_which_fee_is_charged_by_whom_or_why_none_is(self, case: Asked, line: str) -> None:
        assert line in text_of(case)

    @pytest.mark.parametrize(
        ("case", "line"),
        [
            (asked(a_visit(verdict=NO)), "  no   Healthie's own answer for this visit, read just now: no"),
            (asked(a_visit(may_cancel=False)), "  no   patients may cancel visits (Healthie's settings: no)"),
            (
                asked(a_visit(may_reschedule=False)),
                "  no   patients may move visits (Healthie's settings: no)",
            ),
            (
                asked(a_visit(cancel_notice=2 * DAY)),
                "  no   the notice has not passed (Healthie's settings: 48 hours)",
            ),
            (
                asked(a_visit(cancel_notice=2 * DAY), by_staff=True),
                "  (no) the notice has not passed (Healthie's settings: 48 hours); staff are not bound by it",
            ),
            (
                asked(a_visit(most_reschedules=2, reschedules=2)),
                "  no   it was not moved too often: 2 times so far (Healthie's settings: at most 2; FRONTDOOR_MOST_RESCHEDULES: no limit;",
            ),
            (asked(a_visit(has_series=True)), "  no   it is a single visit"),
            (asked(a_visit(), notice=-HOUR), "  no   it has not begun (it begins on 2026-06-04 15:00 UTC)"),
        ],
    )
    def test_each_rule_is_printed_with_whose_it_is_and_what_it_compares(self, case: Asked, line: str) -> None:
        assert line in text_of(case)

    def test_a_refusal_is_printed_in_the_words_that_the_patient_gets(self) -> None:
        text = text_of(asked(a_visit(may_cancel=False, cannot_cancel_message="Call us.")))
        assert "CANCELLING is refused (not_online): “Call us.”" in text

    @pytest.mark.parametrize(
        ("case", "hint"),
        [
            (
                asked(a_visit(cancel_notice=DAY)),
                "FRONTDOOR_LATE_CANCELLATION_HOURS never applies to patients",
            ),
            (asked(a_visit(**FEE)), "pays no late fee"),
            (
                asked(a_visit(**FEE, practice_charges_late_fee=True), policy=ChangePolicy()),
                "without FRONTDOOR_LATE_CANCELLATION_HOURS none is late",
            ),
            (
                asked(
                    a_visit(restores_credit=True), policy=ChangePolicy(plan_visits=PlanVisitTreatment.MONEY)
                ),
                "Healthie gives credits back by itself",
            ),
            (
                asked(a_visit(), policy=ChangePolicy(plan_visits=PlanVisitTreatment.MONEY)),
                "credits for other visits of a plan that is paid back stay",
            ),
        ],
    )
    def test_settings_that_do_not_do_together_what_each_says_are_told(self, case: Asked, hint: str) -> None:
        (beware,) = [line for line in explained(case) if line.startswith("Beware: ")]
        assert hint in beware

    def test_settings_that_agree_bring_no_warning(self) -> None:
        agreeing = asked(a_visit(**FEE, reschedule_notice=DAY, restores_credit=True))
        assert "Beware" not in text_of(agreeing)

    def test_it_names_no_patient(self) -> None:
        visit = a_visit(
            appointment=replace(APPOINTMENT, patient_id="canary-patient", clinician_name="Canary Clinician")
        )
        assert "canary" not in text_of(asked(visit)).casefold()

    @given(situation=situations(), notice=NOTICES, by_staff=st.booleans())
    def test_it_agrees_with_the_quotes_whatever_the_visit(
        self, situation: Situation, notice: timedelta, *, by_staff: bool
    ) -> None:
        visit, paid, policy = situation
        case = asked(visit, paid, policy, notice=notice, by_staff=by_staff)
        text = text_of(case)
        cancels = refusal_of(lambda: cancellation_quote(visit, paid, policy, now=case.now, by_staff=by_staff))
        moves = refusal_of(lambda: reschedule_quote(visit, policy, now=case.now, by_staff=by_staff))
        assert (f"CANCELLING is refused ({cancels})" if cancels else "CANCELLING is possible") in text
        assert (f"MOVING is refused ({moves})" if moves else "MOVING is possible") in text
        assert ("\n  no   " in text) == (cancels is not None or moves is not None)
        if cancels is None:
            quote = cancellation_quote(visit, paid, policy, now=case.now, by_staff=by_staff)
            assert paid is None or f"  ->   {quote.refund or 'nothing'} of {paid.charge.net} is given" in text
            assert ("  ->   a fee of " in text) == (quote.fee is not None)
            assert ("  ->   late (" in text) == quote.late
            assert ("later payments end" in text.split("Beware")[0]) == quote.stops_recurring


class TestShown:
    def test_the_shares_stand_by_notice_and_what_is_left_is_nothing(self) -> None:
        assert list(shown(POLICY))[:4] == [
            "Cancelling gives back (FRONTDOOR_CANCELLATION_REFUNDS):",
            "  100 percent with at least 48 hours of notice",
            "   50 percent with at least 24 hours of notice",
            "    0 percent with less",
        ]

    @pytest.mark.parametrize(
        ("policy", "line"),
        [
            (ChangePolicy(), "  100 percent with at least 0 hours of notice"),
            (ChangePolicy(refunds=()), "    0 percent with any notice"),
            (POLICY, "with less than 24 hours of notice."),
            (POLICY, "charged here to the card that paid"),
            (ChangePolicy(late_notice=DAY), "charged only where Healthie does so by itself."),
            (ChangePolicy(), "none, since no cancellation is late."),
            (ChangePolicy(most_reschedules=1), "Moving (FRONTDOOR_MOST_RESCHEDULES): once."),
            (ChangePolicy(other_clinicians=True), "may be chosen"),
            (ChangePolicy(), "may not be chosen"),
        ],
    )
    def test_every_setting_is_put_into_words(self, policy: ChangePolicy, line: str) -> None:
        assert line in "\n".join(shown(policy))

    @pytest.mark.parametrize(
        ("policy", "line"),
        [
            (MembershipPolicy(), "patients may not; staff may."),
            (MembershipPolicy(patients_may_pause=True), "patients may, as often as they like within a year"),
            (MembershipPolicy(patients_may_pause=True, most_pauses=2), "patients may, 2 times within a year"),
        ],
    )
    def test_so_are_those_of_memberships(self, policy: MembershipPolicy, line: str) -> None:
        assert line in "\n".join(shown_of_memberships(policy))

    def test_without_a_last_share_of_all_there_is_no_rest(self) -> None:
        assert "with less" not in next(iter(list(shown(ChangePolicy()))[2:]))
