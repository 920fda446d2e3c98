"""Letters: one row for each event and subscriber that wants it, and each subscriber's place in the outbox."""

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
    select,
    union,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.events.deliveries import EventDelivery
from integrations.database.columns import upsert
from integrations.database.event_outbox import recorded
from integrations.database.leases import GIVEN_BACK, is_due
from integrations.database.tables.events import event_deliveries, practice_events, subscribers

_s = subscribers.c
_l = event_deliveries.c
_e = practice_events.c

# The place behind the latest event.
LAST = select(func.coalesce(func.max(_e.sequence), 0)).scalar_subquery()


class SqlEventDeliveries:
    """Places and letters inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def register(self, subscriber_id: str, *, now: datetime) -> None:
        """Let a new subscriber be told what comes from now on; whoever is known stays at their place."""
        row = upsert(self._connection, subscribers).values(id=subscriber_id, place=LAST, created_at=now)
        await self._connection.execute(row.on_conflict_do_nothing())

    async def pending(self, now: datetime) -> Sequence[str]:
        """Ids of those for whom something is to be done, whom nobody has disabled."""
        behind = select(_s.id).where(_s.disabled_at.is_(None), _s.place < LAST)
        due = select(_s.id).where(
            _s.disabled_at.is_(None), exists().where(_l.subscriber_id == _s.id, is_due(event_deliveries, now))
        )
        return (await self._connection.scalars(union(behind, due).order_by("id"))).all()

    async def fan_out(self, subscriber_id: str, wants: Collection[str] | None, *, limit: int) -> None:
        """Write letters of the next `limit` events behind their place, and move it on."""
        mine = select(_s.place).where(_s.id == subscriber_id).with_for_update()
        place = await self._connection.scalar(mine)
        if place is None:
            return
        following = select(_e.sequence).where(_e.sequence > place).order_by(_e.sequence).limit(limit)
        reached = await self._connection.scalar(select(func.max(following.subquery().c.sequence)))
        if reached is None:
            return
        wanted = _wanted(subscriber_id, wants).where(_e.sequence > place, _e.sequence <= reached)
        deliveries = upsert(self._connection, event_deliveries).from_select(_NEW, wanted)
        await self._connection.execute(deliveries.on_conflict_do_nothing())
        await self._connection.execute(
            update(subscribers).where(_s.id == subscriber_id).values(place=reached)
        )

    async def due(self, subscriber_id: str, now: datetime, *, limit: int) -> Sequence[EventDelivery]:
        """Letters to be told now that nobody has a lease on, earliest event first."""
        query = (
            _DELIVERIES.where(_l.subscriber_id == subscriber_id, is_due(event_deliveries, now), _enabled())
            .order_by(_l.sequence)
            .limit(limit)
        )
        return [_delivery(row) for row in (await self._connection.execute(query)).mappings()]

    async def lease(
        self, delivery: EventDelivery, owner: str, *, now: datetime, until: datetime
    ) -> EventDelivery | None:
        """Claim it; None when somebody else has, or it is told, or its subscriber has been disabled."""
        claim = (
            update(event_deliveries)
            .where(*_is(delivery), is_due(event_deliveries, now), _enabled())
            .values(lease_owner=owner, lease_until=until)
            .returning(_l.tries, _l.failing_since, _l.lease_owner)
        )
        row = (await self._connection.execute(claim)).mappings().first()
        return replace(delivery, **row) if row is not None else None

    async def mark_delivered(self, delivery: EventDelivery, *, now: datetime) -> bool:
        """Note that it was told; answers whether the subscriber had been failing until now."""
        done = {"told_at": now, "due_at": None, "error": None, **GIVEN_BACK}
        if not await self._write(delivery, done):
            return False
        well = (
            update(subscribers)
            .where(_s.id == delivery.subscriber_id, _s.failing_since.is_not(None))
            .values(failing_since=None)
        )
        return bool((await self._connection.execute(well)).rowcount)

    async def mark_failed(
        self, delivery: EventDelivery, *, due_at: datetime | None, now: datetime, why: str
    ) -> datetime | None:
        """Note that it was not told, and when it is to be told again (None: never); answers since when the subscriber is failing.

        None: the lease is somebody else's by now, and nothing was written.
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
        unwell = (
            update(subscribers)
            .where(_s.id == delivery.subscriber_id)
            .values(failing_since=func.coalesce(_s.failing_since, literal(now, _s.failing_since.type)))
            .returning(_s.failing_since)
        )
        since: datetime | None = await self._connection.scalar(unwell)
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
        """Make events of this time (`since` included, `until` not) due once more, told or not; answers how many."""
        wanted = _wanted(subscriber_id, wants).where(_e.at >= since, _e.at < until)
        deliveries = upsert(self._connection, event_deliveries).from_select(_NEW, wanted)
        anew = deliveries.on_conflict_do_update(
            index_elements=["subscriber_id", "sequence"], set_=_afresh(now) | {"told_at": None}
        )
        return (await self._connection.execute(anew)).rowcount

    async def retry_all(self, subscriber_id: str, *, now: datetime) -> int:
        """Make all that was not told due now, what was given up included; answers how many letters."""
        untold = update(event_deliveries).where(_l.subscriber_id == subscriber_id, _l.told_at.is_(None))
        return (await self._connection.execute(untold.values(_afresh(now)))).rowcount

    async def remove(self, subscriber_id: str) -> bool:
        """Forget the subscriber, and everything that it was to be told; answers whether there was one."""
        await self._connection.execute(delete(event_deliveries).where(_l.subscriber_id == subscriber_id))
        gone = delete(subscribers).where(_s.id == subscriber_id)
        return bool((await self._connection.execute(gone)).rowcount)

    async def standings(self) -> Sequence[RowMapping]:
        """How far every subscriber has come: id, failing_since, and how many events are `unread`, `waiting` and `dead`."""
        unread = select(func.count()).where(_e.sequence > _s.place).select_from(practice_events)
        mine = select(func.count()).select_from(event_deliveries).where(_l.subscriber_id == _s.id)
        query = select(
            _s.id,
            _s.failing_since,
            unread.scalar_subquery().label("unread"),
            mine.where(_l.due_at.is_not(None)).scalar_subquery().label("waiting"),
            mine.where(_l.dead_at.is_not(None)).scalar_subquery().label("dead"),
        ).order_by(_s.id)
        return (await self._connection.execute(query)).mappings().all()

    async def latest(self, subscriber_id: str, *, limit: int) -> Sequence[RowMapping]:
        """The subscriber's latest letters for an operator's eyes, the latest event first."""
        query = (
            select(_e.at, _e.name, _e.id, _l.tries, _l.error, _l.told_at, _l.dead_at, _l.due_at)
            .join(practice_events, _e.sequence == _l.sequence)
            .where(_l.subscriber_id == subscriber_id)
            .order_by(_l.sequence.desc())
            .limit(limit)
        )
        return (await self._connection.execute(query)).mappings().all()

    async def _write(self, delivery: EventDelivery, values: dict[str, Any]) -> bool:
        """Write the row, if the lease is still the letter's; answers that."""
        mine = update(event_deliveries).where(*_is(delivery), _l.lease_owner == delivery.lease_owner)
        return bool((await self._connection.execute(mine.values(values))).rowcount)


