"""Closing an invoice at Healthie: only one that the charge covers, by a status that is read back."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.models import Charge
from booking.system_of_record import SystemOfRecord
from tests.doubles.healthie_mutations import INVOICE
from tests.doubles.healthie_script import Script, a_checkout, a_payment, errors, usd

CHARGE = Charge(
    billing_item_id="801",
    charge_id="ch_sample",
    net=usd("100"),
    card_id="301",
    recurring_payment_id=None,
    package_id=None,
)
CHECKOUT = a_checkout(charge=CHARGE, patient_id="501", appointment_id="901")


def an_invoice(**changes: Any) -> dict[str, Any]:
    return INVOICE | changes


def answers(
    before: dict[str, Any] | None, after: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "InvoiceById": [{"requestedPayment": before}, {"requestedPayment": after}],
        "PaymentById": {"billingItem": a_payment()},
        "CloseInvoice": {"updateRequestedPayment": {"requested_payment": after, "messages": None}},
    } | more


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def healthie(script: Script) -> AsyncIterator[SystemOfRecord]:
    async with script.connected() as connected:
        yield connected


@pytest.mark.parametrize(
    "paid", [{"status": "Paid"}, {"status": "Paid", "paid_at": "2026-11-24 12:00:00 -0500"}]
)
async def test_its_status_is_set_and_read_back(
    healthie: SystemOfRecord, script: Script, paid: dict[str, Any]
) -> None:
    """Whether Healthie notes a time on an invoice that was marked as paid is not documented."""
    script.answers |= answers(an_invoice(), an_invoice(**paid))
    await healthie.invoices.close(CHECKOUT, "77")
    (sent,) = script.of("CloseInvoice")
    assert sent.variables == {"id": "77", "status": "Paid"}
    assert len(script.of("InvoiceById")) == 2


async def test_one_that_is_paid_is_left_alone(healthie: SystemOfRecord, script: Script) -> None:
    script.answers |= answers(an_invoice(status="Paid"))
    await healthie.invoices.close(CHECKOUT, "77")
    assert script.of("CloseInvoice") == []


@pytest.mark.parametrize(
    ("invoice", "payment"),
    [
        (None, {}),
        (an_invoice(price="120.00"), {}),
        (an_invoice(currency="CAD"), {}),
        (an_invoice(price="much"), {}),
        (an_invoice(price=None), {}),
        (an_invoice(recipient_id="502"), {}),
        (an_invoice(appointment_id="902"), {}),
        (an_invoice(billing_items=[{"id": "802"}]), {}),
        (an_invoice(status="Partial"), {}),
        (an_invoice(status="Voided"), {}),
        (an_invoice(), {"refund_amount": "0.01"}),
        (an_invoice(), {"state": "FAILED"}),
        (an_invoice(), {"deleted_at": "2026-11-24 12:00:00 -0500"}),
        (an_invoice(), {"stripe_charge_id": "ch_other"}),
    ],
)
async def test_one_that_the_charge_does_not_cover_any_more_is_not_touched(
    healthie: SystemOfRecord, script: Script, invoice: dict[str, Any] | None, payment: dict[str, Any]
) -> None:
    script.answers |= answers(invoice, PaymentById={"billingItem": a_payment(**payment)})
    with pytest.raises(UpstreamRefused) as caught:
        await healthie.invoices.close(CHECKOUT, "77")
    assert caught.value.reason == "not_covered"
    assert script.of("CloseInvoice") == []


async def test_one_that_healthie_refuses_to_close_is_told(healthie: SystemOfRecord, script: Script) -> None:
    messages = [{"field": "status", "message": "no"}]
    answer = {"updateRequestedPayment": {"requested_payment": None, "messages": messages}}
    script.answers |= answers(an_invoice(), an_invoice(), CloseInvoice=answer)
    with pytest.raises(UpstreamRefused) as caught:
        await healthie.invoices.close(CHECKOUT, "77")
    assert caught.value.reason == "refused"


async def test_one_whose_read_back_fails_is_in_doubt(healthie: SystemOfRecord, script: Script) -> None:
    broken = errors("INTERNAL_SERVER_ERROR")
    script.answers |= answers(an_invoice()) | {"InvoiceById": [{"requestedPayment": an_invoice()}, broken]}
    with pytest.raises(OutcomeUnknown):
        await healthie.invoices.close(CHECKOUT, "77")
