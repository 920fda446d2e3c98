"""A patient who bought a membership with a promo code, had a part refunded, and owes an invoice."""

from tests.acceptance.app import App, Json
from tests.plugins.stack import Stack

BOUGHT = """
  packages { id planId name boughtAt price { amount } paymentId membershipId invoiceId
    visits { visitTypeId visitTypeName quantity repeats expiresIn } }
  credits { visitTypeId visitTypeName left entries { id at change left appointmentId planId } }
  memberships { id planId planName status frequency startedAt nextPaymentAt nextAmount { amount currency } paymentsLeft
    pausedAt resumesAt cancelledAt }
  payments(first: 5) { totalCount nodes { id status amount { amount } refunded { amount } refunds { id amount { amount } at pending }
    at description cardBrand cardLast4 outside planId membershipId invoiceId receiptSentAt } }
  invoices(first: 5) { totalCount nodes { id number status total { amount } due { amount } createdAt paidAt servicedAt description
    planId planName appointmentId paymentIds } }
"""
MY_PURCHASES = f"query MyPurchases {{ me {{ id {BOUGHT} }} }}"
THEIR_PURCHASES = f"query TheirPurchases($id: ID!) {{ patient(id: $id) {{ id {BOUGHT} }} }}"

_REFUND = """mutation Refund($id: ID) {
  updateBillingItem(input: { id: $id, chosen_refund_amount: "20" }) { messages { message } } }"""
_INVOICE = """mutation Invoice($patient: ID, $words: String) {
  createRequestedPayment(input: { recipient_id: $patient, price: "75", invoice_type: "other", services_provided: $words }) {
    requestedPayment { id } messages { message } } }"""


async def purchased(stack: Stack, app: App, patient_id: str, *, words: str = "A sample visit") -> Json:
    """Buy with the card on file and book; then the practice refunds a part and sends an invoice. Answers the confirmed checkout."""
    checkout_id = await app.own_checkout(
        (await stack.slot(ahead=3))["id"],
        planId=stack.plan("Monthly Care"),
        promoCode="WELCOME20",
        acceptRecurrence=True,
    )
    card = (await app.ask("query Cards { me { cards { id } } }"))["me"]["cards"]
    given = {"cardOnFileId": card[0]["id"]} if card else {"cardToken": "tok_visa"}
    confirmed = await app.confirm(checkout_id, **given)
    assert confirmed["__typename"] == "ConfirmCheckoutSuccess", confirmed
    (item,) = [each for each in (await stack.made())["billing_items"] if each["sender_id"] == patient_id]
    await stack.emulator.ask(_REFUND, id=item["id"])
    answer = await stack.emulator.ask(_INVOICE, patient=patient_id, words=words)
    assert answer["createRequestedPayment"]["requestedPayment"], answer
    return confirmed["checkout"]
