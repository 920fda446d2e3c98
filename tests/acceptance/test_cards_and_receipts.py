"""Cards on file and receipts through the public API: what their patient may do with them, and nobody else."""

from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from tests.acceptance import documents
from tests.acceptance.app import App, Json
from tests.acceptance.booked import staff
from tests.acceptance.members import a_member
from tests.acceptance.owing import Debtor, a_debtor
from tests.plugins.stack import Stack


async def cards(app: App) -> dict[str, bool]:
    """Whether each card is the default, by its id."""
    found = (await app.ask(documents.MY_CARDS))["me"]["cards"]
    return {card["id"]: card["isDefault"] for card in found}


async def remove(app: App, card: str, *, key: str | None = None) -> Json:
    return await app.do(documents.REMOVE_CARD, key=key, cardId=card)


async def make_default(app: App, card: str, *, key: str | None = None) -> Json:
    return await app.do(documents.SET_DEFAULT_CARD, key=key, cardId=card)


async def send_receipt(app: App, payment: str, *, key: str | None = None) -> Json:
    return await app.do(documents.SEND_RECEIPT, key=key, paymentId=payment)


class TestCards:
    async def test_another_card_is_made_the_default_and_the_old_one_removed(self, stack: Stack) -> None:
        debtor = await a_debtor(stack, 1)
        newer = await debtor.another_card("tok_mastercard")
        assert await cards(debtor.app) == {debtor.card: False, newer: True}
        done = await make_default(debtor.app, debtor.card)
        assert (done["__typename"], done["cardId"]) == ("SetDefaultCardSuccess", debtor.card)
        assert await cards(debtor.app) == {debtor.card: True, newer: False}
        assert (await remove(debtor.app, newer))["__typename"] == "RemoveCardSuccess"
        assert await cards(debtor.app) == {debtor.card: True}

    async def test_the_same_key_is_answered_again_and_sends_nothing(self, stack: Stack) -> None:
        debtor = await a_debtor(stack, 1)
        first = await remove(debtor.app, debtor.card, key="one")
        await stack.emulator.control.forget_requests()
        assert await remove(debtor.app, debtor.card, key="one") == first
        assert await stack.upstream() == []

    async def test_the_card_that_a_membership_charges_stays_until_another_is_the_default(
        self, stack: Stack
    ) -> None:
        member = await a_member(stack, 1)
        (card,) = await cards(member.app)
        result = await remove(member.app, card)
        assert (result["__typename"], result["use"]) == ("CardInUse", "MEMBERSHIP"), result
        debtor = await a_debtor(stack, 1)  # the same patient, with a newer default card
        assert (await remove(member.app, card))["__typename"] == "RemoveCardSuccess"
        assert await cards(member.app) == {debtor.card: True}

    async def test_a_card_of_a_payment_in_doubt_stays_until_it_is_known(self, stack: Stack) -> None:
        debtor = await a_debtor(stack, 1)
        await stack.fault("lost_answer", "Charge")
        assert (await debtor.pay())["__typename"] == "InvoicePaymentProcessing"
        result = await remove(debtor.app, debtor.card)
        assert (result["__typename"], result["use"]) == ("CardInUse", "PAYMENT"), result
        await stack.work()
        assert (await remove(debtor.app, debtor.card))["__typename"] == "RemoveCardSuccess"
        assert await debtor.charges() == [7500]

    @pytest.mark.parametrize("operation", ["RemoveCard", "MakeCardDefault"])
    async def test_a_lost_answer_is_looked_up(self, stack: Stack, operation: str) -> None:
        debtor = await a_debtor(stack, 1)
        newer = await debtor.another_card("tok_mastercard")
        await stack.fault("lost_answer", operation)
        change = remove if operation == "RemoveCard" else make_default
        assert (await change(debtor.app, debtor.card))["__typename"].endswith("Success")
        left = {newer: True} if operation == "RemoveCard" else {debtor.card: True, newer: False}
        assert await cards(debtor.app) == left

    async def test_a_default_that_cannot_be_read_back_is_not_believed(self, stack: Stack) -> None:
        debtor = await a_debtor(stack, 1)
        await debtor.another_card("tok_mastercard")
        await stack.emulator.control.switches(user_shows_default_card=False)
        error = await debtor.app.error(
            documents.SET_DEFAULT_CARD, {"input": {"cardId": debtor.card}}, key="one"
        )
        assert error["extensions"]["code"] == "OUTCOME_UNKNOWN"

    async def test_another_patient_gets_for_it_what_they_get_for_a_missing_one(self, stack: Stack) -> None:
        debtor, other = await a_debtor(stack, 1), await a_debtor(stack)
        for document in (documents.REMOVE_CARD, documents.SET_DEFAULT_CARD):
            for number, card in enumerate((debtor.card, "987654")):
                error = await other.app.error(document, {"input": {"cardId": card}}, key=f"{number}")
                assert error["extensions"]["code"] == "NOT_FOUND"
                error = await staff(stack).error(document, {"input": {"cardId": card}}, key=f"{number}")
                assert error["extensions"]["code"] == "FORBIDDEN"
        assert await cards(debtor.app) == {debtor.card: True}


