"""Requested changes in a dictionary; what a write does besides is done as the SQL repository does it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from booking.changes.model import ActionState, ChangeState, RequestedChange, Subject, SubjectKind
from booking.changes.repository import ChangeEntry
from booking.errors import StaleChange
from booking.operations.model import ChangeSummary, ListCursor
from booking.refusals import HoldExpired
from booking.slots import Slot
from booking.stored_names import Unknown

_SHORTEST_REST, _LONGEST_REST = timedelta(seconds=5), timedelta(minutes=5)


class FakeRequestedChanges:
    """Rows with versioned writes, one open change a visit, and one a hold."""

    def __init__(
        self,
        rows: dict[str, RequestedChange],
        events: list[ChangeEntry],
        refreshes: list[str],
        claims: dict[str, Slot],
    ) -> None:
        self.rows = rows
        self.events = events
        self.refreshes = refreshes  # ids of the visits that are marked to be read again
        self._claims = claims

    async def add(
        self, change: RequestedChange, *, history: Sequence[ChangeEntry] = ()
    ) -> RequestedChange | None:
        if (standing := await self._standing(change.subject)) is not None:
            return standing
        if change.hold_id is not None and await self.live_for_hold(change.hold_id) is not None:
            raise HoldExpired
        self.rows[change.id] = change.changed(version=1)
        self.events += history
        return None

    async def get(self, change_id: str) -> RequestedChange | None:
        return self.rows.get(change_id)

    async def save(
        self, change: RequestedChange, *, was: RequestedChange, history: Sequence[ChangeEntry] = ()
    ) -> RequestedChange:
        assert (was.id, was.version) == (change.id, change.version)
        standing = self.rows.get(change.id)
        if standing is None or standing.version != change.version:
            raise StaleChange(change.id)
        saved = change.changed(version=change.version + 1, reason=None if change.ended else change.reason)
        self.rows[change.id] = saved
        self.events += history
        if saved.ended:
            self._claims.pop(saved.id, None)
        done = {action.state for action in saved.actions} & {ActionState.DONE, ActionState.UNDONE}
        if done or saved.ended:
            visits = [saved.appointment_id, saved.new_appointment_id]
            self.refreshes += [one for one in visits if one is not None and one not in self.refreshes]
        return saved

    async def open_for(self, appointment_id: str) -> RequestedChange | None:
        return next((row for row in await self.of_visit(appointment_id) if not row.ended), None)

    async def live_for_hold(self, hold_id: str) -> RequestedChange | None:
        return next((row for row in self.rows.values() if row.hold_id == hold_id and not row.ended), None)

    async def of_checkout(self, checkout_id: str) -> Sequence[RequestedChange]:
        return [row for row in self._sorted() if row.checkout_id == checkout_id]

    async def of_patient(self, patient_id: str) -> Sequence[RequestedChange]:
        return [row for row in self._sorted() if row.patient_id == patient_id]

    async def of_visit(self, appointment_id: str) -> Sequence[RequestedChange]:
        return [
            row for row in self._sorted() if appointment_id in {row.appointment_id, row.new_appointment_id}
        ]

    async def of_subject(self, subject: Subject) -> Sequence[RequestedChange]:
        if subject.kind is SubjectKind.VISIT:
            return await self.of_visit(subject.id)
        return [row for row in self._sorted() if row.subject == subject]

    async def _standing(self, subject: Subject) -> RequestedChange | None:
        return next((row for row in await self.of_subject(subject) if not row.ended), None)

    async def due(self, now: datetime, *, limit: int) -> Sequence[str]:
        due = [
            (row.due_at, row.id)
            for row in self.rows.values()
            if row.due_at is not None and _is_due(row, now) and not isinstance(row.state, Unknown)
        ]
        return [row_id for _, row_id in sorted(due)][:limit]

    async def defer(self, change_id: str, *, now: datetime) -> None:
        row = self.rows.get(change_id)
        if row is not None and _is_due(row, now):
            rest = min(max(now - row.updated_at, _SHORTEST_REST), _LONGEST_REST)
            self.rows[change_id] = row.changed(due_at=now + rest)

    async def in_doubt(self, since: datetime) -> Sequence[str]:
        return sorted(
            row.id for row in self.rows.values() if row.state is ChangeState.OPEN and row.created_at <= since
        )

    async def of_unknown_state(self) -> Sequence[str]:
        return [row.id for row in self.rows.values() if isinstance(row.state, Unknown)]

    async def listed(
        self, *, state: str | None, attention: bool, limit: int, after: ListCursor | None = None
    ) -> Sequence[ChangeSummary]:
        return [
            ChangeSummary(
                id=row.id,
                kind=row.kind,
                state=row.state,
                attention=row.attention,
                subject_kind=row.subject.kind,
                subject_id=row.subject.id,
                appointment_id=row.appointment_id,
                checkout_id=row.checkout_id,
                clinician_id=row.slot.clinician_id if row.slot else None,
                starts_at=row.slot.start if row.slot else None,
                tries=row.tries,
                created_at=row.created_at,
                updated_at=row.updated_at,
                due_at=row.due_at,
            )
            for row in reversed(self._sorted())
            if (state is None or row.state == state)
            and (row.attention or not attention)
            and (after is None or (row.created_at, row.id) < (after.created_at, after.id))
        ][:limit]

    async def history(self, change_id: str) -> Sequence[ChangeEntry]:
        return [entry for entry in self.events if entry.change_id == change_id]

    def _sorted(self) -> list[RequestedChange]:
        return sorted(self.rows.values(), key=lambda row: (row.created_at, row.id))


def _is_due(row: RequestedChange, now: datetime) -> bool:
    is_free = row.lease_until is None or row.lease_until <= now
    return row.due_at is not None and row.due_at <= now and is_free
