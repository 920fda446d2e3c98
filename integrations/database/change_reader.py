"""The small reads of searches and of the change poller, a few columns each."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.slots import Busy, Interval
from integrations.database.claims import CLOCK_SKEW, VISIT_STANDS
from integrations.database.columns import UtcTime, one_of
from integrations.database.engine import reading
from integrations.database.prepared import PreparedRead
from integrations.database.tables.checkouts import checkouts
from integrations.database.tables.slots import slot_claims

# Ids in one query; both databases accept more, but this keeps statements at some kilobytes.
_IDS_PER_QUERY = 1000

_c = checkouts.c


class SqlChangeReader:
    """The ports ChangeReader and ClaimReader."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine
        self._claims = PreparedRead(engine, _claims(engine.dialect.name))

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

    async def booked(
        self, clinician_ids: Collection[str], span: Interval, *, since: datetime
    ) -> Sequence[Busy]:
        """The visits within the span that were booked here after `since`, with a margin for the clocks of other processes."""
        query = select(_c.clinician_id, _c.starts_at, _c.ends_at).where(
            _c.clinician_id.in_(clinician_ids),
            _c.starts_at < span.end,
            _c.ends_at > span.start,
            VISIT_STANDS,
            _c.ended_at >= since - CLOCK_SKEW,
        )
        return _busy(await self._rows(query))

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


def _chunks(names: Collection[str]) -> Iterator[tuple[str, ...]]:
    rest = iter(names)
    while part := tuple(islice(rest, _IDS_PER_QUERY)):
        yield part


def _busy(rows: Sequence[Any]) -> Sequence[Busy]:
    return [
        Busy(clinician_id=clinician, interval=Interval(start=start, end=end))
        for clinician, start, end in rows
    ]
