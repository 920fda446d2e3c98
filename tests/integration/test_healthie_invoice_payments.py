"""An invoice at the emulator: read as it stands, and charged once as its payment, whatever the wire does."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from booking.changes.invoice_payment import new_invoice_payment
from booking.changes.model import ActionState, RequestedChange
from booking.errors import OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.packages.model import Invoice, InvoiceStatus
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals import CardDeclined, DeclineReason
from tests.integration.healthie_on_emulator import Practice, practice


@pytest.fixture
async def here() -> AsyncIterator[Practice]:
    async with practice() as opened:
        yield opened


def an_invoice(here: Practice, **values: Any) -> str:
    """An invoice to the first patient; answers its id."""
    given = {
        "sender_id": here.clinician(1),
        "recipient_id": here.patient(1),
        "price": 7500,
        "services_provided": "A sample service",
    }
    return here.world.requested_payments.add(**(given | values)).id


async def standing(here: Practice, invoice_id: str, *, of: str | None = None) -> Invoice | None:
    return await here.healthie.invoice_payments.get(invoice_id, of=of or here.patient(1))


async def a_payment(here: Practice, invoice_id: str, *, token: str = "tok_visa") -> RequestedChange:
    """What the patient accepts of it, with a card of theirs; intended."""
    invoice = await standing(here, invoice_id)
    assert invoice is not None
    card = await here.healthie.cards.attach(
        patient_id=here.patient(1), token=token, make_default=False, clinician_id=here.clinician(1)
    )
    now = here.world.clock.now()
    change = new_invoice_payment(
        Caller(principal=Principal(kind=PrincipalKind.PATIENT, id=here.patient(1))),
        invoice,
        patient_id=here.patient(1),
        quote_id=str(invoice.payment_quote_id),
        card_id=card.id,
        now=now,
    )
    return change.with_action(0, state=ActionState.INTENDED, intended_at=now)


def charged(here: Practice) -> list[int]:
    return [charge.amount for charge in here.world.stripe.charges.values()]


class TestGet:
    async def test_it_is_read_as_it_stands(self, here: Practice) -> None:
        found = await standing(here, an_invoice(here))
        assert found is not None
        assert (found.status, str(found.due.amount)) == (InvoiceStatus.OPEN, "75.00")
        assert (found.clinician_id, found.can_be_paid) == (here.clinician(1), True)

    async def test_another_patients_a_missing_one_and_a_preview_are_none(self, here: Practice) -> None:
        assert await standing(here, an_invoice(here), of=here.patient(2)) is None
        assert await standing(here, "987654") is None
        assert await standing(here, an_invoice(here, is_preview=True)) is None

    @pytest.mark.parametrize(("plan", "payable"), [("Monthly Care", False), ("Starter Plan", True)])
    async def test_one_for_a_plan_that_bills_again_is_not_paid_here(
        self, here: Practice, plan: str, *, payable: bool
    ) -> None:
        (offering,) = [each for each in here.world.offerings if each.name == plan]
        found = await standing(here, an_invoice(here, offering_id=offering.id, invoice_type="offering"))
        assert found is not None
        assert (found.can_be_paid, found.starts_membership) == (payable, not payable)


class TestPay:
    async def test_what_is_due_is_charged_as_its_payment(self, here: Practice) -> None:
        invoice_id = an_invoice(here)
        payment_id = await here.healthie.invoice_payments.pay(await a_payment(here, invoice_id), 0)
        after = await standing(here, invoice_id)
        assert after is not None
        assert (after.is_paid, after.payment_ids, charged(here)) == (True, (payment_id,), [7500])
        assert here.world.billing_items[payment_id].recipient_id == here.clinician(1)

    async def test_one_for_a_plan_that_is_bought_once_buys_it(self, here: Practice) -> None:
        (offering,) = [each for each in here.world.offerings if each.name == "Starter Plan"]
        invoice_id = an_invoice(here, offering_id=offering.id, invoice_type="offering")
        before = len(list(here.world.package_selections))
        payment_id = await here.healthie.invoice_payments.pay(await a_payment(here, invoice_id), 0)
        assert len(list(here.world.package_selections)) == before + 1
        payment = here.world.billing_items[payment_id]
        assert (payment.offering_id, payment.recurring_payment_id) == (offering.id, None)

    @pytest.mark.parametrize("adds_item", [True, False])
    async def test_the_same_charge_sent_again_charges_nothing(
        self, here: Practice, *, adds_item: bool
    ) -> None:
        here.world.switches.repeated_key_adds_item = adds_item
        change = await a_payment(here, an_invoice(here))
        for _ in range(2):
            await here.healthie.invoice_payments.pay(change, 0)
        assert charged(here) == [7500]

    @pytest.mark.parametrize("drop_note", [True, False])
    @pytest.mark.parametrize("kind", ["lost_answer", "http_5xx", "not_json"])
    async def test_a_charge_in_doubt_is_found_with_or_without_its_note(
        self, here: Practice, kind: str, *, drop_note: bool
    ) -> None:
        here.world.switches.drop_note = drop_note
        change = await a_payment(here, an_invoice(here))
        here.fault(kind, "createBillingItem")
        with pytest.raises((OutcomeUnknown, UpstreamUnavailable)):
            await here.healthie.invoice_payments.pay(change, 0)
        found = await here.healthie.invoice_payments.find_payment(change, 0)
        assert (found is not None) == (charged(here) == [7500])
        if found is None:
            await here.healthie.invoice_payments.pay(change, 0)
        assert charged(here) == [7500]

    async def test_a_payment_of_another_invoice_is_not_this_ones(self, here: Practice) -> None:
        here.world.switches.drop_note = True
        first = await a_payment(here, an_invoice(here))
        await here.healthie.invoice_payments.pay(first, 0)
        other = replace(first, id="chg_other", invoice_id=an_invoice(here))
        assert await here.healthie.invoice_payments.find_payment(other, 0) is None

    async def test_a_payment_of_an_invoice_is_no_checkouts_charge(self, here: Practice) -> None:
        """Though it has lost its note, and is of the same amount and card."""
        here.world.switches.drop_note = True
        checkout = await here.checkout("Starter Plan")
        price = int(checkout.quote.due_today.amount * 100)
        (offering,) = [each for each in here.world.offerings if each.name == "Starter Plan"]
        change = await a_payment(here, an_invoice(here, price=price, offering_id=offering.id))
        await here.healthie.invoice_payments.pay(replace(change, card_id=checkout.card_id), 0)
        assert await here.healthie.billing.find_charge(checkout, since=here.world.clock.now()) is None

    async def test_a_silent_no_op_is_not_believed(self, here: Practice) -> None:
        change = await a_payment(here, an_invoice(here))
        here.world.switches.silent_noop = {"createBillingItem"}
        with pytest.raises(OutcomeUnknown):
            await here.healthie.invoice_payments.pay(change, 0)
        assert charged(here) == []

    async def test_a_declined_card_says_why(self, here: Practice) -> None:
        change = await a_payment(here, an_invoice(here), token="tok_chargeCustomerFail")
        with pytest.raises(CardDeclined) as refusal:
            await here.healthie.invoice_payments.pay(change, 0)
        assert refusal.value.reason is DeclineReason.TRY_ANOTHER_CARD
        assert await here.healthie.invoice_payments.find_payment(change, 0) is None

    async def test_a_card_that_was_removed_meanwhile_is_certain(self, here: Practice) -> None:
        change = await a_payment(here, an_invoice(here))
        await here.healthie.cards.remove(patient_id=here.patient(1), card_id=str(change.card_id))
        with pytest.raises(UpstreamRefused) as refusal:
            await here.healthie.invoice_payments.pay(change, 0)
        assert refusal.value.reason == "card_missing"
