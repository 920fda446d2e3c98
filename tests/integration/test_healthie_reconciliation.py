"""What turns up in Healthie after a checkout has ended, as the adapters read it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from booking.catalog.model import BillingFrequency
from booking.checkout.model import Attempt, Checkout
from booking.errors import OutcomeUnknown
from booking.models import Charge, Recurrence
from booking.money import Money
from booking.ports import LateCharges
from booking.refusals import CardDeclined
from tests.integration.healthie_on_emulator import Practice, practice

NOTHING = LateCharges()
MONTHLY = Recurrence(frequency=BillingFrequency.MONTHLY, amount=Money.of("149", "USD"), payments=None)


@pytest.fixture
async def here() -> AsyncIterator[Practice]:
    async with practice() as opened:
        yield opened


def tried(checkout: Checkout) -> Checkout:
    """The checkout as it stands after an attempt with its card."""
    attempt = Attempt(number=checkout.attempt, card_id=checkout.card_id, intended_at=checkout.created_at)
    return checkout.changed(attempts=(*checkout.attempts, attempt))


def ids(*charges: Charge) -> frozenset[str]:
    return frozenset(name for charge in charges for name in (charge.billing_item_id, charge.charge_id))


async def late(here: Practice, checkout: Checkout, *known: Charge) -> LateCharges:
    return await here.healthie.billing.late_charges(checkout, known=ids(*known))


def there_is_money_again(here: Practice, checkout: Checkout) -> None:
    """Let the bank accept the checkout's card from now on."""
    stripe = here.world.stripe
    card = stripe.cards[here.world.cards[str(checkout.card_id)].stripe_id]
    works = replace(card.fingerprint, refused_at_charge=None)
    stripe.cards[card.id] = replace(card, fingerprint=works)


async def resend_the_failed_payment(here: Practice) -> None:
    """What staff do in Healthie when the patient says that the card works now."""
    (failed,) = (item for item in here.world.billing_items if item.state == "FAILED")
    document = (
        "mutation Resend($id: ID!) { updateBillingItem(input: {id: $id, resend_payment: true}) "
        "{ messages { message } } }"
    )
    async with httpx2.AsyncClient(transport=here.wire, base_url="http://emulator.invalid") as staff:
        answer = await staff.post(
            "/graphql",
            json={"query": document, "operationName": "Resend", "variables": {"id": failed.id}},
            headers={
                "Authorization": f"Basic {here.seed['owner']['key']}",
                "AuthorizationSource": "API",
                "Healthie-GraphQL-API-Version": "2026-01-01",
            },
        )
    assert answer.json()["data"]["updateBillingItem"]["messages"] is None, answer.text


class TestLateCharges:
    async def test_a_charge_of_an_attempt_is_found_with_its_number_and_not_when_known(
        self, here: Practice
    ) -> None:
        checkout = tried(await here.checkout(attempt=2))
        charge = await here.healthie.billing.charge(checkout)
        assert await late(here, checkout) == LateCharges(certain=((2, charge),))
        assert await late(here, checkout, charge) == NOTHING

    async def test_a_second_row_for_a_known_charge_is_no_finding(self, here: Practice) -> None:
        here.world.switches.repeated_key_adds_item = True
        checkout = tried(await here.checkout())
        charge = await here.healthie.billing.charge(checkout)
        await here.healthie.billing.charge(checkout)
        assert len(list(here.world.billing_items)) == 2
        assert await late(here, checkout, charge) == NOTHING

    async def test_what_was_given_back_in_full_is_no_finding(self, here: Practice) -> None:
        checkout = tried(await here.checkout())
        charge = await here.healthie.billing.charge(checkout)
        await here.healthie.billing.refund(checkout.changed(charge=charge))
        assert await late(here, checkout) == NOTHING

    async def test_a_declined_attempt_alone_is_no_finding(self, here: Practice) -> None:
        checkout = tried(await here.checkout(token="tok_chargeCustomerFail"))
        with pytest.raises(CardDeclined):
            await here.healthie.billing.charge(checkout)
        assert await late(here, checkout) == NOTHING

    async def test_a_payment_without_its_note_is_uncertain(self, here: Practice) -> None:
        here.world.switches.drop_note = True
        checkout = tried(await here.checkout())
        charge = await here.healthie.billing.charge(checkout)
        assert await late(here, checkout) == LateCharges(uncertain=(charge.billing_item_id,))
        assert await late(here, checkout, charge) == NOTHING

    async def test_another_checkouts_payment_is_no_finding(self, here: Practice) -> None:
        checkout = tried(await here.checkout())
        other = replace(checkout, id="chk_other")
        await here.healthie.billing.charge(other)
        assert await late(here, checkout) == NOTHING

    async def test_a_payment_that_is_not_proved_is_uncertain(self, here: Practice) -> None:
        checkout = tried(await here.checkout())
        charge = await here.healthie.billing.charge(checkout)
        here.world.billing_items.change(charge.billing_item_id, state="SCHEDULED")
        assert await late(here, checkout) == LateCharges(uncertain=(charge.billing_item_id,))

    async def test_every_attempt_is_looked_for(self, here: Practice) -> None:
        checkout = tried(await here.checkout())
        first = await here.healthie.billing.charge(checkout)
        checkout = tried(checkout.changed(attempt=2))
        second = await here.healthie.billing.charge(checkout)
        found = await late(here, checkout)
        assert found.certain == ((1, first), (2, second))
        assert await late(here, checkout, second) == LateCharges(certain=((1, first),))

    async def test_a_checkout_that_never_tried_asks_nothing(self, here: Practice) -> None:
        assert await late(here, await here.checkout(attempt=0)) == NOTHING
        assert "PaymentsSince" not in here.wire.operations

    async def test_a_failed_payment_that_staff_sent_again_is_a_charge_of_its_attempt(
        self, here: Practice
    ) -> None:
        checkout = tried(await here.checkout(token="tok_chargeCustomerFail"))
        with pytest.raises(CardDeclined):
            await here.healthie.billing.charge(checkout)
        there_is_money_again(here, checkout)
        await resend_the_failed_payment(here)

        ((attempt, charge),) = (await late(here, checkout)).certain

        assert attempt == 1
        assert charge.charge_id in here.world.stripe.charges
        refunded = await here.healthie.billing.refund(checkout.changed(charge=charge))
        assert refunded == checkout.quote.due_today
        assert await late(here, checkout) == NOTHING


