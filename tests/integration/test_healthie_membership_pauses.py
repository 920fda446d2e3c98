"""Pausing and resuming a membership at the emulator: sent once, read back, and never over the practice's own change."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from booking.changes.membership import MembershipAsStands
from booking.changes.membership_pause import (
    MembershipAsked,
    membership_pause_quote,
    membership_resume_quote,
    new_membership_pause,
    new_membership_resumption,
)
from booking.changes.model import RequestedChange
from booking.changes.policy import MembershipPolicy
from booking.checkout.model import Checkout
from booking.errors import OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.principals import Caller, Principal, PrincipalKind
from integrations.healthie_emulator.money_records import RecurringPayment
from tests.integration.changes_on_emulator import a_booked_checkout
from tests.integration.healthie_on_emulator import Practice, practice

STAFF = Caller(principal=Principal(kind=PrincipalKind.STAFF, id="s-sample"))


@pytest.fixture
async def here() -> AsyncIterator[Practice]:
    async with practice() as opened:
        yield opened


@pytest.fixture
async def monthly(here: Practice) -> Checkout:
    return await a_booked_checkout(here, "Monthly Care")


async def asked(here: Practice) -> MembershipAsked:
    (series,) = here.world.recurring_payments
    membership = await here.healthie.memberships.get(series.id)
    assert membership is not None
    return MembershipAsked(
        caller=STAFF,
        membership=membership,
        changes=(),
        policy=MembershipPolicy(),
        now=here.world.clock.now(),
        time_zone="America/New_York",
    )


async def a_pause(here: Practice) -> RequestedChange:
    about = await asked(here)
    return new_membership_pause(about, membership_pause_quote(about), note=None)


async def a_resumption(here: Practice) -> RequestedChange:
    about = await asked(here)
    return new_membership_resumption(about, membership_resume_quote(about), note=None)


async def send(here: Practice, change: RequestedChange, *, resumes: bool) -> MembershipAsStands:
    changes = here.healthie.membership_changes
    return await (changes.resume(change) if resumes else changes.pause(change))


async def a_change(here: Practice, *, resumes: bool) -> RequestedChange:
    if not resumes:
        return await a_pause(here)
    await here.healthie.membership_changes.pause(await a_pause(here))
    return await a_resumption(here)


def series(here: Practice) -> RecurringPayment:
    (found,) = here.world.recurring_payments
    return found


def sent(here: Practice) -> int:
    return here.wire.operations["SetRecurringPaused"]


BOTH = pytest.mark.parametrize("resumes", [False, True])


async def test_it_is_paused_and_resumed_and_says_so(here: Practice, monthly: Checkout) -> None:
    planned = series(here).next_payment_date
    paused = await here.healthie.membership_changes.pause(await a_pause(here))
    assert (paused.is_paused, paused.paused_at, paused.resumes_at) == (True, series(here).paused_at, planned)
    resumed = await here.healthie.membership_changes.resume(await a_resumption(here))
    assert (resumed.is_paused, resumed.paused_at, resumed.resumes_at) == (False, None, None)
    assert resumed.next_payment_at == planned
    assert sent(here) == 2


@BOTH
@pytest.mark.parametrize("kind", ["lost_request", "http_5xx", "not_json"])
async def test_in_doubt_it_is_unknown_and_a_look_tells(
    here: Practice, monthly: Checkout, kind: str, *, resumes: bool
) -> None:
    change = await a_change(here, resumes=resumes)
    here.fault(kind, "updateBillingItem")
    with pytest.raises((OutcomeUnknown, UpstreamUnavailable)):
        await send(here, change, resumes=resumes)
    standing = await here.healthie.membership_changes.standing(change)
    assert standing is not None
    assert standing.is_paused is series(here).is_paused


@BOTH
async def test_a_lost_answer_is_seen_by_a_look(here: Practice, monthly: Checkout, *, resumes: bool) -> None:
    change = await a_change(here, resumes=resumes)
    here.fault("lost_answer", "updateBillingItem")
    with pytest.raises(OutcomeUnknown):
        await send(here, change, resumes=resumes)
    standing = await here.healthie.membership_changes.standing(change)
    assert standing is not None
    assert standing.is_paused is not resumes


@BOTH
async def test_a_silent_no_op_is_not_believed(here: Practice, monthly: Checkout, *, resumes: bool) -> None:
    change = await a_change(here, resumes=resumes)
    here.world.switches.silent_noop = {"updateBillingItem"}
    with pytest.raises(OutcomeUnknown):
        await send(here, change, resumes=resumes)
    assert series(here).is_paused is resumes


@BOTH
@pytest.mark.parametrize("told", [False, True])
async def test_where_the_next_payment_would_be_is_what_healthie_says(
    here: Practice, monthly: Checkout, *, told: bool, resumes: bool
) -> None:
    """With `resumed_a_period_later` on and off, and the date told or not."""
    here.world.switches.resumed_a_period_later = resumes
    here.world.switches.restart_date_told = told
    planned = series(here).next_payment_date
    await here.healthie.membership_changes.pause(await a_pause(here))
    here.world.clock.advance(timedelta(days=3).total_seconds())
    membership = (await asked(here)).membership
    assert (membership.resumes_at is None) is not told
    if told:
        assert (membership.resumes_at == planned) is not resumes


@BOTH
@pytest.mark.parametrize("changes", [{"is_canceled": True}, {"sender_id": "987654"}])
async def test_one_that_is_not_as_it_was_is_left_alone(
    here: Practice, monthly: Checkout, changes: dict[str, object], *, resumes: bool
) -> None:
    change = await a_change(here, resumes=resumes)
    before = sent(here)
    if "sender_id" in changes:
        change = change.changed(patient_id="987654")
    else:
        here.world.recurring_payments.change(series(here).id, **changes)
    with pytest.raises(UpstreamRefused) as refusal:
        await send(here, change, resumes=resumes)
    assert refusal.value.reason == "changed_by_practice"
    assert sent(here) == before


async def test_a_pause_that_the_practice_began_anew_is_not_ended(here: Practice, monthly: Checkout) -> None:
    change = await a_change(here, resumes=True)
    paused_at = series(here).paused_at
    assert paused_at is not None
    here.world.recurring_payments.change(series(here).id, paused_at=paused_at + timedelta(minutes=1))
    with pytest.raises(UpstreamRefused):
        await send(here, change, resumes=True)
    assert series(here).is_paused


async def test_one_that_would_bill_on_another_day_is_not_resumed(here: Practice, monthly: Checkout) -> None:
    change = await a_change(here, resumes=True)
    planned = series(here).next_payment_date
    assert planned is not None
    here.world.recurring_payments.change(series(here).id, next_payment_date=planned + timedelta(days=2))
    with pytest.raises(UpstreamRefused):
        await send(here, change, resumes=True)
    assert series(here).is_paused
