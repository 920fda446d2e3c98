"""Transactional outbox of domain events: written with the state they derive from, read in the order of commits."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.events.model import DomainEvent, EventName, RecordedEvent
from booking.resources import Kind, Party, Resource
from booking.stored_names import known, known_or_none
from integrations.database.columns import insert_or_ignore
from integrations.database.engine import reading
from integrations.database.reaping import reap
from integrations.database.tables.events import practice_events

_e = practice_events.c

# Retention: deliveries are retried for days, and operators may replay a time range; a month covers both.
KEPT = timedelta(days=30)


# On PostgreSQL: writers of events take turns by it, each until it has committed.
LOCK = func.pg_advisory_xact_lock(func.hashtextextended("practice_events", 0))
_SERIALIZE_WRITERS = select(LOCK)


class SqlEventOutbox:
    """EventOutbox inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.written: list[DomainEvent] = []  # in this transaction so far

    async def add(self, events: Sequence[DomainEvent]) -> None:
        """Append the events; they are dispatched once the transaction has committed. Idempotent by event id.

        On PostgreSQL an advisory lock serializes writers from here to their commit; otherwise an event with a lower sequence
        could become visible after a reader's cursor has passed it. SQLite has a single writer anyway.
        """
        if not events:
            return
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(_SERIALIZE_WRITERS)
        await self._connection.execute(
            insert_or_ignore(self._connection, practice_events), [row_of(event) for event in events]
        )
        self.written += events


class SqlEventLog:
    """EventLog, with queries for operators and the retention."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine

    async def after(self, sequence: int, *, limit: int) -> Sequence[RecordedEvent]:
        """At most `limit` events after `sequence`, in order."""
        query = select(practice_events).where(_e.sequence > sequence).order_by(_e.sequence).limit(limit)
        async with reading(self._engine) as connection:
            return [recorded(row) for row in (await connection.execute(query)).mappings()]

    async def last(self) -> int:
        """The sequence of the latest event; 0 when there is none."""
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
        """Delete events older than KEPT; returns how many.

        The latest event stays: an empty table would make SQLite reuse sequences that cursors have passed already.
        """
        latest = select(func.max(_e.sequence)).scalar_subquery()
        return await reap(self._engine, and_(_e.at < now - KEPT, _e.sequence < latest), oldest_first=_e.at)


def row_of(event: DomainEvent) -> dict[str, Any]:
    """The columns of an event."""
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
    """The event of a row. Accepts names and kinds that only a newer version of this program knows."""
    event = DomainEvent(
        id=row["id"],
        name=known(EventName, row["name"]),
        at=row["at"],
        resource=Resource(kind=known(Kind, row["kind"]), id=row["resource_id"]),
        ids=row["ids"],
        by=known_or_none(Party, row["by"]),
    )
    return RecordedEvent(sequence=row["sequence"], event=event)
