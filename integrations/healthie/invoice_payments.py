"""HealthieInvoicePayments: invoices one by one, and paying them with a card on file."""

from booking.changes.model import RequestedChange
from booking.errors import OutcomeUnknown
from booking.models import Charge
from booking.packages.model import Invoice
from integrations.healthie.acting import StaffClient
from integrations.healthie.asked_charge import of_invoice
from integrations.healthie.catalog import currency_of
from integrations.healthie.charge_calls import find_charge, send_charge
from integrations.healthie.declines import DeclineCodes
from integrations.healthie.generated.client import Client
from integrations.healthie.readback import Comparison
from integrations.healthie.receipts import invoice_of
from integrations.upstream.errors import reading


class HealthieInvoicePayments:
    """The port InvoicePayments. `client` acts with the organisation's key; `recipient_id` receives all payments, else who sent the invoice.

    An invoice may be sent by somebody without a key here, such as the practice's owner: then the organisation's key charges.
    """

    def __init__(
        self,
        *,
        client: Client,
        staff: StaffClient,
        declines: DeclineCodes,
        comparison: Comparison,
        recipient_id: str | None = None,
    ) -> None:
        self._client = client
        self._staff = staff
        self._declines = declines
        self._comparison = comparison
        self._recipient_id = recipient_id

    async def get(self, invoice_id: str, *, of: str) -> Invoice | None:
        """The invoice; None when there is none, it is not to this patient, or nobody was to see it. Raises UpstreamUnavailable."""
        with reading():
            answer = await self._client.invoice_standing(id=invoice_id)
        row = answer.requested_payment
        if row is None or row.id != invoice_id or row.recipient_id != of or row.is_preview:
            return None
        return invoice_of(row, currency_of(answer.current_user))

    async def pay(self, change: RequestedChange, index: int) -> str:
        """Charge the action's amount on the invoice, once; returns the payment's id.

        A charge on other terms than accepted is OutcomeUnknown: a person looks after it. Raises CardDeclined, AmountNotChargeable,
        UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        asked = of_invoice(change, index)
        charge = await send_charge(
            await self._staff(asked.clinician_id),
            asked,
            recipient_id=self._recipient_id or asked.clinician_id,
            declines=self._declines,
            comparison=self._comparison,
        )
        return _id_as_accepted(charge)

    async def find_payment(self, change: RequestedChange, index: int) -> str | None:
        """The payment's id of the charge, found by the note's reference, else by invoice, amount, card and time; or None.

        Raises UpstreamUnavailable, and OutcomeUnknown when a match is not proved, has other terms, or there are several.
        """
        asked = of_invoice(change, index)
        since = change.actions[index].intended_at or change.created_at
        charge = await find_charge(await self._staff(asked.clinician_id), asked, since=since)
        return None if charge is None else _id_as_accepted(charge)


def _id_as_accepted(charge: Charge) -> str:
    if charge.differs:
        raise OutcomeUnknown("Charge: on other terms")
    return charge.billing_item_id
