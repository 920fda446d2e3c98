"""The hold store in SQL, for deployments without Redis.

Each call is a short transaction of its own. The caller's clock decides what is live; expired rows are ignored at once, and
deleted with the next hold for the same clinician, or by `reap`.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime

from asyncpg import PostgresError  # type: ignore[import-untyped]
from sqlalchemy import (
    ColumnElement,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.errors import UpstreamUnavailable
from booking.models import Hold
from booking.ports import Clock
from booking.principals import STRANGERS
from booking.refusals import HoldExpired, HoldLimitReached, SlotTaken
from booking.scheduling.day_capacity import DayCapacity, free_again_at, refusal
from booking.slots import Busy, Interval
from integrations.database.columns import UtcTime
from integrations.database.engine import reading
from integrations.database.hold_rows import from_row, to_row
from integrations.database.reaping import reap
from integrations.database.tables.slots import holds

_c = holds.c

# Statements are built once, since every checkout executes them.
_LIVE = select(holds).where(_c.id == bindparam("wanted"), _c.expires_at > bindparam("now", type_=UtcTime))
_RELEASE = (
    delete(holds)
    .where(_c.id == bindparam("wanted"), _c.owner.in_(bindparam("owners", expanding=True)))
    .returning(holds)
)

# The errors of a wrong statement, on a database that answers.
_MISTAKES = (DataError, IntegrityError, ProgrammingError)

# The errors of a database that does not answer; while connecting or waiting, the drivers' own are not wrapped.
_NO_ANSWER = (DBAPIError, NoConnectionFree, OSError, PostgresError)


class SqlHoldStore:
    """The port HoldStore over one table.

    Every call of the port raises UpstreamUnavailable when the database does not answer; a hold that was taken all the same expires
    by itself.
    """

    def __init__(self, *, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def acquire(
        self,
        hold: Hold,
        *,
        limit: int | None,
        client_limit: int | None = None,
        capacity: DayCapacity | None = None,
    ) -> Hold:
        """Take the interval; idempotent: the owner's live hold on exactly this slot is returned unchanged.

        Raises SlotTaken, HoldLimitReached, HoldCapacityReached.
        """
        clinician_id, now = hold.slot.clinician_id, self._clock.now()
        async with self._writing() as connection:
            client = (f"client {hold.client}",) if hold.client is not None else ()
            await _lock(connection, *client, f"owner {hold.taken_by}", f"clinician {clinician_id}")
            await connection.execute(
                delete(holds).where(_c.clinician_id == clinician_id, _c.expires_at <= now)
            )
            in_the_way = select(holds).where(*_overlapping([clinician_id], hold.slot.interval))
            row = (await connection.execute(in_the_way)).mappings().first()
            if row is not None:
                standing = from_row(row)
                if standing.owner == hold.owner and standing.slot == hold.slot:
                    return standing
                raise SlotTaken
            limits = [(limit, _c.taken_by == hold.taken_by)]
            if hold.client is not None:
                limits.append((client_limit, _c.client == hold.client))
            for most, whose in limits:
                if most is not None and await _count_live(connection, whose, now) >= most:
                    raise HoldLimitReached(most)
            if capacity is not None:
                others = await _anonymous(connection, clinician_id, capacity.day, now)
                if free_again_at(capacity, hold, others) is not None:
                    raise refusal(capacity, hold, others, now=now)
            await connection.execute(insert(holds).values(to_row(hold)))
        return hold

    async def get(self, hold_id: str) -> Hold | None:
        """The hold, if it is live."""
        async with self._reading() as connection:
            found = await connection.execute(_LIVE, {"wanted": hold_id, "now": self._clock.now()})
            row = found.mappings().first()
        return from_row(row) if row is not None else None

    async def extend(self, hold: Hold, *, expires_at: datetime, counted: bool = True) -> Hold:
        """Move the expiry of the owner's live hold, never back; `counted` counts it as an extension. Raises HoldExpired.

        A hold that was extended since it was read is returned unchanged (optimistic locking on its count of extensions).
        """
        later = func.greatest if self._engine.dialect.name == "postgresql" else func.max
        try:
            return await self._change(
                _c.id == hold.id,
                _c.owner == hold.owner,
                _c.extensions == hold.extensions,
                expires_at=later(_c.expires_at, literal(expires_at, UtcTime)),
                extensions=_c.extensions + int(counted),
            )
        except HoldExpired:
            standing = await self.get(hold.id)
            if standing is None or standing.owner != hold.owner:
                raise
            return standing

    async def transfer(self, hold: Hold, *, owner: str) -> Hold:
        """Transfer a live hold to another owner; idempotent. Raises HoldExpired."""
        return await self._change(
            _c.id == hold.id, or_(_c.owner == hold.owner, _c.owner == owner), owner=owner
        )

    async def release(self, hold_id: str, *, owners: Collection[str]) -> Hold | None:
        """Release the hold if one of these owns it; returns it as it was. None: it has expired, or has another owner."""
        async with self._writing() as connection:
            gone = await connection.execute(_RELEASE, {"wanted": hold_id, "owners": [*owners]})
            row = gone.mappings().first()
        freed = from_row(row) if row is not None else None
        return freed if freed is not None and freed.is_live(self._clock.now()) else None

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        """The live holds of these clinicians that overlap the span."""
        query = select(_c.clinician_id, _c.starts_at, _c.ends_at, _c.expires_at).where(
            _c.expires_at > self._clock.now(), *_overlapping(clinician_ids, span)
        )
        async with self._reading() as connection:
            rows = (await connection.execute(query)).all()
        return [
            Busy(clinician_id=clinician, interval=Interval(start=start, end=end), until=until)
            for clinician, start, end, until in rows
        ]

    async def anonymous(self, clinician_id: str, day: Interval) -> Sequence[Hold]:
        """The clinician's live holds of callers who have not signed in, for slots that start within `day`."""
        async with self._reading() as connection:
            return await _anonymous(connection, clinician_id, day, self._clock.now())

    async def reap(self, now: datetime) -> int:
        """Delete holds that have expired by now (UTC); returns how many."""
        return await reap(self._engine, _c.expires_at <= now, oldest_first=_c.expires_at)

    async def _change(self, *conditions: ColumnElement[bool], **values: object) -> Hold:
        change = (
            update(holds)
            .where(*conditions, _c.expires_at > self._clock.now())
            .values(values)
            .returning(holds)
        )
        async with self._writing() as connection:
            row = (await connection.execute(change)).mappings().first()
        if row is None:
            raise HoldExpired
        return from_row(row)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        with _errors_translated():
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        with _errors_translated():
            async with reading(self._engine) as connection:
                yield connection


