"""Patients who bought nothing, and receipts of those who paid."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from booking.packages.model import Credit, CreditEntry, Invoice, Membership, Package, Payment
from booking.ports import Clock


class NoPurchases:
    """The port Purchases of a practice where nobody bought anything."""

    async def packages(self, patient_id: str) -> Sequence[Package]:
        return ()

    async def credits(self, patient_id: str) -> Sequence[Credit]:
        return ()

    async def ledger(self, patient_id: str, visit_type_id: str) -> Sequence[CreditEntry]:
        return ()

    async def memberships(self, patient_id: str) -> Sequence[Membership]:
        return ()

    async def payments(self, patient_id: str) -> Sequence[Payment]:
        return ()

    async def invoices(self, patient_id: str) -> Sequence[Invoice]:
        return ()


class FakeReceipts:
    """The port Receipts: payments of one patient, whose receipts are mailed at this clock's time."""

    def __init__(
        self, clock: Clock, payments: dict[str, Payment] | None = None, *, of: str = "p-sample"
    ) -> None:
        self.payments = payments or {}
        self.mailed: list[str] = []
        self.faults: list[Exception] = []
        self._clock = clock
        self._of = of

    async def payment(self, payment_id: str, *, of: str) -> Payment | None:
        return self.payments.get(payment_id) if of == self._of else None

    async def send(self, payment: Payment) -> datetime:
        if self.faults:
            raise self.faults.pop(0)
        self.mailed.append(payment.id)
        sent_at = self._clock.now()
        self.payments[payment.id] = replace(payment, receipt_sent_at=sent_at)
        return sent_at
