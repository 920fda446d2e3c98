"""HealthieBilling: charges and refunds, all through Healthie, with the clinician's key where there is one."""

from contextlib import suppress
from datetime import datetime

import structlog

from booking.checkout.model import Checkout
from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.models import Charge
from booking.money import Money
from booking.ports import LateCharges
from integrations.healthie.acting import ClinicianClient, StaffClient
from integrations.healthie.answers import refusal
from integrations.healthie.charge_refusals import charge_error
from integrations.healthie.declines import DeclineCodes
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import Payment
from integrations.healthie.late_payments import late_charges_among
from integrations.healthie.payments import (
    CLOCK_SKEW,
    Unproved,
    could_be,
    is_dead,
    note_for,
    proofs,
    proved_charge,
    refers_to,
    refunded,
)
from integrations.healthie.readback import Comparison
from integrations.upstream.errors import ContractBroken, UnreadableAnswer, changing, reading, reading_back

log = structlog.get_logger(__name__)


class HealthieBilling:
    """The port Billing. `recipient_id` receives all payments; without it each goes to the treating clinician."""

    def __init__(
        self,
        *,
        clinician: ClinicianClient,
        staff: StaffClient,
        declines: DeclineCodes,
        comparison: Comparison,
        recipient_id: str | None = None,
    ) -> None:
        self._clinician = clinician
        self._comparison = comparison
        self._declines = declines
        self._staff = staff
        self._recipient_id = recipient_id

    async def charge(self, checkout: Checkout) -> Charge:
        """Charge the quote to the checkout's card, once, with the checkout's upstream key as idempotency key.

        Sends the gross amount, from which Healthie subtracts the coupon's discount. The result is accepted as proved when state,
        the processor's charge id and the sender are right, and card, amount, plan and recurrence are as the patient accepted. A
        payment whose note has our reference is accepted on other terms too; `differs` then names them.
        Raises CardDeclined, AmountNotChargeable, UpstreamRefused, UpstreamUnavailable, ClinicianNotBookable, OutcomeUnknown.
        """
        if checkout.patient_id is None or checkout.card_id is None:
            raise ValueError("a charge needs a patient and a card")
        quote = checkout.quote
        client = await self._clinician(checkout.slot.clinician_id)
        with changing():
            try:
                payload = (
                    await client.charge(
                        sender_id=checkout.patient_id,
                        recipient_id=self._recipient_id or checkout.slot.clinician_id,
                        amount_paid=str(quote.list_price.amount),
                        offering_id=quote.plan_id,
                        offering_coupon_id=quote.coupon_id,
                        stripe_customer_detail_id=checkout.card_id,
                        stripe_idempotency_key=checkout.upstream_key,
                        note=note_for(checkout),
                    )
                ).create_billing_item
            except UnreadableAnswer as answer:
                return await _recover_charge(client, answer, checkout)
            payment = payload.billing_item if payload else None
            refused = refusal("Charge", payload.messages, payload.stripe_error) if payload else None
            if refused is not None and (payment is None or is_dead(payment)):
                raise charge_error(refused, self._declines)
            if refused is not None:
                raise OutcomeUnknown("Charge: refused yet made")
            if not _is_charge(payment, checkout):
                await self._comparison.check("Charge", **proofs(payment, checkout))
        return _proved(payment, checkout, "Charge")

    async def find_charge(self, checkout: Checkout, *, since: datetime) -> Charge | None:
        """The charge of the checkout's current attempt, found by the note's reference, else by amount, card and time; or None.

        Raises UpstreamUnavailable, and OutcomeUnknown when a match is not proved or there are several.
        """
        if checkout.patient_id is None:
            return None
        client = await self._staff(checkout.slot.clinician_id)
        with reading():
            payments = await _payments_since(client, checkout.patient_id, since - CLOCK_SKEW)
        live = [each for each in payments if not is_dead(each) and each.sender_id == checkout.patient_id]
        named = [each for each in live if refers_to(each.note, checkout)]
        found = named or [each for each in live if could_be(each, checkout)]
        if not found:
            return None
        charges = [_proved(each, checkout, "PaymentsSince") for each in found]
        if len({charge.charge_id for charge in charges}) > 1:
            log.error("healthie.several_charges_found", checkout=checkout.id, count=len(charges))
            raise OutcomeUnknown("PaymentsSince: several charges")
        return charges[0]  # a repeated key may have written a second row for the one charge

    async def late_charges(self, checkout: Checkout, *, known: frozenset[str]) -> LateCharges:
        """Outstanding charges of any attempt that are not in `known`, and recurring payments that continue.

        Raises UpstreamUnavailable.
        """
        if checkout.patient_id is None or not checkout.attempts:
            return LateCharges()
        client = await self._staff(checkout.slot.clinician_id)
        since = min(attempt.intended_at for attempt in checkout.attempts) - CLOCK_SKEW
        with reading():
            payments = await _payments_since(client, checkout.patient_id, since)
        return late_charges_among(payments, checkout, known=known)

    async def refund(self, checkout: Checkout) -> Money:
        """Refund the rest of the charge, read it back, and return the total refunded. Idempotent.

        Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        charge = _charge_of(checkout)
        client = await self._staff(checkout.slot.clinician_id)
        given = await _refunded(client, charge)
        if given == charge.net:
            return given
        left = charge.net - given
        payload = None
        # An undecodable response does no harm: the read-back shows the outcome in any case.
        with changing(), suppress(UnreadableAnswer):
            payload = (
                await client.refund(
                    id=charge.billing_item_id,
                    chosen_refund_amount=str(left.amount),
                    stripe_idempotency_key=f"{checkout.upstream_key}-refund-{charge.billing_item_id}-{given.amount}",
                )
            ).update_billing_item
        refused = refusal("Refund", payload.messages) if payload else None
        now_given = _given(await _read_back(client, charge.billing_item_id), charge)
        if refused is not None and now_given == given:
            raise UpstreamRefused("Refund", "refused")
        with changing():
            await self._comparison.check("Refund", refunded=now_given == charge.net)
        return now_given

    async def cancel_recurring(self, checkout: Checkout) -> None:
        """Cancel the recurring payment that the charge started, and read back that it stopped. Idempotent.

        Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        charge = _charge_of(checkout)
        client = await self._staff(checkout.slot.clinician_id)
        with reading():
            before = await _payment(client, charge.billing_item_id)
        if before.recurring_payment is None or before.recurring_payment.is_canceled:
            return
        payload = None
        with changing(), suppress(UnreadableAnswer):
            payload = (
                await client.cancel_recurring(billing_item_id=charge.billing_item_id)
            ).cancel_recurring_payment
        refused = refusal("CancelRecurring", payload.messages) if payload else None
        after = await _read_back(client, charge.billing_item_id)
        stopped = after.recurring_payment is None or after.recurring_payment.is_canceled
        if refused is not None and not stopped:
            raise UpstreamRefused("CancelRecurring", "refused")
        with changing():
            await self._comparison.check("CancelRecurring", stopped=stopped)