class TestSeries:
    async def monthly(self, here: Practice, **changes: Any) -> Checkout:
        """A checkout of the monthly plan that has tried, whose patient has accepted no series."""
        return tried(await here.checkout("Monthly Care", **changes))

    async def refunded_by_hand(self, here: Practice, charge: Charge, checkout: Checkout) -> None:
        await here.healthie.billing.refund(checkout.changed(charge=charge))

    async def test_a_charge_that_was_given_back_stands_while_its_series_goes_on(self, here: Practice) -> None:
        checkout = await self.monthly(here)
        charge = await here.healthie.billing.charge(checkout)
        await self.refunded_by_hand(here, charge, checkout)
        assert await late(here, checkout) == LateCharges(certain=((1, charge),))
        await here.healthie.billing.cancel_recurring(checkout.changed(charge=charge))
        assert await late(here, checkout) == NOTHING

    async def test_the_series_of_the_checkouts_own_charge_is_told(self, here: Practice) -> None:
        checkout = await self.monthly(here)
        charge = await here.healthie.billing.charge(checkout)
        own = checkout.changed(charge=charge)
        assert await late(here, own, charge) == LateCharges(series=(charge.billing_item_id,))
        await here.healthie.billing.cancel_recurring(own)
        assert await late(here, own, charge) == NOTHING

    async def test_so_is_that_of_a_settled_payment_once_it_was_given_back(self, here: Practice) -> None:
        here.world.switches.drop_note = True
        checkout = await self.monthly(here)
        checkout = replace(checkout, quote=replace(checkout.quote, recurrence=MONTHLY))
        charge = await here.healthie.billing.charge(checkout)
        resolved_ids = checkout.changed(resolved_ids=(charge.billing_item_id,))
        assert await late(here, resolved_ids) == NOTHING  # a person judges whose it is
        await self.refunded_by_hand(here, charge, checkout)
        assert await late(here, resolved_ids) == LateCharges(series=(charge.billing_item_id,))

    async def test_a_second_row_for_a_charge_that_was_given_back_is_no_finding(self, here: Practice) -> None:
        here.world.switches.repeated_key_adds_item = True
        checkout = tried(await here.checkout())
        charge = await here.healthie.billing.charge(checkout)
        await here.healthie.billing.charge(checkout)
        await self.refunded_by_hand(here, charge, checkout)
        assert await late(here, checkout) == NOTHING

    async def test_a_charge_of_another_amount_that_was_given_back_is_no_finding(self, here: Practice) -> None:
        checkout = tried(await here.checkout())
        accepted = replace(checkout.quote, due_today=checkout.quote.due_today - Money.of("1", "USD"))
        checkout = replace(checkout, quote=accepted)
        charge = await here.healthie.billing.charge(checkout)
        assert charge.differs == ("amount",)
        assert await late(here, checkout) == LateCharges(certain=((1, charge),))
        await self.refunded_by_hand(here, charge, checkout)
        assert await late(here, checkout) == NOTHING


class TestLateVisits:
    async def test_every_visit_that_names_the_checkout_is_found_until_it_is_deleted(
        self, here: Practice
    ) -> None:
        checkout = await here.checkout()
        here.fault("lost_answer", "createAppointment")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.scheduling.book(checkout)
        again = checkout.changed(slot=(await here.free(clinician=1))[3])
        second = await here.healthie.scheduling.book(again)
        found = await here.healthie.scheduling.find_all(checkout)
        assert len(found) == 2
        await here.healthie.scheduling.delete(checkout.changed(appointment_id=second.id))
        (left,) = await here.healthie.scheduling.find_all(checkout)
        assert left.start == checkout.visit_slot.start
