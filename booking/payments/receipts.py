"""ReceiptService: the receipt of a payment is mailed again, by the practice's system, to the address that it has."""

from datetime import datetime, timedelta
from typing import Protocol

from booking.errors import NotFound, UpstreamRefused
from booking.packages.model import Payment, PaymentStatus
from booking.ports import Clock
from booking.principals import Caller, PrincipalKind
from booking.refusals import ReceiptUnavailable

# A receipt that was mailed so lately is not mailed again: a double tap and a lost answer are one mail.
RECENT = timedelta(minutes=5)

_PAID = {PaymentStatus.PAID, PaymentStatus.PARTLY_REFUNDED, PaymentStatus.REFUNDED}


class Receipts(Protocol):
    """Receipts of payments, through the system of record."""

    async def payment(self, payment_id: str, *, of: str) -> Payment | None:
        """The payment as it stands; None when there is none, or it is not this patient's. Raises UpstreamUnavailable."""

    async def send(self, payment: Payment) -> datetime:
        """Have the receipt mailed, and read back when it was (UTC). Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown."""


class ReceiptService:
    """Has a signed-in patient's own receipts mailed. A foreign payment and a missing one answer alike."""

    def __init__(self, *, receipts: Receipts, clock: Clock) -> None:
        self._receipts = receipts
        self._clock = clock

    async def send(self, caller: Caller, payment_id: str) -> datetime:
        """Have the receipt mailed, unless it was just now; returns when it was last mailed (UTC).

        Raises NotFound; ReceiptUnavailable for what was not paid, or is refused; UpstreamUnavailable, OutcomeUnknown.
        """
        patient_id = caller.principal.patient_id
        if caller.principal.kind is not PrincipalKind.PATIENT or patient_id is None:
            raise NotFound("payment")
        payment = await self._receipts.payment(payment_id, of=patient_id)
        if payment is None:
            raise NotFound("payment")
        if payment.status not in _PAID:
            raise ReceiptUnavailable
        sent_at = payment.receipt_sent_at
        if sent_at is not None and self._clock.now() - sent_at < RECENT:
            return sent_at
        try:
            return await self._receipts.send(payment)
        except UpstreamRefused:
            raise ReceiptUnavailable from None
