"""A membership at the emulator: read as it stands, and ended once, whatever the wire does."""

from collections.abc import AsyncIterator

import pytest

from booking.change_quotes import MembershipEndQuote
from booking.changes.membership import MembershipAsStands
from booking.changes.membership_end import membership_end_quote, new_membership_end
from booking.changes.model import RequestedChange
from booking.checkout.model import Checkout
from booking.errors import OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals.memberships import MembershipOver
from tests.integration.changes_on_emulator import a_booked_checkout
from tests.integration.healthie_on_emulator import Practice, practice


@pytest.fixture
async def here() -> AsyncIterator[Practice]:
    async with practice() as opened:
        yield opened


@pytest.fixture
async def monthly(here: Practice) -> Checkout:
    return await a_booked_checkout(here, "Monthly Care")


async def standing(here: Practice, *, of: str | None = None) -> MembershipAsStands | None:
    (series,) = here.world.recurring_payments
    return await here.healthie.memberships.get(series.id, of=of)


async def an_end(here: Practice) -> RequestedChange:
    membership = await standing(here)
    assert membership is not None
    patient = Caller(principal=Principal(kind=PrincipalKind.PATIENT, id=membership.patient_id))
    quote: MembershipEndQuote = membership_end_quote(membership)
    return new_membership_end(patient, membership, quote, note=None, now=here.world.clock.now())


def is_ended(here: Practice) -> bool:
    (series,) = here.world.recurring_payments
    return series.is_canceled


def sent(here: Practice) -> int:
    return here.wire.operations["CancelRecurring"]


async def end(here: Practice, change: RequestedChange) -> None:
    await here.healthie.change_payments.stop_recurring(change)


class TestGet:
    async def test_it_is_read_as_it_stands(self, here: Practice, monthly: Checkout) -> None:
        (series,) = here.world.recurring_payments
        found = await standing(here, of=monthly.patient_id)
        assert found is not None
        assert (found.id, found.patient_id, found.is_ended) == (series.id, monthly.patient_id, False)
        assert (found.next_payment_at, found.payments_left) == (series.next_payment_date, None)
        assert monthly.charge is not None
        assert (found.payment_id, found.amount) == (
            monthly.charge.billing_item_id,
            monthly.quote.recurrence.amount if monthly.quote.recurrence else None,
        )

    async def test_another_patients_and_a_missing_one_are_none(
        self, here: Practice, monthly: Checkout
    ) -> None:
        assert await standing(here, of=here.patient(2)) is None
        assert await here.healthie.memberships.get("987654", of=monthly.patient_id) is None

    @pytest.mark.parametrize("kind", ["lost_request", "http_5xx", "not_json"])
    async def test_one_that_cannot_be_read_is_unavailable(
        self, here: Practice, monthly: Checkout, kind: str
    ) -> None:
        for _ in range(9):  # a read is repeated
            here.fault(kind, "recurringPayment")
        with pytest.raises(UpstreamUnavailable):
            await standing(here)


class TestEnd:
    async def test_later_payments_end_and_the_membership_says_so(
        self, here: Practice, monthly: Checkout
    ) -> None:
        change = await an_end(here)
        for _ in range(2):
            await end(here, change)
        assert (is_ended(here), sent(here)) == (True, 1)
        after = await standing(here)
        assert after is not None
        assert (after.is_ended, after.next_payment_at) == (True, None)
        with pytest.raises(MembershipOver):
            membership_end_quote(after)

    @pytest.mark.parametrize("kind", ["lost_request", "http_5xx", "not_json"])
    async def test_in_doubt_it_is_unknown_and_then_ended(
        self, here: Practice, monthly: Checkout, kind: str
    ) -> None:
        change = await an_end(here)
        here.fault(kind, "cancelRecurringPayment")
        with pytest.raises((OutcomeUnknown, UpstreamUnavailable)):
            await end(here, change)
        await end(here, change)
        assert is_ended(here)

    async def test_a_lost_answer_is_read_and_not_sent_again(self, here: Practice, monthly: Checkout) -> None:
        change = await an_end(here)
        here.fault("lost_answer", "cancelRecurringPayment")
        with pytest.raises(OutcomeUnknown):
            await end(here, change)
        await end(here, change)
        assert (is_ended(here), sent(here)) == (True, 1)

    async def test_a_silent_no_op_is_not_believed(self, here: Practice, monthly: Checkout) -> None:
        change = await an_end(here)
        here.world.switches.silent_noop = {"cancelRecurringPayment"}
        with pytest.raises(OutcomeUnknown):
            await end(here, change)
        assert not is_ended(here)

    async def test_one_that_the_practice_ended_is_left_alone(self, here: Practice, monthly: Checkout) -> None:
        change = await an_end(here)
        (series,) = here.world.recurring_payments
        here.world.recurring_payments.change(series.id, is_canceled=True, next_payment_date=None)
        await end(here, change)
        assert sent(here) == 0

    async def test_another_patients_is_left_alone(self, here: Practice, monthly: Checkout) -> None:
        change = (await an_end(here)).changed(patient_id=here.patient(2))
        with pytest.raises(UpstreamRefused):
            await end(here, change)
        assert (is_ended(here), sent(here)) == (False, 0)
