"""The small reads of searches and of the change poller, a few columns each."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Boolean, CompoundSelect, Select, bindparam, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.scheduling.taken_time import RecordedTime
from booking.slots import Busy, Interval
from integrations.database.claims import CLOCK_SKEW, MOVED_VISIT_STANDS, VISIT_STANDS, VISIT_UNCHANGED
from integrations.database.columns import UtcTime, one_of
from integrations.database.engine import reading
from integrations.database.prepared import PreparedRead
from integrations.database.tables.changes import requested_changes
from integrations.database.tables.checkouts import checkouts
from integrations.database.tables.slots import slot_claims

# Ids in one query; both databases accept more, but this keeps statements at some kilobytes.
_IDS_PER_QUERY = 1000

_c = checkouts.c


class SqlChangeReader:
    """The ports ChangeReader and RecordedTimeReader."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine
        self._claims = PreparedRead(engine, _claims(engine.dialect.name))
        self._recorded = PreparedRead(engine, _recorded(engine.dialect.name))

    async def versions(self, checkout_ids: Collection[str]) -> Mapping[str, int]:
        """The row versions of these checkouts, by id."""
        return {
            name: version
            for some in _chunks(checkout_ids)
            for name, version in await self._rows(select(_c.id, _c.version).where(_c.id.in_(some)))
        }

    async def bookings(self, patient_ids: Collection[str]) -> Mapping[str, int]:
        """How many visits each of these patients has booked here."""
        counted = select(_c.patient_id, func.count()).where(VISIT_STANDS).group_by(_c.patient_id)
        return {
            patient: count
            for some in _chunks(patient_ids)
            for patient, count in await self._rows(counted.where(_c.patient_id.in_(some)))
        }

    async def claims(self, clinician_ids: Collection[str], span: Interval) -> Sequence[Busy]:
        """The slot claims of these clinicians that overlap the span."""
        wanted = {"clinicians": [*clinician_ids], "start": span.start, "end": span.end}
        return _busy(await self._claims(wanted))

    async def recorded(
        self, clinician_ids: Collection[str], span: Interval, *, since: datetime
    ) -> RecordedTime:
        """Claims that overlap the span, and visits booked or moved here after `since`, with a margin for the clocks of other processes."""
        wanted = {"clinicians": [*clinician_ids], "start": span.start, "end": span.end}
        rows = await self._recorded(wanted | {"since": since - CLOCK_SKEW})
        return RecordedTime(
            claimed=_busy([row[:3] for row in rows if not row[3]]),
            booked=_busy([row[:3] for row in rows if row[3]]),
        )

    async def _rows(self, query: Select[Any]) -> Sequence[Any]:
        async with reading(self._engine) as connection:
            found: Sequence[Any] = (await connection.execute(query)).all()
        return found


def _claims(dialect: str) -> Select[Any]:
    c = slot_claims.c
    return select(c.clinician_id, c.starts_at, c.ends_at).where(
        one_of(dialect, c.clinician_id, "clinicians"),
        c.starts_at < bindparam("end", type_=UtcTime),
        c.ends_at > bindparam("start", type_=UtcTime),
    )


def _recorded(dialect: str) -> CompoundSelect[Any]:
    claimed = _claims(dialect).add_columns(literal(value=False, type_=Boolean).label("booked"))
    booked = select(_c.clinician_id, _c.starts_at, _c.ends_at, literal(value=True, type_=Boolean)).where(
        one_of(dialect, _c.clinician_id, "clinicians"),
        _c.starts_at < bindparam("end", type_=UtcTime),
        _c.ends_at > bindparam("start", type_=UtcTime),
        VISIT_STANDS,
        _c.ended_at >= bindparam("since", type_=UtcTime),
        VISIT_UNCHANGED,
    )
    m = requested_changes.c
    moved = select(
        m.new_clinician_id, m.new_starts_at, m.new_ends_at, literal(value=True, type_=Boolean)
    ).where(
        one_of(dialect, m.new_clinician_id, "clinicians"),
        m.new_starts_at < bindparam("end", type_=UtcTime),
        m.new_ends_at > bindparam("start", type_=UtcTime),
        MOVED_VISIT_STANDS,
        m.ended_at >= bindparam("since", type_=UtcTime),
    )
    return union_all(claimed, booked, moved)


def _chunks(names: Collection[str]) -> Iterator[tuple[str, ...]]:
    rest = iter(names)
    while part := tuple(islice(rest, _IDS_PER_QUERY)):
        yield part


def _busy(rows: Sequence[Any]) -> Sequence[Busy]:
    return [
        Busy(clinician_id=clinician, interval=Interval(start=start, end=end))
        for clinician, start, end in rows
    ]
