"""Pending refreshes: one row for each resource that may have changed upstream, until a refresh follows the latest mark."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    RowMapping,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from booking.resources import ChangeHint, Kind, Resource
from booking.stored_names import known
from booking.sync.inbox import PendingRefresh
from integrations.database.columns import UtcTime, upsert_in
from integrations.database.leases import GIVEN_BACK, is_due
from integrations.database.tables.webhooks import pending_refreshes

_m = pending_refreshes.c

# Built once, since every worker executes it every second. A kind that this version does not know is left to a newer one.
_NOW = bindparam("now", type_=UtcTime)
_DUE = (
    select(_m.kind, _m.resource_id)
    .where(is_due(pending_refreshes, _NOW), _m.kind.in_(sorted(Kind)))
    .order_by(_m.due_at, _m.kind, _m.resource_id)
    .limit(bindparam("most", type_=Integer))
)


@cache
def _mark_statement(dialect: str) -> sqlite.Insert | postgresql.Insert:
    """The upsert that adds a row or counts it up. Built once for each dialect, since every webhook executes it."""
    row = upsert_in(dialect, pending_refreshes)
    was_dead = _m.dead_at.is_not(None)
    return row.on_conflict_do_update(
        index_elements=["kind", "resource_id"],
        set_={
            "marks": _m.marks + 1,
            "marked_at": row.excluded.marked_at,
            "merged": or_(_m.merged, row.excluded.merged),
            "about": func.coalesce(row.excluded.about, _m.about),
            "due_at": row.excluded.due_at,
            "tries": case((was_dead, 0), else_=_m.tries),
            "failing_since": case((was_dead, None), else_=_m.failing_since),
            "dead_at": None,
        },
    )


class SqlPendingRefreshes:
    """PendingRefreshes inside one transaction, with queries for operators."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def mark(self, hint: ChangeHint, *, now: datetime) -> None:
        """Mark the resource for a refresh due now: adds or counts up its row, and revives a dead letter."""
        row = {
            "kind": hint.resource.kind,
            "resource_id": hint.resource.id,
            "merged": hint.merged,
            "about": hint.about,
            "marks": 1,
            "first_marked_at": now,
            "marked_at": now,
            "tries": 0,
            "due_at": now,
        }
        await self._connection.execute(_mark_statement(self._connection.dialect.name), row)

    async def due(self, now: datetime, *, limit: int) -> Sequence[Resource]:
        """Resources due at `now` that are not leased, longest due first; only of kinds that this version knows."""
        found = await self._connection.execute(_DUE, {"now": now, "most": limit})
        return [Resource(kind=Kind(kind), id=one) for kind, one in found]

    async def lease(
        self, resource: Resource, owner: str, *, now: datetime, until: datetime
    ) -> PendingRefresh | None:
        """Lease the refresh; None when it is leased already or not due."""
        claim = (
            update(pending_refreshes)
            .where(*_is(resource), is_due(pending_refreshes, now))
            .values(lease_owner=owner, lease_until=until)
            .returning(pending_refreshes)
        )
        row = (await self._connection.execute(claim)).mappings().first()
        return _pending(row) if row is not None else None

    async def done(self, pending: PendingRefresh, *, now: datetime) -> bool:
        """Complete the refresh: delete the row, or keep it due now if it was marked again since the lease.

        Returns False when the lease was lost and nothing was written (fencing by lease owner).
        """
        mine = (*_is(pending.resource), _m.lease_owner == pending.lease_owner)
        if (
            await self._connection.execute(delete(pending_refreshes).where(*mine, _m.marks == pending.marks))
        ).rowcount:
            return True
        again = update(pending_refreshes).where(*mine).values(_reset(now))
        return bool((await self._connection.execute(again)).rowcount)

    async def failed(
        self, pending: PendingRefresh, *, due_at: datetime | None, now: datetime, error: str
    ) -> bool:
        """Record a failed refresh and when the next is due. Returns False as `done`.

        `due_at` None: it becomes a dead letter, unless it was marked again since the lease; then it starts afresh, due now.
        """
        values: dict[str, Any] = {
            **GIVEN_BACK,
            "tries": pending.tries + 1,
            "failing_since": pending.failing_since or now,
            "error": error,
            "due_at": due_at,
            "dead_at": now if due_at is None else None,
        }
        mine = (*_is(pending.resource), _m.lease_owner == pending.lease_owner)
        # A mark that arrived during the last attempt revives the row, as one does that arrives after it.
        unmarked = (_m.marks == pending.marks,) if due_at is None else ()
        failing = update(pending_refreshes).where(*mine, *unmarked).values(values)
        if (await self._connection.execute(failing)).rowcount:
            return True
        again = update(pending_refreshes).where(*mine).values(_reset(now))
        return bool((await self._connection.execute(again)).rowcount)

    async def listed(self, *, dead: bool, limit: int) -> Sequence[PendingRefresh]:
        """Pending refreshes for operators, the latest marked first: all, or only dead letters."""
        query = select(pending_refreshes).order_by(_m.marked_at.desc(), _m.resource_id).limit(limit)
        if dead:
            query = query.where(_m.dead_at.is_not(None))
        return [_pending(row) for row in (await self._connection.execute(query)).mappings()]

    async def of(self, resource: Resource) -> PendingRefresh | None:
        """The pending refresh of the resource, if there is one."""
        query = select(pending_refreshes).where(*_is(resource))
        row = (await self._connection.execute(query)).mappings().first()
        return _pending(row) if row is not None else None


def _reset(now: datetime) -> dict[str, Any]:
    """The columns of a refresh that starts over, due now."""
    return {
        **GIVEN_BACK,
        "due_at": now,
        "tries": 0,
        "failing_since": None,
        "error": None,
    }


def _is(resource: Resource) -> tuple[ColumnElement[bool], ...]:
    return _m.kind == resource.kind, _m.resource_id == resource.id


def _pending(row: RowMapping) -> PendingRefresh:
    resource = Resource(kind=known(Kind, row["kind"]), id=row["resource_id"])
    return PendingRefresh(
        hint=ChangeHint(resource=resource, merged=row["merged"], about=row["about"]),
        **{
            name: row[name]
            for name in (
                "marks",
                "first_marked_at",
                "marked_at",
                "tries",
                "failing_since",
                "due_at",
                "dead_at",
                "error",
                "lease_owner",
            )
        },
    )
