"""The stored rows of requested changes: the port, and what stands beside a row. The adapter is `integrations.database.requested_changes`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from booking.changes.model import RequestedChange, Subject
from booking.operations.model import ChangeSummary, HistoryKind, ListCursor
from booking.slots import Slot
from booking.stored_names import Unknown


@dataclass(frozen=True, kw_only=True)
class RescheduleClaim:
    """The slot claim of a reschedule, on the new slot."""

    id: str  # of the change
    slot: Slot
    created_at: datetime  # UTC; of the change

    @classmethod
    def of(cls, change: RequestedChange) -> Self | None:
        """The claim that the change takes; None: it needs no slot."""
        if change.new_slot is None:
            return None
        return cls(id=change.id, slot=change.new_slot, created_at=change.created_at)


@dataclass(frozen=True, kw_only=True)
class ChangeEntry:
    """One entry of a change's history, committed in the same transaction as the write that it records. Holds no patient data."""

    change_id: str
    at: datetime  # UTC
    kind: HistoryKind | Unknown
    before: str  # where the change stood: its state, or its action and that one's state
    after: str
    by: str  # a driver, a principal's kind, or an operator's account name on their machine
    note: str | None = None  # of an operator, or an AttentionReason; that of staff is sealed on the row


class ChangeRepository(Protocol):
    """The rows of requested changes, inside one unit of work.

    The write that ends a change also releases its slot claim and clears the patient's words. With each new state, and with what was
    done to a visit, the visits and the payment are marked to be read again.
    """

    async def add(
        self, change: RequestedChange, *, history: Sequence[ChangeEntry] = ()
    ) -> RequestedChange | None:
        """Insert the change at version 1 and return None; if a change of the same subject has not ended, return that one instead.

        Raises HoldExpired when another change uses the hold. After that nothing more may be done in the transaction.
        """

    async def get(self, change_id: str) -> RequestedChange | None:
        """The change, or None. Raises UnknownState when only a newer version can read its documents."""

    async def save(
        self, change: RequestedChange, *, was: RequestedChange, history: Sequence[ChangeEntry] = ()
    ) -> RequestedChange:
        """Write the row if its version is still `change.version` (optimistic locking); returns it at the next version.

        `was` is the row as it is stored at that version. Raises StaleChange when the version has moved on, and UnknownState for a
        row at a state of a newer version.
        """

    async def open_for(self, appointment_id: str) -> RequestedChange | None:
        """The change of this visit that has not ended, or None. A visit that the change has booked counts as well."""

    async def live_for_hold(self, hold_id: str) -> RequestedChange | None:
        """The change that uses the hold and has not ended, or None."""

    async def of_checkout(self, checkout_id: str) -> Sequence[RequestedChange]:
        """The changes of the visit that the checkout booked, the first one first."""

    async def of_patient(self, patient_id: str) -> Sequence[RequestedChange]:
        """The changes of all the patient's visits, the first one first."""

    async def of_visit(self, appointment_id: str) -> Sequence[RequestedChange]:
        """The changes of the visit and the one that booked it, the first one first."""

    async def of_subject(self, subject: Subject) -> Sequence[RequestedChange]:
        """The changes of the subject, the first one first; of a visit as `of_visit`."""

    async def due(self, now: datetime, *, limit: int) -> Sequence[str]:
        """Ids of rows whose `due_at` has passed and that are not leased, longest due first.

        Rows at a state that this version of the program does not know are left out.
        """

    async def defer(self, change_id: str, *, now: datetime) -> None:
        """Postpone a row that is due and not leased, as CheckoutRepository.defer. Works on rows whose values cannot be read, too."""

    async def in_doubt(self, since: datetime) -> Sequence[str]:
        """Ids of open rows that were accepted at `since` (UTC) or before: stuck, or at an action whose outcome is unknown."""

    async def of_unknown_state(self) -> Sequence[str]:
        """Ids of rows that have not ended and are at a state, or of a kind, that this version of the program does not know."""

    async def listed(
        self, *, state: str | None, attention: bool, limit: int, after: ListCursor | None = None
    ) -> Sequence[ChangeSummary]:
        """One page of the operators' list, latest accepted first, as CheckoutRepository.listed."""

    async def history(self, change_id: str) -> Sequence[ChangeEntry]:
        """The history of the change, the first entry first."""
