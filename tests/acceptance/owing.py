"""A patient with a card on file who owes the practice an invoice, for the tests of paying it."""

from dataclasses import dataclass
from typing import Any

from tests.acceptance import documents
from tests.acceptance.app import App, Json
from tests.plugins.emulator import CLINICIAN_1
from tests.plugins.stack import Stack

_CARD = """mutation Card($patient: ID, $token: String) {
  createStripeCustomerDetail(input: { user_id: $patient, token: $token, is_default: true }) {
    stripe_customer_detail { id } messages { message } } }"""
_INVOICE = """mutation Invoice($patient: ID, $price: String, $visit: ID) {
  createRequestedPayment(input: { recipient_id: $patient, price: $price, invoice_type: "other",
    services_provided: "A sample service", appointment_id: $visit }) {
    requestedPayment { id } messages { message } } }"""
_UPDATE = """mutation Update($input: updateRequestedPaymentInput!) {
  updateRequestedPayment(input: $input) { requested_payment { id } messages { message } } }"""
_CASH = """mutation Cash($patient: ID, $invoice: ID, $amount: String) {
  createBillingItem(input: { sender_id: $patient, requested_payment_id: $invoice, amount_paid: $amount }) {
    billingItem { id } messages { message } } }"""


@dataclass
class Debtor:
    """A patient who owes an invoice."""

    stack: Stack
    app: App
    patient_id: str
    card: str
    invoice_id: str

    async def invoice(self) -> Json:
        """The invoice as the patient sees it."""
        found = (await self.app.ask(documents.MY_INVOICES))["me"]["invoices"]["nodes"]
        (invoice,) = [each for each in found if each["id"] == self.invoice_id]
        return invoice

    async def quote(self) -> str:
        return str((await self.invoice())["paymentQuoteId"])

    async def pay(
        self,
        quote: str | None = None,
        *,
        key: str | None = None,
        card: str | None = None,
        app: App | None = None,
    ) -> Json:
        return await (app or self.app).do(
            documents.PAY_INVOICE,
            key=key,
            quoteId=quote or await self.quote(),
            cardOnFileId=card or self.card,
        )

    async def charges(self) -> list[int]:
        """What was charged to cards in all, in cents, by charge."""
        return [each["amount"] for each in (await self.stack.made())["charges"]]

    async def by_practice(self, **given: Any) -> None:
        """The practice changes the invoice."""
        answer = await self.stack.emulator.ask(_UPDATE, input={"id": self.invoice_id, **given})
        assert answer["updateRequestedPayment"]["messages"] is None, answer

    async def in_cash(self, amount: str) -> None:
        """A part is paid at the practice's desk."""
        answer = await self.stack.emulator.ask(
            _CASH, patient=self.patient_id, invoice=self.invoice_id, amount=amount
        )
        assert answer["createBillingItem"]["messages"] is None, answer

    async def another_card(self, token: str) -> str:
        return await _card(self.stack, self.patient_id, token)


async def a_debtor(
    stack: Stack, number: int = 0, *, price: str = "75", visit: str | None = None, key: str = CLINICIAN_1
) -> Debtor:
    patient_id = str(stack.practice["patients"][number]["id"])
    card = await _card(stack, patient_id, "tok_visa")
    made = await stack.emulator.ask(_INVOICE, key=key, patient=patient_id, price=price, visit=visit)
    return Debtor(
        stack=stack,
        app=stack.patient(patient_id),
        patient_id=patient_id,
        card=card,
        invoice_id=made["createRequestedPayment"]["requestedPayment"]["id"],
    )


async def _card(stack: Stack, patient_id: str, token: str) -> str:
    made = await stack.emulator.ask(_CARD, patient=patient_id, token=token)
    return str(made["createStripeCustomerDetail"]["stripe_customer_detail"]["id"])
