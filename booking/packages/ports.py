"""The port of what patients bought; the adapter is in `integrations/healthie`. Every call reads upstream and raises UpstreamUnavailable."""

from collections.abc import Sequence
from typing import Protocol

from booking.packages.model import Credit, CreditEntry, Invoice, Membership, Package, Payment


class Purchases(Protocol):
    """What one patient bought and owes. Nothing of another patient is ever in an answer, whatever the system of record sends."""

    async def packages(self, patient_id: str) -> Sequence[Package]:
        """The plans that the patient has, newest first."""

    async def credits(self, patient_id: str) -> Sequence[Credit]:
        """What is left for each visit type that the patient ever had a credit of."""

    async def ledger(self, patient_id: str, visit_type_id: str) -> Sequence[CreditEntry]:
        """The lines of the ledger for one visit type, newest first."""

    async def memberships(self, patient_id: str) -> Sequence[Membership]:
        """The series of payments, those that go on first, each newest first."""

    async def payments(self, patient_id: str) -> Sequence[Payment]:
        """The payments, newest first."""

    async def invoices(self, patient_id: str) -> Sequence[Invoice]:
        """The invoices to the patient, newest first."""
