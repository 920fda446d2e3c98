"""HealthieReceipts: the receipt of a payment is mailed again by Healthie, to the address that it has of the patient."""

from contextlib import suppress
from datetime import UTC, datetime

from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.packages.model import Payment
from integrations.healthie.answers import refusal
from integrations.healthie.catalog import currency_of
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import Receipt
from integrations.healthie.readback import Comparison
from integrations.healthie.receipts import payment_of
from integrations.upstream.errors import UnreadableAnswer, changing, reading, reading_back


class HealthieReceipts:
    """The port Receipts. `client` acts with the organisation's key, which sees the payments to all clinicians."""

    def __init__(self, *, client: Client, comparison: Comparison) -> None:
        self._client = client
        self._comparison = comparison

    async def payment(self, payment_id: str, *, of: str) -> Payment | None:
        """The payment; None when there is none, or it is not this patient's. Raises UpstreamUnavailable."""
        with reading():
            answer = await self._client.receipt_by_id(id=payment_id)
        row = answer.billing_item
        if row is None or row.id != payment_id or row.sender_id != of:
            return None
        return payment_of(row, currency_of(answer.current_user))

    async def send(self, payment: Payment) -> datetime:
        """Have it mailed, and read back when it was. Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.

        Whether Healthie notes the time before it answers is not documented: a time that has not moved is not believed.
        """
        payload = None
        with changing(), suppress(UnreadableAnswer):
            payload = (await self._client.send_receipt(id=payment.id)).update_billing_item
        refused = refusal("SendReceipt", payload.messages) if payload else None
        sent_at = _sent_at(await self._read_back(payment.id))
        before = payment.receipt_sent_at
        mailed = sent_at is not None and (before is None or sent_at > before)
        if refused is not None and not mailed:
            raise UpstreamRefused("SendReceipt", "refused")
        with changing():
            await self._comparison.check("SendReceipt", mailed=mailed)
        if sent_at is None:
            raise AssertionError("a mail that was compared has a time")
        return sent_at

    async def _read_back(self, payment_id: str) -> Receipt:
        with reading_back():
            row = (await self._client.receipt_by_id(id=payment_id)).billing_item
        if row is None:
            raise OutcomeUnknown("ReceiptById: no payment")
        return row


def _sent_at(row: Receipt) -> datetime | None:
    sent_at = row.receipt_last_sent_at
    return sent_at.astimezone(UTC) if sent_at is not None else None
