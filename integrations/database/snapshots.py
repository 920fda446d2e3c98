"""What was last seen of each resource, and when we asked by ourselves."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from booking.resources import (
    AvailabilityState,
    CardState,
    DisputeState,
    FormState,
    Kind,
    PatientState,
    PaymentState,
    Resource,
    Snapshot,
    State,
    VisitState,
)
from integrations.database.columns import upsert
from integrations.database.tables.webhooks import polls, resource_snapshots

log = structlog.get_logger(__name__)

_s = resource_snapshots.c

_STATES: dict[str, TypeAdapter[Any]] = {
    Kind.VISIT: TypeAdapter(VisitState),
    Kind.PAYMENT: TypeAdapter(PaymentState),
    Kind.DISPUTE: TypeAdapter(DisputeState),
    Kind.PATIENT: TypeAdapter(PatientState),
    Kind.FORM: TypeAdapter(FormState),
    Kind.CARD: TypeAdapter(CardState),
    Kind.AVAILABILITY: TypeAdapter(AvailabilityState),
}


class SqlSnapshots:
    """The snapshots inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, resource: Resource) -> Snapshot:
        """The last snapshot; one of version 0 when it was never seen.

        What another version of this program wrote and this one cannot read counts as never seen, with its version and
        whether it was gone: events of what is seen next have ids of their own.
        """
        query = select(resource_snapshots).where(_s.kind == resource.kind, _s.resource_id == resource.id)
        row = (await self._connection.execute(query)).mappings().first()
        if row is None:
            return Snapshot(resource=resource)
        known = Snapshot(resource=resource, version=row["version"], gone=row["gone"])
        try:
            state = _STATES[resource.kind].validate_python(row["state"]) if row["state"] is not None else None
        except ValidationError:
            log.warning("sync.snapshot_unreadable", resource=str(resource))
            return known
        return replace(known, state=state, seen_at=row["seen_at"])

    async def save(self, snapshot: Snapshot) -> None:
        """Put it in the place of the earlier one, with what a newer version remembers besides. Its writer holds the mark's lease."""
        kind, state = snapshot.resource.kind, snapshot.state
        stored = select(_s.state).where(_s.kind == kind, _s.resource_id == snapshot.resource.id)
        before = await self._connection.scalar(stored) or {}
        values = {
            "version": snapshot.version,
            "state": before | _STATES[kind].dump_python(state, mode="json") if state is not None else None,
            "gone": snapshot.gone,
            "seen_at": snapshot.seen_at,
            "starts_at": _starts(snapshot),
        }
        row = upsert(self._connection, resource_snapshots).values(
            kind=kind, resource_id=snapshot.resource.id, **values
        )
        await self._connection.execute(
            row.on_conflict_do_update(index_elements=["kind", "resource_id"], set_=values)
        )

    async def standing_visits(self, first: datetime, last: datetime) -> Sequence[str]:
        """Ids of visits that, when last seen, stood and started between these moments."""
        query = select(_s.resource_id).where(
            _s.kind == Kind.VISIT, _s.starts_at >= first, _s.starts_at < last
        )
        return (await self._connection.scalars(query)).all()


class SqlPolls:
    """The turns of asking, inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(
        self, name: str, *, now: datetime, next_at: datetime, begins: datetime
    ) -> datetime | None:
        """Take the turn that is due; answers up to when was seen before (`begins`, the first time). None: not due."""
        first = upsert(self._connection, polls).values(name=name, next_at=now, seen_until=begins)
        await self._connection.execute(first.on_conflict_do_nothing())
        mine = (
            update(polls)
            .where(polls.c.name == name, polls.c.next_at <= now)
            .values(next_at=next_at)
            .returning(polls.c.seen_until)
        )
        until: datetime | None = await self._connection.scalar(mine)
        return until

    async def seen(self, name: str, until: datetime) -> None:
        """Note up to when has been seen."""
        await self._connection.execute(update(polls).where(polls.c.name == name).values(seen_until=until))


def _starts(snapshot: Snapshot) -> datetime | None:
    """When a visit starts that stands."""
    state: State | None = snapshot.state
    stands = isinstance(state, VisitState) and not snapshot.gone and state.deleted_at is None
    return state.start if stands and isinstance(state, VisitState) else None
