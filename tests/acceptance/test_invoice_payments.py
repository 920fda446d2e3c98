"""Paying an invoice through the public API: what is charged, on which terms, and what comes in between."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.acceptance import documents
from tests.acceptance.booked import patients_visit, staff
from tests.acceptance.owing import a_debtor
from tests.plugins.emulator import OWNER
from tests.plugins.stack import Stack


async def test_what_is_due_is_charged_on_the_invoice_and_nothing_is_due_after_it(stack: Stack) -> None:
    debtor = await a_debtor(stack)
    result = await debtor.pay()
    assert result["__typename"] == "PayInvoiceSuccess", result
    paid = result["payment"]
    assert (paid["status"], paid["amount"]) == ("DONE", {"amount": "75.00", "currency": "USD"})
    invoice = await debtor.invoice()
    assert (invoice["status"], invoice["due"]["amount"]) == ("PAID", "0.00")
    assert (invoice["paymentIds"], invoice["paymentQuoteId"]) == ([paid["paymentId"]], None)
    assert await debtor.charges() == [7500]
    told = await debtor.app.ask(documents.INVOICE_PAYMENT_OF, {"id": paid["id"]})
    assert told["invoicePayment"] == paid


async def test_an_invoice_of_somebody_without_a_key_here_is_paid_to_them(stack: Stack) -> None:
    debtor = await a_debtor(stack, key=OWNER)
    assert (await debtor.pay())["__typename"] == "PayInvoiceSuccess"
    assert await debtor.charges() == [7500]


async def test_the_same_key_is_answered_again_and_sends_nothing(stack: Stack) -> None:
    debtor = await a_debtor(stack)
    quote = await debtor.quote()
    first = await debtor.pay(quote, key="one")
    await stack.emulator.control.forget_requests()
    assert await debtor.pay(quote, key="one") == first
    assert await stack.upstream() == []


async def test_a_double_tap_with_two_keys_charges_once(stack: Stack) -> None:
    debtor = await a_debtor(stack)
    quote = await debtor.quote()
    both = await asyncio.gather(debtor.pay(quote), debtor.pay(quote))
    assert {one["__typename"] for one in both} == {"PayInvoiceSuccess"}, both
    assert len({one["payment"]["id"] for one in both}) == 1
    assert await debtor.charges() == [7500]


@pytest.mark.parametrize("kind", ["lost_answer", "lost_request", "http_5xx", "not_json"])
async def test_in_doubt_it_is_processing_and_the_same_key_tells_the_end(stack: Stack, kind: str) -> None:
    debtor = await a_debtor(stack)
    quote = await debtor.quote()
    await stack.fault(kind, "Charge")
    result = await debtor.pay(quote, key="one")
    if result["__typename"] == "InvoicePaymentProcessing":
        assert result["payment"]["paymentId"] is None
        await stack.work()
    again = await debtor.pay(quote, key="one")
    assert (again["__typename"], again["payment"]["id"]) == ("PayInvoiceSuccess", result["payment"]["id"])
    assert await debtor.charges() == [7500]


async def test_a_declined_card_says_why_and_another_pays(stack: Stack) -> None:
    debtor = await a_debtor(stack)
    bad = await debtor.another_card("tok_chargeCustomerFail")
    result = await debtor.pay(card=bad, key="one")
    assert (result["__typename"], result["reason"]) == ("CardDeclined", "TRY_ANOTHER_CARD"), result
    assert (await debtor.invoice())["due"]["amount"] == "75.00"
    assert (await debtor.pay(key="two"))["__typename"] == "PayInvoiceSuccess"
    assert await debtor.charges() == [7500]


async def test_one_that_the_practice_changed_is_told_as_it_stands(stack: Stack) -> None:
    debtor = await a_debtor(stack)
    quote = await debtor.quote()
    await debtor.by_practice(price="80")
    result = await debtor.pay(quote, key="one")
    assert (result["__typename"], result["invoice"]["due"]["amount"]) == ("InvoiceChanged", "80.00"), result
    assert await debtor.charges() == []
    assert await debtor.pay(quote, key="one") == result, "a replay says the same"
    assert (await debtor.pay(result["invoice"]["paymentQuoteId"]))["__typename"] == "PayInvoiceSuccess"
    assert await debtor.charges() == [8000]


async def test_a_part_in_cash_leaves_the_rest_to_the_card(stack: Stack) -> None:
    debtor = await a_debtor(stack)
    quote = await debtor.quote()
    await debtor.in_cash("25")
    assert (await debtor.pay(quote))["__typename"] == "InvoiceChanged"
    assert (await debtor.pay())["__typename"] == "PayInvoiceSuccess"
    assert await debtor.charges() == [5000]


async def test_one_that_was_paid_elsewhere_is_told_and_nothing_is_charged(stack: Stack) -> None:
    debtor = await a_debtor(stack)
    quote = await debtor.quote()
    await debtor.by_practice(status="Paid")
    assert (await debtor.pay(quote))["__typename"] == "InvoicePaid"
    assert await debtor.charges() == []


async def test_an_invoice_for_what_the_visit_has_cost_already_is_not_paid_here(stack: Stack) -> None:
    booked = await patients_visit(stack)
    debtor = await a_debtor(stack, price="120", visit=booked.id)
    before = await debtor.charges()
    result = await debtor.pay()
    assert result["__typename"] == "InvoiceNotPayable", result
    assert await debtor.charges() == before


async def test_an_invoice_that_does_not_follow_its_payment_is_for_the_practice_and_not_paid_again(
    stack: Stack,
) -> None:
    debtor = await a_debtor(stack)
    await stack.emulator.control.switches(payments_settle_invoices=False)
    result = await debtor.pay(key="one")
    assert result["__typename"] == "InvoicePaymentProcessing", result
    assert result["payment"]["paymentId"] is not None
    for _ in range(4):
        await stack.work()
    told = await debtor.app.ask(documents.INVOICE_PAYMENT_OF, {"id": result["payment"]["id"]})
    assert told["invoicePayment"]["status"] == "NEEDS_ATTENTION"
    assert (await debtor.pay(key="two"))["__typename"] == "InvoicePaymentInProgress"
    assert await debtor.charges() == [7500]


async def test_another_patient_gets_for_it_what_they_get_for_a_missing_one(stack: Stack) -> None:
    debtor = await a_debtor(stack)
    paid = await debtor.pay(quote := await debtor.quote())
    other = await a_debtor(stack, 1)
    error = await other.app.error(
        documents.PAY_INVOICE, {"input": {"quoteId": quote, "cardOnFileId": other.card}}, key="foreign"
    )
    assert error["extensions"]["code"] == "NOT_FOUND"
    told = await other.app.ask(documents.INVOICE_PAYMENT_OF, {"id": paid["payment"]["id"]})
    assert told["invoicePayment"] is None
    assert (await other.pay(card=debtor.card))["__typename"] == "CardRequired", "nor with another's card"
    assert await debtor.charges() == [7500]


async def test_staff_charge_no_card_here(stack: Stack) -> None:
    debtor = await a_debtor(stack)
    given = {"input": {"quoteId": await debtor.quote(), "cardOnFileId": debtor.card}}
    error = await staff(stack).error(documents.PAY_INVOICE, given, key="staff")
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert await debtor.charges() == []


@pytest.mark.parametrize("given", ["nonsense", "W10", ""])
async def test_what_is_no_id_of_a_quote_is_refused_and_asks_the_practice_nothing(
    stack: Stack, given: str
) -> None:
    debtor = await a_debtor(stack)
    await stack.emulator.control.forget_requests()
    await debtor.app.error(
        documents.PAY_INVOICE, {"input": {"quoteId": given, "cardOnFileId": debtor.card}}, key="bad"
    )
    assert await stack.upstream() == []


async def test_what_the_invoice_says_is_in_no_log(stack: Stack) -> None:
    debtor = await a_debtor(stack)
    with capture_logs() as logs:
        await debtor.pay()
    assert logs
    assert "A sample service" not in str(logs)
    assert debtor.patient_id not in str(logs)
