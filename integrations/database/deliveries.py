"""Event deliveries: one row for each event and subscriber that wants it, and each subscriber's cursor in the outbox."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    union,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.events.deliveries import EventDelivery
from integrations.database.columns import upsert
from integrations.database.event_outbox import recorded
from integrations.database.leases import GIVEN_BACK, is_due
from integrations.database.reaping import reap
from integrations.database.tables.events import event_deliveries, practice_events, subscribers

_s = subscribers.c
_d = event_deliveries.c
_e = practice_events.c

# The cursor after the latest event.
LAST = select(func.coalesce(func.max(_e.sequence), 0)).scalar_subquery()


class SqlEventDeliveries:
    """EventDeliveries inside one transaction, with queries for operators."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def register(self, subscriber_id: str, *, now: datetime) -> None:
        """Add a subscriber with its cursor after the latest event. Idempotent: a known subscriber keeps its cursor."""
        row = upsert(self._connection, subscribers).values(id=subscriber_id, place=LAST, created_at=now)
        await self._connection.execute(row.on_conflict_do_nothing())

    async def pending(self, now: datetime) -> Sequence[str]:
        """Ids of enabled subscribers with events to fan out or deliveries due."""
        behind = select(_s.id).where(_s.disabled_at.is_(None), _s.place < LAST)
        due = select(_s.id).where(
            _s.disabled_at.is_(None), exists().where(_d.subscriber_id == _s.id, is_due(event_deliveries, now))
        )
        return (await self._connection.scalars(union(behind, due).order_by("id"))).all()

    async def fan_out(self, subscriber_id: str, wants: Collection[str] | None, *, limit: int) -> None:
        """Create deliveries for the next `limit` events that match `wants` (None: all), and advance the cursor."""
        # Locked, so that of concurrent workers one fans out to a subscriber.
        stored = select(_s.place).where(_s.id == subscriber_id).with_for_update()
        cursor = await self._connection.scalar(stored)
        if cursor is None:
            return
        following = select(_e.sequence).where(_e.sequence > cursor).order_by(_e.sequence).limit(limit)
        reached = await self._connection.scalar(select(func.max(following.subquery().c.sequence)))
        if reached is None:
            return
        wanted = _wanted(subscriber_id, wants).where(_e.sequence > cursor, _e.sequence <= reached)
        deliveries = upsert(self._connection, event_deliveries).from_select(_COLUMNS, wanted)
        await self._connection.execute(deliveries.on_conflict_do_nothing())
        await self._connection.execute(
            update(subscribers).where(_s.id == subscriber_id).values(place=reached)
        )

    async def due(self, subscriber_id: str, now: datetime, *, limit: int) -> Sequence[EventDelivery]:
        """Deliveries due at `now` that are not leased, in the order of the outbox."""
        # Chosen before they are joined with their events: else a month of events may be read for some.
        chosen = (
            select(_d.sequence)
            .where(_d.subscriber_id == subscriber_id, is_due(event_deliveries, now), _enabled())
            .order_by(_d.sequence)
            .limit(limit)
        )
        query = _DELIVERIES.where(_d.subscriber_id == subscriber_id, _d.sequence.in_(chosen)).order_by(
            _d.sequence
        )
        return [_delivery(row) for row in (await self._connection.execute(query)).mappings()]

    async def lease(
        self, delivery: EventDelivery, owner: str, *, now: datetime, until: datetime
    ) -> EventDelivery | None:
        """Lease the delivery; None when it is leased already, not due any more, or its subscriber is disabled."""
        claim = (
            update(event_deliveries)
            .where(*_is(delivery), is_due(event_deliveries, now), _enabled())
            .values(lease_owner=owner, lease_until=until)
            .returning(_d.tries, _d.failing_since, _d.lease_owner)
        )
        row = (await self._connection.execute(claim)).mappings().first()
        return replace(delivery, **row) if row is not None else None

    async def mark_delivered(self, delivery: EventDelivery, *, now: datetime) -> bool:
        """Record that the event was accepted; True if this ended a period of failures.

        Does nothing if the lease was lost.
        """
        done = {"told_at": now, "due_at": None, "error": None, **GIVEN_BACK}
        if not await self._write(delivery, done):
            return False
        recovered = (
            update(subscribers)
            .where(_s.id == delivery.subscriber_id, _s.failing_since.is_not(None))
            .values(failing_since=None)
        )
        return bool((await self._connection.execute(recovered)).rowcount)

    async def mark_failed(
        self, delivery: EventDelivery, *, due_at: datetime | None, now: datetime, why: str
    ) -> datetime | None:
        """Record a failed attempt and when the next is due (`due_at` None: never, it is a dead letter).

        Returns since when the subscriber has been failing; None when the lease was lost and nothing was written.
        """
        values = {
            "tries": delivery.tries + 1,
            "failing_since": delivery.failing_since or now,
            "error": why,
            "due_at": due_at,
            "dead_at": now if due_at is None else None,
            **GIVEN_BACK,
        }
        if not await self._write(delivery, values):
            return None
        failing = (
            update(subscribers)
            .where(_s.id == delivery.subscriber_id)
            .values(failing_since=func.coalesce(_s.failing_since, literal(now, _s.failing_since.type)))
            .returning(_s.failing_since)
        )
        since: datetime | None = await self._connection.scalar(failing)
        return since

    async def redeliver(
        self,
        subscriber_id: str,
        wants: Collection[str] | None,
        *,
        since: datetime,
        until: datetime,
        now: datetime,
    ) -> int:
        """Make the events dated in [since, until) due again, whether or not they were delivered. Returns how many."""
        wanted = _wanted(subscriber_id, wants).where(_e.at >= since, _e.at < until)
        deliveries = upsert(self._connection, event_deliveries).from_select(_COLUMNS, wanted)
        anew = deliveries.on_conflict_do_update(
            index_elements=["subscriber_id", "sequence"], set_=_reset(now) | {"told_at": None}
        )
        return (await self._connection.execute(anew)).rowcount

    async def retry_all(self, subscriber_id: str, *, now: datetime) -> int:
        """Make every undelivered event due now, dead letters included. Returns how many."""
        # It waits, or is a dead letter: each has an index, and those that were delivered have none.
        undelivered = update(event_deliveries).where(
            _d.subscriber_id == subscriber_id,
            or_(_d.due_at.is_not(None), _d.dead_at.is_not(None)),
            _d.told_at.is_(None),
        )
        return (await self._connection.execute(undelivered.values(_reset(now)))).rowcount

    async def remove(self, subscriber_id: str) -> bool:
        """Delete the subscriber with all its deliveries. Returns whether it existed."""
        await self._connection.execute(delete(event_deliveries).where(_d.subscriber_id == subscriber_id))
        gone = delete(subscribers).where(_s.id == subscriber_id)
        return bool((await self._connection.execute(gone)).rowcount)

    async def standings(self) -> Sequence[RowMapping]:
        """The progress of every subscriber: id, failing_since, and three counts.

        `unread`: events after the cursor; `waiting`: deliveries that are due now or later; `dead`: dead letters.
        """
        unread = select(func.count()).where(_e.sequence > _s.place).select_from(practice_events)
        mine = select(func.count()).select_from(event_deliveries).where(_d.subscriber_id == _s.id)
        query = select(
            _s.id,
            _s.failing_since,
            unread.scalar_subquery().label("unread"),
            mine.where(_d.due_at.is_not(None)).scalar_subquery().label("waiting"),
            mine.where(_d.dead_at.is_not(None)).scalar_subquery().label("dead"),
        ).order_by(_s.id)
        return (await self._connection.execute(query)).mappings().all()

    async def latest(self, subscriber_id: str, *, limit: int) -> Sequence[RowMapping]:
        """The subscriber's latest deliveries, for operators, the latest event first."""
        query = (
            select(_e.at, _e.name, _e.id, _d.tries, _d.error, _d.told_at, _d.dead_at, _d.due_at)
            .join(practice_events, _e.sequence == _d.sequence)
            .where(_d.subscriber_id == subscriber_id)
            .order_by(_d.sequence.desc())
            .limit(limit)
        )
        return (await self._connection.execute(query)).mappings().all()

    async def _write(self, delivery: EventDelivery, values: dict[str, Any]) -> bool:
        """Update the row only if the delivery still holds its lease (fencing). Returns whether it did."""
        mine = update(event_deliveries).where(*_is(delivery), _d.lease_owner == delivery.lease_owner)
        return bool((await self._connection.execute(mine.values(values))).rowcount)


