"""The story of each checkout: what was written on its row, by whom, and which calls went upstream for it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.oversight import Event, EventKind
from integrations.database.engine import reading
from integrations.database.tables import checkout_events, upstream_calls

# Built once: they are written with every move and every call.
_ADD_EVENT = insert(checkout_events)
_ADD_CALL = insert(upstream_calls)


@dataclass(frozen=True, kw_only=True)
class UpstreamCall:
    """One attempt at an upstream call, as it ended. Never its variables."""

    checkout_id: str
    at: datetime  # UTC, of the answer
    operation: str
    kind: str  # query | mutation
    acting: str  # a clinician's id, or "organization"
    attempt: int
    duration_ms: int
    status: int | None  # HTTP; None: no answer came
    error: str | None  # a code of ours; None: a usable answer
    request_id: str | None  # upstream's


class SqlStory:
    """The events of checkouts inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, event: Event) -> None:
        """Write an entry."""
        await self._connection.execute(_ADD_EVENT, asdict(event))


class SqlCalls:
    """The upstream calls of checkouts; each is written by itself, when it has ended."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, call: UpstreamCall) -> None:
        """Write it."""
        async with self._engine.begin() as connection:
            await connection.execute(_ADD_CALL, asdict(call))


async def story_of(engine: AsyncEngine, checkout_id: str) -> Sequence[Event | UpstreamCall]:
    """Everything that is told of a checkout, in the order of time."""
    async with reading(engine) as connection:
        events = await connection.execute(
            select(checkout_events)
            .where(checkout_events.c.checkout_id == checkout_id)
            .order_by(checkout_events.c.sequence)
        )
        calls = await connection.execute(
            select(upstream_calls)
            .where(upstream_calls.c.checkout_id == checkout_id)
            .order_by(upstream_calls.c.sequence)
        )
        told: list[Event | UpstreamCall] = [UpstreamCall(**_values(row)) for row in calls.mappings()]
        told += [Event(**_values(row) | {"kind": EventKind(row["kind"])}) for row in events.mappings()]
    # Stable: an answer stands before the write that it led to.
    return sorted(told, key=lambda entry: entry.at)


def _values(row: RowMapping) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "sequence"}
