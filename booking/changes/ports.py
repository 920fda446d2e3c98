"""Ports of requested changes; the adapter is in `integrations/healthie`. They raise as booking/ports.py says.

Changes are made with the treating clinician's own key where it is proved, and are idempotent: each reads first, sends only
what is not so yet, and reads back.
"""

from collections.abc import Sequence
from typing import Protocol

from booking.changes.model import RequestedChange
from booking.changes.visit import BookedVisit, CancellationReasonOption, JoinLinks, VisitAsStands
from booking.money import Money


class Visits(Protocol):
    """Booked visits, one by one."""

    async def get(self, appointment_id: str) -> BookedVisit | None:
        """The visit with the rules and the verdict that apply to it, never from a cache; None when there is none."""

    async def stands(self, appointment_id: str, *, clinician_id: str) -> VisitAsStands | None:
        """Where the visit stands, read with the clinician's key, a deleted one too; None when there is no such visit."""

    async def cancellation_reasons(self) -> Sequence[CancellationReasonOption]:
        """The practice's reasons for a cancellation by a patient, in its order."""

    async def join_links(self, appointment_id: str, *, clinician_id: str) -> JoinLinks:
        """The patient's way into a visit from afar, read now. Nothing in it makes its reader the host."""


class VisitChanges(Protocol):
    """Changes of a booked visit."""

    async def cancel(self, change: RequestedChange) -> None:
        """Cancel the visit by its patient, with `reason`, as late if `late` and the practice charges for that; read back.

        The visit stays readable. Raises UpstreamRefused, ClinicianNotBookable, OutcomeUnknown, UpstreamUnavailable.
        """

    async def move(self, change: RequestedChange) -> None:
        """Move the visit to `new_slot`, with availability enforced; read back.

        Raises SlotTaken when the time is certainly gone and the visit stands where it was; else as `cancel`.
        """

    async def book(self, change: RequestedChange) -> str:
        """Book a new visit in `new_slot` that names the change in its reference; returns its id. Raises as Scheduling.book."""

    async def find_booked(self, change: RequestedChange) -> str | None:
        """The id of the visit that `book` made for this change; None when there is none."""

    async def delete_booked(self, change: RequestedChange) -> None:
        """Delete the visit that `book` made; idempotent, read back."""


class ChangePayments(Protocol):
    """Money that a change moves, all of it through the system of record."""

    async def refunded(self, change: RequestedChange) -> Money:
        """How much of the payment was given back so far."""

    async def refund(self, change: RequestedChange, index: int) -> Money:
        """Give back the amount of the action, in all and never more; returns what is given back so far. Idempotent."""

    async def charge_fee(self, change: RequestedChange, index: int) -> str:
        """Charge the fee of the action to the card; returns the payment's id. Raises as Billing.charge."""

    async def find_fee(self, change: RequestedChange, index: int) -> str | None:
        """The payment's id of a fee that landed; None when there is none."""

    async def stop_recurring(self, change: RequestedChange) -> None:
        """End the recurring payment; idempotent, read back."""


class Credits(Protocol):
    """The ledger of package credits."""

    async def given_back(self, change: RequestedChange) -> bool:
        """Whether the ledger shows that cancelling the visit gave its credit back."""