async def _recover_charge(client: Client, answer: UnreadableAnswer, checkout: Checkout) -> Charge:
    """Look up the charge whose id an undecodable response contained. Raises OutcomeUnknown."""
    if answer.record_id is None:
        raise answer
    return _proved(await _read_back(client, answer.record_id), checkout, "PaymentById")


def _is_charge(payment: Payment | None, checkout: Checkout) -> bool:
    try:
        return payment is not None and bool(proved_charge(payment, checkout))
    except Unproved:
        return False


def _proved(payment: Payment | None, checkout: Checkout, seen_in: str) -> Charge:
    if payment is None:
        raise OutcomeUnknown(f"{seen_in}: no payment")
    try:
        charge = proved_charge(payment, checkout)
    except Unproved as error:
        raise OutcomeUnknown(f"{seen_in}: unproved {error}") from None
    if charge.differs:
        log.error("healthie.charged_otherwise", checkout=checkout.id, parts=charge.differs)
    return charge


def _charge_of(checkout: Checkout) -> Charge:
    if checkout.charge is None:
        raise ValueError("nothing was charged")
    return checkout.charge


async def _refunded(client: Client, charge: Charge) -> Money:
    """The amount already refunded, read before anything is sent."""
    with reading():
        return _given(await _payment(client, charge.billing_item_id), charge)


def _given(payment: Payment, charge: Charge) -> Money:
    try:
        return refunded(payment, charge.net.currency)
    except Unproved:
        raise OutcomeUnknown("PaymentById: unreadable amount") from None


async def _payments_since(client: Client, patient_id: str, since: datetime) -> list[Payment]:
    """The patient's payments created since, from both filters that Healthie may apply (by client, by user)."""
    answer = await client.payments_since(patient_id=patient_id, created_at_start=since)
    found: dict[str, Payment] = {}
    for page in (answer.by_client, answer.by_user):
        if page is None or page.page_info.has_next_page:
            raise ContractBroken("PaymentsSince", "too_many_payments")
        found.update((payment.id, payment) for payment in page.nodes or () if payment is not None)
    return sorted(found.values(), key=lambda payment: payment.created_at)


async def _payment(client: Client, billing_item_id: str) -> Payment:
    payment = (await client.payment_by_id(id=billing_item_id)).billing_item
    if payment is None:
        raise ContractBroken("PaymentById", "missing")
    return payment


async def _read_back(client: Client, billing_item_id: str) -> Payment:
    """The payment after a mutation. Any failure is OutcomeUnknown, because the mutation was sent."""
    with reading_back():
        return await _payment(client, billing_item_id)
