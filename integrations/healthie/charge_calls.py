"""Sends a charge, proves it, and looks for one: the same for a checkout's charge, a requested change's fee and an invoice."""

from datetime import datetime

import structlog

from booking.errors import OutcomeUnknown
from booking.models import Charge
from integrations.healthie.answers import refusal
from integrations.healthie.asked_charge import AskedCharge
from integrations.healthie.charge_refusals import charge_error
from integrations.healthie.declines import DeclineCodes
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import Payment
from integrations.healthie.payments import CLOCK_SKEW, Unproved, could_be, is_dead, proofs, proved_charge
from integrations.healthie.readback import Comparison
from integrations.healthie.refund_calls import read_payment_back
from integrations.upstream.errors import ContractBroken, UnreadableAnswer, changing, reading

log = structlog.get_logger(__name__)


async def send_charge(
    client: Client, asked: AskedCharge, *, recipient_id: str, declines: DeclineCodes, comparison: Comparison
) -> Charge:
    """Charge the card once, with the charge's key as idempotency key.

    Sends the gross amount, from which Healthie subtracts the coupon's discount. The result is accepted as proved when state,
    the processor's charge id and the sender are right, and card, amount, plan and recurrence are as the patient accepted. A
    payment whose note has our reference is accepted on other terms too; `differs` then names them.
    Raises CardDeclined, AmountNotChargeable, UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
    """
    if asked.patient_id is None or asked.card_id is None:
        raise ValueError("a charge needs a patient and a card")
    with changing():
        try:
            payload = (
                await client.charge(
                    sender_id=asked.patient_id,
                    recipient_id=recipient_id,
                    amount_paid=str(asked.gross.amount),
                    offering_id=asked.plan_id,
                    offering_coupon_id=asked.coupon_id,
                    requested_payment_id=asked.invoice_id,
                    stripe_customer_detail_id=asked.card_id,
                    stripe_idempotency_key=asked.key,
                    note=asked.note,
                )
            ).create_billing_item
        except UnreadableAnswer as answer:
            return await _recover(client, answer, asked)
        payment = payload.billing_item if payload else None
        refused = refusal("Charge", payload.messages, payload.stripe_error) if payload else None
        if refused is not None and (payment is None or is_dead(payment)):
            raise charge_error(refused, declines)
        if refused is not None:
            raise OutcomeUnknown("Charge: refused yet made")
        if not _is_charge(payment, asked):
            await comparison.check("Charge", **proofs(payment, asked))
    return _proved(payment, asked, "Charge")


async def find_charge(client: Client, asked: AskedCharge, *, since: datetime) -> Charge | None:
    """The charge, found by the note's reference, else by amount, card and time; or None.

    Raises UpstreamUnavailable, and OutcomeUnknown when a match is not proved or there are several.
    """
    if asked.patient_id is None:
        return None
    with reading():
        payments = await payments_since(client, asked.patient_id, since - CLOCK_SKEW)
    live = [each for each in payments if not is_dead(each) and each.sender_id == asked.patient_id]
    named = [each for each in live if asked.is_named_in(each.note)]
    found = named or [each for each in live if could_be(each, asked)]
    if not found:
        return None
    charges = [_proved(each, asked, "PaymentsSince") for each in found]
    if len({charge.charge_id for charge in charges}) > 1:
        log.error("healthie.several_charges_found", row=asked.row_id, count=len(charges))
        raise OutcomeUnknown("PaymentsSince: several charges")
    return charges[0]  # a repeated key may have written a second row for the one charge


async def payments_since(client: Client, patient_id: str, since: datetime) -> list[Payment]:
    """The patient's payments created since, from both filters that Healthie may apply (by client, by user). Raises CallError."""
    answer = await client.payments_since(patient_id=patient_id, created_at_start=since)
    found: dict[str, Payment] = {}
    for page in (answer.by_client, answer.by_user):
        if page is None or page.page_info.has_next_page:
            raise ContractBroken("PaymentsSince", "too_many_payments")
        found.update((payment.id, payment) for payment in page.nodes or () if payment is not None)
    return sorted(found.values(), key=lambda payment: payment.created_at)


async def _recover(client: Client, answer: UnreadableAnswer, asked: AskedCharge) -> Charge:
    """Look up the charge whose id an undecodable response contained. Raises OutcomeUnknown."""
    if answer.record_id is None:
        raise answer
    return _proved(await read_payment_back(client, answer.record_id), asked, "PaymentById")


def _is_charge(payment: Payment | None, asked: AskedCharge) -> bool:
    try:
        return payment is not None and bool(proved_charge(payment, asked))
    except Unproved:
        return False


def _proved(payment: Payment | None, asked: AskedCharge, seen_in: str) -> Charge:
    if payment is None:
        raise OutcomeUnknown(f"{seen_in}: no payment")
    try:
        charge = proved_charge(payment, asked)
    except Unproved as error:
        raise OutcomeUnknown(f"{seen_in}: unproved {error}") from None
    if charge.differs:
        log.error("healthie.charged_otherwise", row=asked.row_id, parts=charge.differs)
    return charge
