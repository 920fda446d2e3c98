"""PurchaseService: what a patient bought, and owes. Read when it is asked for, and never kept.

Reads of the same list of the same patient at the same time are one call upstream. Who may read whose is declared on the GraphQL
fields (`schema/permissions.py`).
"""

from collections.abc import Sequence

from booking.packages.model import Credit, CreditEntry, Invoice, Membership, Package, Payment
from booking.packages.ports import Purchases
from booking.single_flight import SingleFlight


class PurchaseService:
    """Reads packages, credits, memberships, payments and invoices. Each method raises UpstreamUnavailable."""

    def __init__(self, *, purchases: Purchases) -> None:
        self._purchases = purchases
        self._packages: SingleFlight[str, Sequence[Package]] = SingleFlight()
        self._credits: SingleFlight[str, Sequence[Credit]] = SingleFlight()
        self._ledger: SingleFlight[tuple[str, str], Sequence[CreditEntry]] = SingleFlight()
        self._memberships: SingleFlight[str, Sequence[Membership]] = SingleFlight()
        self._payments: SingleFlight[str, Sequence[Payment]] = SingleFlight()
        self._invoices: SingleFlight[str, Sequence[Invoice]] = SingleFlight()

    async def packages(self, patient_id: str) -> Sequence[Package]:
        """The plans that the patient has, newest first."""
        return await self._packages(patient_id, lambda: self._purchases.packages(patient_id))

    async def credits(self, patient_id: str) -> Sequence[Credit]:
        """What is left for each visit type, by the ledger."""
        return await self._credits(patient_id, lambda: self._purchases.credits(patient_id))

    async def ledger(self, patient_id: str, visit_type_id: str) -> Sequence[CreditEntry]:
        """The lines of the ledger for one visit type, newest first."""
        key = patient_id, visit_type_id
        return await self._ledger(key, lambda: self._purchases.ledger(patient_id, visit_type_id))

    async def memberships(self, patient_id: str) -> Sequence[Membership]:
        """The series of payments, those that go on first."""
        return await self._memberships(patient_id, lambda: self._purchases.memberships(patient_id))

    async def payments(self, patient_id: str) -> Sequence[Payment]:
        """The payments, newest first."""
        return await self._payments(patient_id, lambda: self._purchases.payments(patient_id))

    async def invoices(self, patient_id: str) -> Sequence[Invoice]:
        """The invoices, newest first."""
        return await self._invoices(patient_id, lambda: self._purchases.invoices(patient_id))
