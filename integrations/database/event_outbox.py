"""The outbox of events: written with the state that they were derived from, read in the order of commits."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.events.model import DomainEvent, EventName, RecordedEvent
from booking.resources import Kind, Party, Resource
from booking.stored_names import known, known_or_none
from integrations.database.columns import insert_or_ignore
from integrations.database.engine import reading
from integrations.database.tables.events import practice_events

_e = practice_events.c

# Subscribers are retried for days and may ask for a time range again; a month is longer than either.
KEPT = timedelta(days=30)


_QUEUE_UP = select(func.pg_advisory_xact_lock(func.hashtextextended("practice_events", 0)))


class SqlEventOutbox:
    """The outbox inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.written: list[DomainEvent] = []  # in this transaction, so far

    async def add(self, events: Sequence[DomainEvent]) -> None:
        """Write them, to be told once the transaction is committed. One that is there already is left as it is.

        On PostgreSQL writers queue up from here to their commit: else an event with an earlier place could appear after a
        reader has passed it. SQLite has one writer anyway.
        """
        if not events:
            return
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(_QUEUE_UP)
        await self._connection.execute(
            insert_or_ignore(self._connection, practice_events), [_row(event) for event in events]
        )
        self.written += events


class SqlEventLog:
    """The port EventLog."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine

    async def after(self, sequence: int, *, limit: int) -> Sequence[RecordedEvent]:
        """Events after this place, in order."""
        query = select(practice_events).where(_e.sequence > sequence).order_by(_e.sequence).limit(limit)
        async with reading(self._engine) as connection:
            return [recorded(row) for row in (await connection.execute(query)).mappings()]

    async def last(self) -> int:
        """The place of the latest event; 0 when there is none."""
        async with reading(self._engine) as connection:
            return int(await connection.scalar(select(func.max(_e.sequence))) or 0)

    async def about(self, resource: Resource) -> Sequence[RecordedEvent]:
        """The events of one resource, in order."""
        query = (
            select(practice_events)
            .where(_e.kind == resource.kind, _e.resource_id == resource.id)
            .order_by(_e.sequence)
        )
        async with reading(self._engine) as connection:
            return [recorded(row) for row in (await connection.execute(query)).mappings()]

    async def reap(self, now: datetime) -> int:
        """Forget events that are so old that nobody asks for them again; answers how many rows.

        The latest stays: without any row SQLite would give the places out anew, and readers are past them.
        """
        latest = select(func.max(_e.sequence)).scalar_subquery()
        old = delete(practice_events).where(_e.at < now - KEPT, _e.sequence < latest)
        async with self._engine.begin() as connection:
            return (await connection.execute(old)).rowcount


def _row(event: DomainEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "name": event.name,
        "at": event.at,
        "kind": event.resource.kind,
        "resource_id": event.resource.id,
        "ids": dict(event.ids),
        "by": event.by,
    }


def recorded(row: Mapping[Any, Any]) -> RecordedEvent:
    """The event of a row, whatever version of this program wrote it."""
    event = DomainEvent(
        id=row["id"],
        name=known(EventName, row["name"]),
        at=row["at"],
        resource=Resource(kind=known(Kind, row["kind"]), id=row["resource_id"]),
        ids=row["ids"],
        by=known_or_none(Party, row["by"]),
    )
    return RecordedEvent(sequence=row["sequence"], event=event)
