"""Changes that patients request of booked visits: quotes, and their acceptance."""

from collections.abc import Sequence
from typing import Protocol

from booking.changes.model import RequestedChange
from booking.changes.quotes import CancellationQuote, RescheduleQuote
from booking.changes.visit import BookedVisit, CancellationReasonOption
from booking.principals import Caller


class ChangeService(Protocol):
    """Quotes of changes, and changes."""

    async def cancellation_quote(self, caller: Caller, appointment_id: str) -> CancellationQuote:
        """What cancelling the visit does now. Raises NotFound, CancellationNotAllowed, UpstreamUnavailable."""

    async def reschedule_quote(self, caller: Caller, appointment_id: str) -> RescheduleQuote:
        """What moving the visit means now. Raises NotFound, RescheduleNotAllowed, UpstreamUnavailable."""

    async def cancellation_reasons(self) -> Sequence[CancellationReasonOption]:
        """The practice's reasons for a cancellation by a patient, in its order."""

    async def cancel(
        self,
        caller: Caller,
        *,
        quote_id: str,
        reason: str | None,
        reason_id: str | None,
        note: str | None = None,
    ) -> RequestedChange:
        """Cancel the visit as the quote says; returns the row, done or still open."""

    async def reschedule(
        self, caller: Caller, *, quote_id: str, hold_id: str, note: str | None = None
    ) -> RequestedChange:
        """Move the visit to the held slot; returns the row, done or still open."""

    async def view(self, caller: Caller, change_id: str) -> RequestedChange | None:
        """The caller's change; None when there is none with this id."""

    async def visit(self, change: RequestedChange) -> BookedVisit | None:
        """The visit of the change as it stands now."""