async def reap_deliveries(engine: AsyncEngine) -> int:
    """Forget letters of events that are forgotten; answers how many rows."""
    first = select(func.min(_e.sequence)).scalar_subquery()
    async with engine.begin() as connection:
        return (await connection.execute(delete(event_deliveries).where(_l.sequence < first))).rowcount


_NEW = ("subscriber_id", "sequence", "tries", "due_at")

_DELIVERIES: Select[Any] = select(
    _l.subscriber_id, _l.tries, _l.failing_since, _l.lease_owner, practice_events
).join(practice_events, _e.sequence == _l.sequence)


def _wanted(subscriber_id: str, wants: Collection[str] | None) -> Select[Any]:
    """New letters of the events that the subscriber wants, due as soon as they happened."""
    query = select(literal(subscriber_id), _e.sequence, literal(0), _e.at)
    return query if wants is None else query.where(_e.name.in_(sorted(wants)))


def _afresh(now: datetime) -> dict[str, Any]:
    return {"due_at": now, "tries": 0, "failing_since": None, "error": None, "dead_at": None}


def _is(delivery: EventDelivery) -> tuple[ColumnElement[bool], ...]:
    return _l.subscriber_id == delivery.subscriber_id, _l.sequence == delivery.sequence


def _enabled() -> ColumnElement[bool]:
    return exists().where(_s.id == _l.subscriber_id, _s.disabled_at.is_(None))


def _delivery(row: RowMapping) -> EventDelivery:
    delivered = recorded(row)
    return EventDelivery(
        subscriber_id=row["subscriber_id"],
        sequence=delivered.sequence,
        event=delivered.event,
        tries=row["tries"],
        failing_since=row["failing_since"],
        lease_owner=row["lease_owner"],
    )
