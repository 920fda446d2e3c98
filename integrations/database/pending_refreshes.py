"""Marks: what upstream has said a word about, and is to be looked at until nothing newer has been said."""

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
from integrations.database.columns import UtcTime
from integrations.database.leases import GIVEN_BACK, is_due
from integrations.database.tables.webhooks import pending_refreshes

_m = pending_refreshes.c

# Built once: every worker executes it every second.
_NOW = bindparam("now", type_=UtcTime)
_DUE = (
    select(_m.kind, _m.resource_id)
    .where(is_due(pending_refreshes, _NOW), _m.kind.in_(sorted(Kind)))
    .order_by(_m.due_at, _m.kind, _m.resource_id)
    .limit(bindparam("most", type_=Integer))
)


@cache
def _marking(dialect: str) -> sqlite.Insert | postgresql.Insert:
    """The statement that marks, once or once more: built once, since it is executed with every delivery."""
    row = sqlite.insert(pending_refreshes) if dialect == "sqlite" else postgresql.insert(pending_refreshes)
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
    """The marks inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def mark(self, hint: ChangeHint, *, now: datetime) -> None:
        """Mark it; what is marked already is marked once more, what was given up is taken up again."""
        fresh = {
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
        await self._connection.execute(_marking(self._connection.dialect.name), fresh)

    async def due(self, now: datetime, *, limit: int) -> Sequence[Resource]:
        """What is to be looked at and nobody looks at, longest due first. Of kinds that this version knows: the rest is for a newer one."""
        found = await self._connection.execute(_DUE, {"now": now, "most": limit})
        return [Resource(kind=Kind(kind), id=one) for kind, one in found]

    async def lease(
        self, resource: Resource, owner: str, *, now: datetime, until: datetime
    ) -> PendingRefresh | None:
        """Claim it; None when somebody else has, or nothing is to be done."""
        claim = (
            update(pending_refreshes)
            .where(*_is(resource), is_due(pending_refreshes, now))
            .values(lease_owner=owner, lease_until=until)
            .returning(pending_refreshes)
        )
        row = (await self._connection.execute(claim)).mappings().first()
        return _mark(row) if row is not None else None

    async def done(self, mark: PendingRefresh, *, now: datetime) -> bool:
        """Take the mark away, or leave it due when it was marked again since. False: the lease is somebody else's by now."""
        mine = (*_is(mark.resource), _m.lease_owner == mark.lease_owner)
        if (
            await self._connection.execute(delete(pending_refreshes).where(*mine, _m.marks == mark.marks))
        ).rowcount:
            return True
        again = _afresh(now)
        return bool(
            (await self._connection.execute(update(pending_refreshes).where(*mine).values(again))).rowcount
        )

    async def failed(
        self, mark: PendingRefresh, *, due_at: datetime | None, now: datetime, error: str
    ) -> bool:
        """Note a look that failed, and when the next is due. False as `done`.

        None: give it to a person; where it was marked again since, it is due afresh all the same.
        """
        values: dict[str, Any] = {
            **GIVEN_BACK,
            "tries": mark.tries + 1,
            "failing_since": mark.failing_since or now,
            "error": error,
            "due_at": due_at,
            "dead_at": now if due_at is None else None,
        }
        mine = (*_is(mark.resource), _m.lease_owner == mark.lease_owner)
        # The mark that came meanwhile is as good as one that comes to what was given up.
        known = (_m.marks == mark.marks,) if due_at is None else ()
        failing = update(pending_refreshes).where(*mine, *known).values(values)
        if (await self._connection.execute(failing)).rowcount:
            return True
        again = update(pending_refreshes).where(*mine).values(_afresh(now))
        return bool((await self._connection.execute(again)).rowcount)

    async def listed(self, *, dead: bool, limit: int) -> Sequence[PendingRefresh]:
        """Marks for an operator's eyes, the latest first: all, or those that were given up."""
        query = select(pending_refreshes).order_by(_m.marked_at.desc(), _m.resource_id).limit(limit)
        if dead:
            query = query.where(_m.dead_at.is_not(None))
        return [_mark(row) for row in (await self._connection.execute(query)).mappings()]

    async def of(self, resource: Resource) -> PendingRefresh | None:
        """The resource's mark, if there is one."""
        query = select(pending_refreshes).where(*_is(resource))
        row = (await self._connection.execute(query)).mappings().first()
        return _mark(row) if row is not None else None


def _afresh(now: datetime) -> dict[str, Any]:
    """What to write where another look is due, whatever became of the earlier ones."""
    return {
        **GIVEN_BACK,
        "due_at": now,
        "tries": 0,
        "failing_since": None,
        "error": None,
    }


def _is(resource: Resource) -> tuple[ColumnElement[bool], ...]:
    return _m.kind == resource.kind, _m.resource_id == resource.id


def _mark(row: RowMapping) -> PendingRefresh:
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