async def reap_deliveries(engine: AsyncEngine) -> int:
    """Delete deliveries of events that the retention has deleted; returns how many."""
    first = select(func.min(_e.sequence)).scalar_subquery()
    return await reap(engine, _d.sequence < first, oldest_first=_d.sequence)


_COLUMNS = ("subscriber_id", "sequence", "tries", "due_at")

_DELIVERIES: Select[Any] = select(
    _d.subscriber_id, _d.tries, _d.failing_since, _d.lease_owner, practice_events
).join(practice_events, _e.sequence == _d.sequence)


def _wanted(subscriber_id: str, wants: Collection[str] | None) -> Select[Any]:
    """Rows of new deliveries, for the events that the subscriber wants; each is due at the time of its event."""
    query = select(literal(subscriber_id), _e.sequence, literal(0), _e.at)
    return query if wants is None else query.where(_e.name.in_(sorted(wants)))


def _reset(now: datetime) -> dict[str, Any]:
    """The columns of a delivery that starts over, due now; an attempt under way loses its lease, and records nothing."""
    return {"due_at": now, "tries": 0, "failing_since": None, "error": None, "dead_at": None, **GIVEN_BACK}


def _is(delivery: EventDelivery) -> tuple[ColumnElement[bool], ...]:
    return _d.subscriber_id == delivery.subscriber_id, _d.sequence == delivery.sequence


def _enabled() -> ColumnElement[bool]:
    return exists().where(_s.id == _d.subscriber_id, _s.disabled_at.is_(None))


def _delivery(row: RowMapping) -> EventDelivery:
    entry = recorded(row)
    return EventDelivery(
        subscriber_id=row["subscriber_id"],
        sequence=entry.sequence,
        event=entry.event,
        tries=row["tries"],
        failing_since=row["failing_since"],
        lease_owner=row["lease_owner"],
    )
