import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from booking import refusals
from booking.changes.model import ChangeKind
from booking.checkout.model import CheckoutState, EndReason
from booking.refusals import DeclineReason, NotAllowedReason, Refusal
from gateway.graphql import build_schema
from resolvers.checkouts import to_end_status
from resolvers.outcomes import _read, _write
from resolvers.problems import PROBLEMS
from schema import appointments, catalog, change_problems, changes, checkouts, memberships
from schema.problems import Problem
from tests.doubles.change_service import (
    CANCELLATION,
    MEMBERSHIP_END,
    MEMBERSHIP_PAUSE,
    MEMBERSHIP_RESUME,
    MOVE,
)
from tests.integration.database_samples import QUOTE

SAMPLES: dict[type[Refusal], tuple[Any, ...]] = {
    refusals.TooLateToBook: (datetime(2026, 6, 1, 15, tzinfo=UTC),),
    refusals.HoldLimitReached: (3,),
    refusals.HoldCapacityReached: (90,),
    refusals.HoldExtensionsUsedUp: (datetime(2026, 6, 1, 15, tzinfo=UTC),),
    refusals.PromoInvalid: ("This code has expired.",),
    refusals.QuoteChanged: ("chk_sample", QUOTE),
    refusals.CardDeclined: (DeclineReason.CARD_EXPIRED,),
    refusals.TooManyAttempts: (90,),
    refusals.UnpaidVisitsUsedUp: (3600,),
    refusals.EmailCodeInvalid: (3,),
    refusals.CheckoutClosed: ("cancelled",),
    refusals.CancellationNotAllowed: (NotAllowedReason.TOO_LATE,),
    refusals.RescheduleNotAllowed: (NotAllowedReason.MOVED_TOO_OFTEN,),
    refusals.CancellationQuoteChanged: (CANCELLATION,),
    refusals.RescheduleQuoteChanged: (MOVE,),
    refusals.MembershipQuoteChanged: (MEMBERSHIP_END,),
    refusals.MembershipPauseQuoteChanged: (MEMBERSHIP_PAUSE,),
    refusals.MembershipResumeQuoteChanged: (MEMBERSHIP_RESUME,),
    refusals.MembershipChangeNotAllowed: (refusals.MembershipNotAllowedReason.NOT_PAUSED,),
    refusals.WaitlistLimitReached: (3,),
}


def every_refusal(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for one in kind.__subclasses__():
        yield one
        yield from every_refusal(one)


@pytest.mark.parametrize("kind", list(every_refusal()), ids=lambda kind: kind.__name__)
def test_every_refusal_of_the_domain_is_a_problem_of_the_same_name(kind: type[Refusal]) -> None:
    refusal = kind(*SAMPLES.get(kind, ()))
    problem = PROBLEMS[kind].handle(refusal)
    assert type(problem).__name__ == kind.__name__
    assert (problem.code, problem.message, problem.retryable) == (
        refusal.code,
        refusal.message,
        refusal.retryable,
    )


# What a quote says is not kept with the key: a replay reads it anew (see the idempotency tests).
READ_ANEW = {
    refusals.QuoteChanged,
    refusals.CancellationQuoteChanged,
    refusals.RescheduleQuoteChanged,
    refusals.MembershipQuoteChanged,
    refusals.MembershipPauseQuoteChanged,
    refusals.MembershipResumeQuoteChanged,
}


@pytest.mark.parametrize(
    "kind", sorted({*every_refusal()} - READ_ANEW, key=repr), ids=lambda kind: kind.__name__
)
def test_a_problem_survives_its_reference(kind: type[Refusal]) -> None:
    problem: Problem = PROBLEMS[kind].handle(kind(*SAMPLES.get(kind, ())))
    kept = {name: _write(value) for name, value in dataclasses.asdict(problem).items()}
    assert type(problem)(**{name: _read(value) for name, value in kept.items()}) == problem  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", list(every_refusal()), ids=lambda kind: kind.__name__)
def test_every_problem_can_be_answered_by_something(kind: type[Refusal]) -> None:
    unions = [one for one in build_schema()._schema.type_map.values() if hasattr(one, "types")]
    assert any(kind.__name__ in {member.name for member in union.types} for union in unions)


# Values of the domain that another type shows: changes of a membership are none of a visit.
ELSEWHERE: dict[Any, set[Any]] = {
    changes.AppointmentChangeKind: {kind for kind in ChangeKind if kind.startswith("membership_")}
}


@pytest.mark.parametrize(
    ("ours", "domain"),
    [
        (catalog.ContactType, "booking.catalog.model.ContactType"),
        (catalog.BillingFrequency, "booking.catalog.model.BillingFrequency"),
        (appointments.AppointmentStatus, "booking.models.AppointmentStatus"),
        (appointments.AppointmentFilter, "booking.visits.lists.VisitFilter"),
        (checkouts.CheckoutEndReason, "booking.checkout.model.EndReason"),
        (checkouts.DeclineReason, "booking.refusals.DeclineReason"),
        (changes.FeeMethod, "booking.change_quotes.FeeMethod"),
        (changes.CreditOutcome, "booking.change_quotes.CreditOutcome"),
        (changes.AppointmentChangeKind, "booking.changes.model.ChangeKind"),
        (changes.AppointmentChangeEndReason, "booking.changes.model.ChangeEndReason"),
        (change_problems.ChangeNotAllowedReason, "booking.refusals.NotAllowedReason"),
        (memberships.MembershipNotAllowedReason, "booking.refusals.MembershipNotAllowedReason"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_an_enum_has_the_domains_values(ours: Any, domain: str) -> None:
    module, _, name = domain.rpartition(".")
    known = getattr(pytest.importorskip(module), name)
    elsewhere = ELSEWHERE.get(ours, set())
    assert {one.name: one.value for one in ours} == {
        one.name: one.value for one in known if one not in elsewhere
    }


def test_every_end_of_a_checkout_has_a_status_of_its_own_right() -> None:
    ends = {"confirmed", "cancelled", "slot_lost", "refunded", "expired", "needs_attention"}
    told = {state: to_end_status(state) for state in ends}
    assert checkouts.CheckoutStatus.PROCESSING not in told.values()
    assert told[CheckoutState.SLOT_LOST] is checkouts.CheckoutStatus.CANCELLED
    assert len(EndReason) == len(checkouts.CheckoutEndReason)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (1, "in 1 minute,"),
        (61, "in 2 minutes,"),
        (7199, "in 120 minutes,"),
        (7200, "in 2 hours,"),
        (86_400, "in 24 hours,"),
    ],
)
def test_a_wait_is_told_in_minutes_and_a_long_one_in_hours(seconds: int, told: str) -> None:
    assert told in refusals.TooManyAttempts(seconds).message
    assert told in refusals.HoldCapacityReached(seconds).message
