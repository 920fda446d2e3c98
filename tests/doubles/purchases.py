"""Patients who bought nothing."""

from collections.abc import Sequence

from booking.packages.model import Credit, CreditEntry, Invoice, Membership, Package, Payment


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