@contextmanager
def _errors_translated() -> Iterator[None]:
    try:
        yield
    except _MISTAKES:
        raise
    except _NO_ANSWER as error:
        raise UpstreamUnavailable("hold store") from error


async def _lock(connection: AsyncConnection, *names: str) -> None:
    """Take advisory locks on these names until the end of the transaction; callers pass them in one order, against deadlocks.

    Nothing on SQLite, which has one writer at a time.
    """
    if connection.dialect.name == "postgresql":
        for name in names:
            await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


async def _anonymous(
    connection: AsyncConnection, clinician_id: str, day: Interval, now: datetime
) -> list[Hold]:
    query = select(holds).where(
        _c.clinician_id == clinician_id,
        _c.starts_at >= day.start,
        _c.starts_at < day.end,
        _c.expires_at > now,
        or_(*(_c.owner.startswith(f"{kind}:") for kind in STRANGERS)),
    )
    return [from_row(row) for row in (await connection.execute(query)).mappings()]


async def _count_live(connection: AsyncConnection, whose: ColumnElement[bool], now: datetime) -> int:
    live = select(func.count()).select_from(holds).where(whose, _c.expires_at > now)
    return (await connection.execute(live)).scalar_one()


def _overlapping(clinician_ids: Sequence[str], span: Interval) -> tuple[ColumnElement[bool], ...]:
    return _c.clinician_id.in_(clinician_ids), _c.starts_at < span.end, _c.ends_at > span.start
