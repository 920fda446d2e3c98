"""Snapshots: the last state seen of each resource; and the schedules of polls."""

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
    ResourceState,
    Snapshot,
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
    """Snapshots inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, resource: Resource) -> Snapshot:
        """The last snapshot; one with version 0 when the resource was never fetched.

        A state written by another version of this program that this one cannot read counts as never fetched. Version and `gone`
        are kept, so that the next events get new ids.
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
        """Replace the earlier snapshot, but keep fields that only a newer version knows.

        The caller holds the refresh's lease.
        """
        kind, state = snapshot.resource.kind, snapshot.state
        stored = select(_s.state).where(_s.kind == kind, _s.resource_id == snapshot.resource.id)
        before = await self._connection.scalar(stored) or {}
        values = {
            "version": snapshot.version,
            "state": before | _STATES[kind].dump_python(state, mode="json") if state is not None else None,
            "gone": snapshot.gone,
            "seen_at": snapshot.seen_at,
            "starts_at": _visit_start(snapshot),
        }
        row = upsert(self._connection, resource_snapshots).values(
            kind=kind, resource_id=snapshot.resource.id, **values
        )
        await self._connection.execute(
            row.on_conflict_do_update(index_elements=["kind", "resource_id"], set_=values)
        )

    async def standing_visits(self, first: datetime, last: datetime) -> Sequence[str]:
        """Ids of visits that, by their last snapshot, are not deleted and start in [first, last)."""
        query = select(_s.resource_id).where(
            _s.kind == Kind.VISIT, _s.starts_at >= first, _s.starts_at < last
        )
        return (await self._connection.scalars(query)).all()


class SqlPolls:
    """Polls inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(
        self, name: str, *, now: datetime, next_at: datetime, begins: datetime
    ) -> datetime | None:
        """Claim the round if it is due, and set the next to `next_at`.

        Returns the poll's cursor (`begins` at first); None: not due.
        """
        first = upsert(self._connection, polls).values(name=name, next_at=now, seen_until=begins)
        await self._connection.execute(first.on_conflict_do_nothing())
        due = (
            update(polls)
            .where(polls.c.name == name, polls.c.next_at <= now)
            .values(next_at=next_at)
            .returning(polls.c.seen_until)
        )
        until: datetime | None = await self._connection.scalar(due)
        return until

    async def seen(self, name: str, until: datetime) -> None:
        """Advance the cursor: all changes until `until` have been seen."""
        await self._connection.execute(update(polls).where(polls.c.name == name).values(seen_until=until))


def _visit_start(snapshot: Snapshot) -> datetime | None:
    """The start of a visit that is not deleted; None for everything else."""
    state: ResourceState | None = snapshot.state
    stands = isinstance(state, VisitState) and not snapshot.gone and state.deleted_at is None
    return state.start if stands and isinstance(state, VisitState) else None
