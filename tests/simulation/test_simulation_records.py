"""No record, no call: a checkout whose calls cannot be recorded waits, and goes on when they can."""

import asyncio
from dataclasses import replace
from unittest.mock import patch

import pytest

from booking.checkout.model import CheckoutState
from integrations.upstream.audit import AuditedCalls, Call
from tests.simulation.plans import Scripted
from tests.simulation.scenarios import CANONICAL
from tests.simulation.schedule import Scenario, Schedule

PUBLIC = {
    "AvailableSlots",
    "Coupons",
    "PlanOnSale",
    "PublicCatalog",
    "ValidateCoupon",
    "VisitOnSale",
    "WhoAmI",
}


def _without_records(*, after: str, seconds: float) -> Scenario:
    """Have the trail fail as soon as this operation was sent, for so long."""

    async def fail(schedule: Schedule) -> None:
        while not any(sent.operation == after for sent in schedule.upstream.sent):  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.01)
        schedule.store.down_until = schedule.loop.time() + seconds

    return replace(CANONICAL, events=(fail,))


@pytest.mark.parametrize("after", ["ValidateCoupon", "PatientsByEmail", "CreatePatient", "AttachCard"])
def test_a_checkout_goes_on_when_its_calls_can_be_recorded_again(after: str) -> None:
    schedule = Schedule(_without_records(after=after, seconds=400.0), Scripted({}))
    result = schedule.play()

    assert result.violations == []
    assert any("cannot record" in line for line in result.trace)
    until = schedule.store.down_until
    unrecorded = [one for one in schedule.upstream.sent if until - 400.0 < one.decided_at < until]
    assert {one.operation for one in unrecorded} <= PUBLIC


@pytest.mark.parametrize("after", ["Charge", "Book"])
def test_what_was_sent_before_is_neither_lost_nor_sent_twice(after: str) -> None:
    result = Schedule(_without_records(after=after, seconds=120.0), Scripted({})).play()

    assert result.violations == []
    assert [row.state for row in result.checkouts] == [CheckoutState.CONFIRMED]


def test_money_that_cannot_be_given_back_on_record_is_given_back_later() -> None:
    """The visit cannot be booked before its time is over; the refund waits for its record as well."""
    result = Schedule(_without_records(after="Charge", seconds=3600.0), Scripted({})).play()

    assert result.violations == []
    (row,) = result.checkouts
    assert row.state in {CheckoutState.REFUNDED, CheckoutState.NEEDS_ATTENTION}


def test_a_request_without_its_record_is_noticed() -> None:
    """The checker is checked: with the record left out the same journey is found wrong."""

    async def attempted(self: AuditedCalls, call: Call) -> None:
        if call.operation == "Charge":
            return
        await original(self, call)

    original = AuditedCalls.attempted
    with patch.object(AuditedCalls, "attempted", attempted):
        violations = Schedule(CANONICAL, Scripted({})).play().violations
    assert violations
    assert all(each.startswith("sent without an audit record: Charge") for each in violations)
