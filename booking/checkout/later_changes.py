"""Port: what requested changes have done since to the visit and the payments of an ended checkout, for its reconciliation.

What a change did is no late finding, and no difference from the ledger. What it did not do still is one: more given back than its
patient accepted, or less; a second visit beside one that was cancelled or moved; a recurring payment that goes on though it was stopped.
The rows are read by `booking/changes/later_changes.py`.
"""

from typing import Protocol

from booking.checkout.model import Checkout
from booking.models import Charge, OpenInvoice
from booking.money import Money


class LaterChanges(Protocol):
    """The requested changes of the checkout's visit, and of its patient's other visits. Two readings are equal if nothing was written."""

    @property
    def under_way(self) -> bool:
        """Whether one is being carried out, so that money or a visit may be changing at this moment."""

    @property
    def fees(self) -> frozenset[str]:
        """Ids of the payments of fees and invoices."""

    def fees_of(self, amount: Money) -> int:
        """How many fees and invoices of this amount were charged."""

    def left_its_time(self, appointment_id: str | None) -> bool:
        """Whether the visit was cancelled, or moved to another time."""

    def given_back(self, charge: Charge) -> tuple[Money, Money]:
        """The least and the most that changes give back of this charge.

        They differ while a person looks after a refund that was accepted, and may make it by hand.
        """

    def stopped(self, charge: Charge) -> bool:
        """Whether the recurring payment that the charge began was ended."""

    def explains(self, invoice: OpenInvoice, appointment_id: str) -> bool:
        """Whether the invoice of the visit asks for the fee that the practice takes for its late cancellation, as accepted."""


class LaterChangesReader(Protocol):
    """Reads them."""

    async def since(self, checkout: Checkout) -> LaterChanges:
        """The changes as they stand now."""
