"""HealthieInvoices: closes an invoice that the booking of a paid visit raised."""

from contextlib import suppress

from booking.checkout.model import Checkout
from booking.errors import UpstreamRefused
from booking.models import Charge
from integrations.healthie.acting import StaffClient
from integrations.healthie.answers import money, refusal
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import Invoice, Payment
from integrations.healthie.payments import is_dead, nothing_in
from integrations.healthie.readback import Comparison
from integrations.healthie.visits import PAID, is_paid
from integrations.upstream.errors import UnreadableAnswer, changing, reading, reading_back

_CLOSE = "CloseInvoice"

# The status of an invoice on which nothing was paid (Healthie's guide on invoices). One that staff set to anything else, such as
# `Partial` for a part that was paid in cash, is for a person.
_UNPAID = "Not Yet Paid"


class HealthieInvoices:
    """The port Invoices."""

    def __init__(self, *, staff: StaffClient, comparison: Comparison) -> None:
        self._staff = staff
        self._comparison = comparison

    async def close(self, checkout: Checkout, invoice_id: str) -> None:
        """Set the invoice's status to paid, and read it back. Idempotent.

        Healthie's guide on invoices: several payments may attach to one, and no mutation attaches a payment that was made before,
        so the status is set, which the guide allows. Sends nothing if the invoice is paid, asks for anything else than
        the charge paid, or has a payment of its own, or if the charge was refunded or its record deleted.
        Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        charge = checkout.charge
        if charge is None:
            raise ValueError("nothing was charged")
        client = await self._staff(checkout.clinician_id)
        with reading():
            invoice = (await client.invoice_by_id(id=invoice_id)).requested_payment
            payment = (await client.payment_by_id(id=charge.billing_item_id)).billing_item
        if invoice is not None and is_paid(invoice):
            return
        if invoice is None or not _asks_for(invoice, checkout, charge) or not _stands(payment, charge):
            raise UpstreamRefused(_CLOSE, "not_covered")
        payload = None
        # An undecodable response does no harm: the read-back shows the outcome in any case.
        with changing(), suppress(UnreadableAnswer):
            payload = (await client.close_invoice(id=invoice_id, status=PAID)).update_requested_payment
        refused = refusal(_CLOSE, payload.messages) if payload else None
        paid = await self._is_paid_now(client, invoice_id)
        if refused is not None and not paid:
            raise UpstreamRefused(_CLOSE, "refused")
        with changing():
            await self._comparison.check(_CLOSE, paid=paid)

    async def _is_paid_now(self, client: Client, invoice_id: str) -> bool:
        with reading_back():
            invoice = (await client.invoice_by_id(id=invoice_id)).requested_payment
        return invoice is not None and is_paid(invoice)


def _asks_for(invoice: Invoice, checkout: Checkout, charge: Charge) -> bool:
    """Whether it asks this patient, for this visit, for just what was charged, and nothing was paid on it."""
    try:
        price = money(invoice.price, invoice.currency, default_currency=charge.net.currency)
    except ValueError:
        return False
    return (
        price == charge.net
        and (invoice.status or "").casefold() == _UNPAID.casefold()
        and invoice.recipient_id == checkout.patient_id
        and invoice.appointment_id in (None, checkout.appointment_id)
        and not invoice.billing_items
    )


def _stands(payment: Payment | None, charge: Charge) -> bool:
    """Whether the charge still pays what it paid for. Why staff delete the record of a charge is for a person to say."""
    return (
        payment is not None
        and payment.stripe_charge_id == charge.charge_id
        and not is_dead(payment)
        and payment.deleted_at is None
        and nothing_in(payment.refund_amount)
    )
