"""Visits, payments and policies of every kind, for properties that hold of all of them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import strategies as st

from booking.changes.policy import ChangePolicy, PlanVisitTreatment, RefundTier
from booking.changes.visit import BookedVisit, ChangeVerdict, Paid
from booking.money import Money, decimals_of
from tests.doubles.booked_visits import YES, a_payment, a_visit

Situation = tuple[BookedVisit, Paid | None, ChangePolicy]

MINUTE = timedelta(minutes=1)
NOTICES = st.integers(min_value=0, max_value=60 * 24 * 14).map(lambda minutes: minutes * MINUTE)


@st.composite
def amounts(draw: st.DrawFn, currency: str, most: int = 10**7) -> Money:
    minor = draw(st.integers(min_value=0, max_value=most))
    return Money.of(Decimal(minor).scaleb(-decimals_of(currency)), currency)


@st.composite
def policies(draw: st.DrawFn) -> ChangePolicy:
    hours = draw(st.lists(st.integers(min_value=0, max_value=300), unique=True, max_size=5))
    percents = draw(
        st.lists(
            st.integers(min_value=0, max_value=100), unique=True, min_size=len(hours), max_size=len(hours)
        )
    )
    late = draw(st.none() | st.integers(min_value=1, max_value=300))
    return ChangePolicy(
        refunds=tuple(
            RefundTier(notice=timedelta(hours=each), percent=percent)
            for each, percent in zip(sorted(hours, reverse=True), sorted(percents, reverse=True), strict=True)
        ),
        late_notice=None if late is None else timedelta(hours=late),
        charge_late_fee=draw(st.booleans()) if late is not None else False,
        plan_visits=draw(st.sampled_from(PlanVisitTreatment)),
        most_reschedules=draw(st.none() | st.integers(min_value=0, max_value=5)),
        other_clinicians=draw(st.booleans()),
    )


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """A visit that may be cancelled as far as the practice's notice goes, what was paid for it, and a policy."""
    currency = draw(st.sampled_from(["USD", "JPY", "KWD"]))
    visit = a_visit(
        cancel_notice=draw(st.none() | NOTICES),
        reschedule_notice=draw(st.none() | NOTICES),
        late_cancellation_fee=draw(st.none() | amounts(currency, most=10**5)),
        practice_charges_late_fee=draw(st.booleans()),
        restores_credit=draw(st.booleans()),
        credit_used=draw(st.sampled_from([True, False, None])),
        most_reschedules=draw(st.none() | st.integers(min_value=0, max_value=5)),
        reschedules=draw(st.integers(min_value=0, max_value=6)),
        verdict=draw(st.sampled_from([YES, ChangeVerdict(can_cancel=False, can_reschedule=False)])),
    )
    paid = draw(st.none() | payments(currency))
    return visit, paid, draw(policies())


@st.composite
def payments(draw: st.DrawFn, currency: str) -> Paid:
    return a_payment(
        draw(amounts(currency)),
        refunded=draw(st.just(Money.of(0, currency)) | amounts(currency)),
        plan_id=draw(st.sampled_from([None, "plan-sample"])),
        recurring_payment_id=draw(st.sampled_from([None, "r-sample"])),
        card_id=draw(st.sampled_from([None, "card-sample"])),
    )


def allowed(
    situation: Situation,
) -> Situation:
    """The same situation with a yes for a verdict, so that most examples have a quote."""
    visit, paid, policy = situation
    return replace(visit, verdict=YES), paid, policy


ALLOWED = situations().map(allowed)
