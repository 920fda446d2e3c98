"""The repository of requested changes: optimistic locking, and the queries of workers and operators. Mapping: change_rows.py."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Select, String, bindparam, insert, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from booking.changes.model import (
    Action,
    ActionKind,
    ActionState,
    ChangeKind,
    ChangeState,
    RequestedChange,
    Subject,
    SubjectKind,
)
from booking.changes.repository import ChangeEntry
from booking.errors import StaleChange, UnknownState
from booking.operations.model import ChangeSummary, HistoryKind, ListCursor
from booking.refusals import HoldExpired
from booking.resources import ChangeHint, Kind, Resource
from booking.stored_names import Unknown, known
from integrations.database.change_rows import SEALED, from_row, has_freed_its_time, to_row, to_summary
from integrations.database.checkout_rows import with_unknown_parts
from integrations.database.claims import SqlClaims
from integrations.database.columns import UtcTime, insert_or_ignore
from integrations.database.leases import is_due
from integrations.database.pending_refreshes import SqlPendingRefreshes
from integrations.database.sealing import Sealer
from integrations.database.tables.changes import ENDS, NOT_ENDED, requested_change_events, requested_changes

# An insert that loses the race for a visit, and then finds the winner ended, tries again; three losses in a row do not happen.
_ADD_TRIES = 3

# As checkouts.py: bounds of how long `defer` puts off a row.
_SHORTEST_REST = timedelta(seconds=5)
_LONGEST_REST = timedelta(minutes=5)

# Actions that change a visit.
_OF_VISITS = {ActionKind.CANCEL_VISIT, ActionKind.MOVE_VISIT, ActionKind.BOOK_VISIT}

_c, _e = requested_changes.c, requested_change_events.c

# Built once: a statement with so many columns takes as long to build as to execute.
_ALL = select(requested_changes)
_WANTED = bindparam("wanted", type_=String)
_NOT_ENDED = text(NOT_ENDED)
_BY_ID = _ALL.where(_c.id == _WANTED)
_OPEN_FOR = _ALL.where(_NOT_ENDED, or_(_c.appointment_id == _WANTED, _c.new_appointment_id == _WANTED))
_LIVE_FOR_HOLD = _ALL.where(_NOT_ENDED, _c.hold_id == _WANTED)
_OLDEST_FIRST = _c.created_at, _c.id
_OF_CHECKOUT = _ALL.where(_c.checkout_id == _WANTED).order_by(*_OLDEST_FIRST)
_OF_PATIENT = _ALL.where(_c.patient_id == _WANTED).order_by(*_OLDEST_FIRST)
_OF_VISIT = _ALL.where(or_(_c.appointment_id == _WANTED, _c.new_appointment_id == _WANTED)).order_by(
    *_OLDEST_FIRST
)
_SUBJECT = _c.subject_kind == bindparam("subject_kind", type_=String), _c.subject_id == _WANTED
_OPEN_FOR_SUBJECT = _ALL.where(_NOT_ENDED, *_SUBJECT)
_OF_SUBJECT = _ALL.where(*_SUBJECT).order_by(*_OLDEST_FIRST)
_SAVE = update(requested_changes).where(
    _c.id == bindparam("id_read"), _c.version == bindparam("version_read")
)
_NOW = bindparam("now", type_=UtcTime)
_DUE_NOW = is_due(requested_changes, _NOW)
_DUE = (
    select(_c.id)
    .where(_DUE_NOW, _c.state.in_(sorted(ChangeState)), _c.kind.in_(sorted(ChangeKind)))
    .order_by(_c.due_at, _c.id)
    .limit(bindparam("most", type_=Integer))
)
_LISTED = select(
    _c.id,
    _c.kind,
    _c.state,
    _c.attention,
    _c.subject_kind,
    _c.subject_id,
    _c.appointment_id,
    _c.checkout_id,
    _c.clinician_id,
    _c.starts_at,
    _c.tries,
    _c.created_at,
    _c.updated_at,
    _c.due_at,
).order_by(_c.created_at.desc(), _c.id.desc())
_HISTORY = select(*(column for column in _e if column.name != "sequence")).order_by(_e.sequence)
_ADD_ENTRY = insert(requested_change_events)


class SqlRequestedChanges:
    """Implements ChangeRepository inside one transaction."""

    def __init__(self, connection: AsyncConnection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer
        self.written: list[RequestedChange] = []  # rows written in this transaction so far
        self.refused = False  # whether a write was refused that the caller must not go on after

    async def add(
        self, change: RequestedChange, *, history: Sequence[ChangeEntry] = ()
    ) -> RequestedChange | None:
        """Insert at version 1; returns None, or, with nothing inserted, the change of the subject that has not ended.

        Raises HoldExpired when another subject's change uses the hold: this transaction ends with it.
        """
        added = change.changed(version=1)
        row = to_row(added, self._sealer)
        insertion = insert_or_ignore(self._connection, requested_changes)
        for _ in range(_ADD_TRIES):
            if (await self._connection.execute(insertion, row)).rowcount:
                self.written.append(added)
                await self._note(history)
                return None
            if (standing := await self._standing(change.subject)) is not None:
                return standing
            if change.hold_id is not None and await self.live_for_hold(change.hold_id) is not None:
                self.refused = True
                raise HoldExpired
        raise StaleChange(change.id)

    async def get(self, change_id: str) -> RequestedChange | None:
        """Read a row, also one of a newer release; None: no such row. Raises UnknownState when its documents cannot be read."""
        return await self._one(_BY_ID, change_id)

    async def save(
        self, change: RequestedChange, *, was: RequestedChange, history: Sequence[ChangeEntry] = ()
    ) -> RequestedChange:
        """Write the row and return it at its next version. Rejects the write when the version has moved on (optimistic locking).

        With the end the slot claim is released, and the patient's words are cleared. A visit that was changed is marked to be read
        again, and everything is that the change is about when its state changes. Raises StaleChange, with the transaction still usable;
        UnknownState.
        """
        if (was.id, was.version) != (change.id, change.version):
            raise AssertionError("`was` is another row, or another version of it")
        if any(isinstance(one, Unknown) for one in (change.state, change.kind, was.state)):
            raise UnknownState(change.id)  # only the release that knows the state knows what follows
        saved = replace(change, version=change.version + 1, reason=None if change.ended else change.reason)
        row = await self._changed_columns(saved, was)
        row |= {"id_read": change.id, "version_read": change.version}
        if not (await self._connection.execute(_SAVE, row)).rowcount:
            raise StaleChange(change.id)
        self.written.append(saved)
        await self._note(history)
        await self._take_effect(saved, was)
        return saved

    async def open_for(self, appointment_id: str) -> RequestedChange | None:
        """Return the change that has not ended of this visit, or that has booked it."""
        return await self._one(_OPEN_FOR, appointment_id)

    async def live_for_hold(self, hold_id: str) -> RequestedChange | None:
        """Return the change on this hold that has not ended."""
        return await self._one(_LIVE_FOR_HOLD, hold_id)

    async def of_checkout(self, checkout_id: str) -> Sequence[RequestedChange]:
        """Return the changes of the visit that the checkout booked, the first one first."""
        return await self._all(_OF_CHECKOUT, checkout_id)

    async def of_patient(self, patient_id: str) -> Sequence[RequestedChange]:
        """Return the changes of all the patient's visits, the first one first."""
        return await self._all(_OF_PATIENT, patient_id)

    async def of_visit(self, appointment_id: str) -> Sequence[RequestedChange]:
        """Return the changes of the visit, and the one that booked it, the first one first."""
        return await self._all(_OF_VISIT, appointment_id)

    async def of_subject(self, subject: Subject) -> Sequence[RequestedChange]:
        """Return the changes of the subject, the first one first; of a visit as `of_visit`."""
        if subject.kind is SubjectKind.VISIT:
            return await self.of_visit(subject.id)
        return await self._all(_OF_SUBJECT, subject.id, subject_kind=subject.kind)

    async def due(self, now: datetime, *, limit: int) -> Sequence[str]:
        """Return ids of rows whose `due_at` (UTC) has come and that are not leased, longest due first.

        Rows at a state or of a kind of a newer release are left out.
        """
        return (await self._connection.scalars(_DUE, {"now": now, "most": limit})).all()

    async def defer(self, change_id: str, *, now: datetime) -> None:
        """Put off a row that is due and not leased, even one that cannot be read. The version stays.

        Puts it off by the time since its last write, at least 5 s and at most 5 min.
        """
        query = select(_c.version, _c.updated_at).where(_c.id == change_id, _DUE_NOW)
        found = (await self._connection.execute(query, {"now": now})).first()
        if found is not None:
            version, written = found
            due = now + min(max(now - written, _SHORTEST_REST), _LONGEST_REST)
            where = _c.id == change_id, _c.version == version
            await self._connection.execute(update(requested_changes).where(*where).values(due_at=due))

    async def in_doubt(self, since: datetime) -> Sequence[str]:
        """Return ids of open rows that were accepted at `since` (UTC) or before."""
        query = (
            select(_c.id)
            .where(_NOT_ENDED, _c.state == ChangeState.OPEN, _c.created_at <= since)
            .order_by(_c.id)
        )
        return (await self._connection.scalars(query)).all()

    async def of_unknown_state(self) -> Sequence[str]:
        """Return ids of rows that have not ended, at a state or of a kind of a newer release."""
        unknown = or_(_c.state.not_in(sorted(ChangeState)), _c.kind.not_in(sorted(ChangeKind)))
        query = select(_c.id).where(_NOT_ENDED, unknown).order_by(_c.id)
        return (await self._connection.scalars(query)).all()

    async def listed(
        self, *, state: str | None, attention: bool, limit: int, after: ListCursor | None = None
    ) -> Sequence[ChangeSummary]:
        """Return what operators see of rows, the latest accepted first, also of rows of a newer release; `after` pages."""
        query = _LISTED.limit(limit)
        if state is not None:
            query = query.where(_c.state == state)
            if state not in ENDS:
                query = query.where(_NOT_ENDED)
        if attention:
            query = query.where(_c.attention.is_not(None))
        if after is not None:
            query = query.where(tuple_(_c.created_at, _c.id) < (after.created_at, after.id))
        return [to_summary(row) for row in (await self._connection.execute(query)).mappings()]

    async def history(self, change_id: str) -> Sequence[ChangeEntry]:
        """Return the history of the change, the first entry first."""
        rows = await self._connection.execute(_HISTORY.where(_e.change_id == change_id))
        return [ChangeEntry(**{**row, "kind": known(HistoryKind, row["kind"])}) for row in rows.mappings()]

    async def _changed_columns(self, saved: RequestedChange, was: RequestedChange) -> dict[str, Any]:
        """The columns that differ; what is sealed differs each time, and `defer` may have moved `due_at` at the same version."""
        row, before = to_row(saved, self._sealer), to_row(was, self._sealer)
        same = {name for name, value in row.items() if before[name] == value} - {"due_at"}
        same |= {name for name in SEALED if getattr(saved, name) == getattr(was, name)}
        changes = {name: value for name, value in row.items() if name not in same}
        if "actions" in changes:
            changes["actions"] = with_unknown_parts(changes["actions"], await self._stored_actions(saved.id))
        if (freed := has_freed_its_time(saved)) != has_freed_its_time(was):
            changes["freed_at"] = saved.updated_at if freed else None
        return changes

    async def _stored_actions(self, change_id: str) -> Sequence[Mapping[str, Any]]:
        """Read the actions as stored, with parts that only a newer release knows."""
        return await self._connection.scalar(select(_c.actions).where(_c.id == change_id)) or ()

    async def _take_effect(self, saved: RequestedChange, was: RequestedChange) -> None:
        """Release the claim at the end, and have read again what was changed upstream."""
        if saved.ended and saved.new_slot is not None:
            await SqlClaims(self._connection).release(saved.id)
        if saved.state != was.state or _changes_of_visits(saved) != _changes_of_visits(was):
            for resource in sorted(_touched(saved)):
                hint = ChangeHint(resource=resource)
                await SqlPendingRefreshes(self._connection).mark(hint, now=saved.updated_at)

    async def _standing(self, subject: Subject) -> RequestedChange | None:
        if subject.kind is SubjectKind.VISIT:
            return await self.open_for(subject.id)
        return await self._one(_OPEN_FOR_SUBJECT, subject.id, subject_kind=subject.kind)

    async def _note(self, history: Sequence[ChangeEntry]) -> None:
        if history:
            await self._connection.execute(_ADD_ENTRY, [vars(entry) for entry in history])

    async def _one(self, query: Select[Any], wanted: str, **given: str) -> RequestedChange | None:
        row = (await self._connection.execute(query, {"wanted": wanted, **given})).mappings().first()
        return from_row(row, self._sealer) if row is not None else None

    async def _all(self, query: Select[Any], wanted: str, **given: str) -> Sequence[RequestedChange]:
        found = await self._connection.execute(query, {"wanted": wanted, **given})
        return [from_row(row, self._sealer) for row in found.mappings()]


def _touched(change: RequestedChange) -> Iterator[Resource]:
    for visit in (change.appointment_id, change.new_appointment_id):
        if visit is not None:
            yield Resource(kind=Kind.VISIT, id=visit)
    if change.payment_id is not None and change.action(ActionKind.REFUND) is not None:
        yield Resource(kind=Kind.PAYMENT, id=change.payment_id)


def _changes_of_visits(change: RequestedChange) -> list[Action]:
    """What was done to visits, and undone."""
    outcomes = {ActionState.DONE, ActionState.UNDONE}
    return [one for one in change.actions if one.kind in _OF_VISITS and one.state in outcomes]