class TestReceipts:
    async def _paid(self, stack: Stack) -> tuple[Debtor, str]:
        debtor = await a_debtor(stack)
        return debtor, (await debtor.pay())["payment"]["paymentId"]

    async def test_it_is_mailed_again_and_told_when(self, stack: Stack) -> None:
        debtor, payment = await self._paid(stack)
        result = await send_receipt(debtor.app, payment)
        assert (result["__typename"], result["paymentId"]) == ("SendReceiptSuccess", payment), result
        assert datetime.fromisoformat(result["sentAt"]) <= stack.clock.now()

    async def test_two_taps_are_one_mail_and_later_there_is_another(self, stack: Stack) -> None:
        debtor, payment = await self._paid(stack)
        await stack.emulator.control.forget_requests()
        first = await send_receipt(debtor.app, payment)
        assert await send_receipt(debtor.app, payment) == first
        assert (await stack.upstream()).count("SendReceipt") == 1
        await stack.pass_time(timedelta(minutes=6))
        later = await send_receipt(debtor.app, payment)
        assert (await stack.upstream()).count("SendReceipt") == 2
        assert later["sentAt"] > first["sentAt"]

    async def test_one_whose_time_does_not_move_is_not_told_as_mailed(self, stack: Stack) -> None:
        debtor, payment = await self._paid(stack)
        await stack.emulator.control.switches(receipt_noted_at_once=False)
        error = await debtor.app.error(documents.SEND_RECEIPT, {"input": {"paymentId": payment}}, key="one")
        assert error["extensions"]["code"] == "OUTCOME_UNKNOWN"

    async def test_what_was_declined_has_none(self, stack: Stack) -> None:
        debtor = await a_debtor(stack)
        bad = await debtor.another_card("tok_chargeCustomerFail")
        await debtor.pay(card=bad)
        (failed,) = [one for one in (await stack.made())["billing_items"] if one["state"] == "FAILED"]
        assert (await send_receipt(debtor.app, failed["id"]))["__typename"] == "ReceiptUnavailable"

    async def test_another_patient_gets_for_it_what_they_get_for_a_missing_one(self, stack: Stack) -> None:
        _, payment = await self._paid(stack)
        other = await a_debtor(stack, 1)
        for number, name in enumerate((payment, "987654")):
            error = await other.app.error(
                documents.SEND_RECEIPT, {"input": {"paymentId": name}}, key=f"{number}"
            )
            assert error["extensions"]["code"] == "NOT_FOUND"


async def test_nothing_of_the_patient_is_in_a_log(stack: Stack) -> None:
    debtor = await a_debtor(stack)
    payment = (await debtor.pay())["payment"]["paymentId"]
    with capture_logs() as logs:
        await send_receipt(debtor.app, payment)
        await make_default(debtor.app, debtor.card)
        await remove(debtor.app, debtor.card)
    assert debtor.patient_id not in str(logs)
    assert "4242" not in str(logs)
