"""Endpoints: the subscribers that have a URL, with their signing secrets sealed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from booking.events.deliveries import FROM_SETTINGS, UNDECLARED, Endpoint, Secret
from booking.events.model import EventName
from booking.stored_names import known
from integrations.database.columns import upsert
from integrations.database.deliveries import LAST
from integrations.database.sealing import SealBroken, Sealer
from integrations.database.tables.events import subscribers

_s = subscribers.c

_ENABLED: dict[str, None] = {"disabled_at": None, "disabled_because": None, "failing_since": None}


class SqlEndpoints:
    """Endpoints inside one transaction."""

    def __init__(self, connection: AsyncConnection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    async def add(self, endpoint: Endpoint) -> None:
        """Store a new endpoint; it receives events that are written from now on."""
        row = self._definition(endpoint) | {"place": LAST, "created_at": endpoint.created_at}
        await self._connection.execute(insert(subscribers).values(row))

    async def declare(self, endpoints: Sequence[Endpoint], *, now: datetime) -> Sequence[str]:
        """Synchronize the endpoints from the settings with `endpoints`: create, update, and disable what is no longer declared.

        An endpoint that was disabled as undeclared is enabled when it is declared again; returns the ids of these. One that
        was disabled for another reason stays disabled.
        """
        ours = _s.id.startswith(FROM_SETTINGS, autoescape=True)
        # Processes that start together lock the rows in the same order, which excludes deadlocks.
        await self._connection.execute(select(_s.id).where(ours).order_by(_s.id).with_for_update())
        for endpoint in sorted(endpoints, key=lambda one: one.id):
            definition = self._definition(endpoint)
            row = upsert(self._connection, subscribers).values(
                definition | {"place": LAST, "created_at": endpoint.created_at}
            )
            await self._connection.execute(row.on_conflict_do_update(index_elements=["id"], set_=definition))
        declared = _s.id.in_([endpoint.id for endpoint in endpoints])
        gone = update(subscribers).where(
            ours, ~declared, or_(_s.disabled_because.is_(None), _s.disabled_because != UNDECLARED)
        )
        back = update(subscribers).where(declared, _s.disabled_because == UNDECLARED)
        await self._connection.execute(gone.values(disabled_at=now, disabled_because=UNDECLARED))
        return (await self._connection.scalars(back.values(_ENABLED).returning(_s.id))).all()

    async def get(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint; None when the id is unknown or a handler's."""
        query = select(subscribers).where(_s.id == endpoint_id, _s.url.is_not(None))
        row = (await self._connection.execute(query)).mappings().first()
        return self._endpoint(row) if row is not None else None

    async def listed(self) -> Sequence[Endpoint]:
        """All endpoints, oldest first."""
        query = select(subscribers).where(_s.url.is_not(None)).order_by(_s.created_at, _s.id)
        return [self._endpoint(row) for row in (await self._connection.execute(query)).mappings()]

    async def rotate(self, endpoint_id: str, secrets: Sequence[Secret]) -> None:
        """Replace the secrets of the endpoint by `secrets`."""
        await self._write(endpoint_id, secrets=self._sealed(endpoint_id, secrets))

    async def disable(self, endpoint_id: str, *, because: str, now: datetime) -> bool:
        """Stop deliveries until it is enabled; `because` is a code. Returns whether there is such an endpoint."""
        return await self._write(endpoint_id, disabled_at=now, disabled_because=because)

    async def enable(self, endpoint_id: str) -> None:
        """Resume deliveries."""
        await self._write(endpoint_id, **_ENABLED)

    async def _write(self, endpoint_id: str, **values: object) -> bool:
        """Update the row, unless it is a handler's. Returns whether there was one."""
        row = update(subscribers).where(_s.id == endpoint_id, _s.url.is_not(None))
        return bool((await self._connection.execute(row.values(values))).rowcount)

    def _definition(self, endpoint: Endpoint) -> dict[str, Any]:
        """The columns that define the endpoint, without its state."""
        return {
            "id": endpoint.id,
            "url": endpoint.url,
            "events": sorted(endpoint.events) if endpoint.events is not None else None,
            "secrets": self._sealed(endpoint.id, endpoint.secrets),
        }

    def _sealed(self, endpoint_id: str, secrets: Sequence[Secret]) -> dict[str, str]:
        plain = [[one.text, one.until.isoformat() if one.until else None] for one in secrets]
        return self._sealer.seal(plain, place=_place(endpoint_id))

    def _opened(self, row: RowMapping) -> tuple[Secret, ...]:
        """The secrets; empty when they do not open, so that operators can still show, rotate or remove the endpoint."""
        try:
            opened = self._sealer.open(row["secrets"], place=_place(row["id"]))
        except SealBroken:
            return ()
        return tuple(
            Secret(text=text, until=datetime.fromisoformat(until) if until else None)
            for text, until in opened
        )

    def _endpoint(self, row: RowMapping) -> Endpoint:
        """The endpoint of a row. Its events may have names that only a newer version of this program knows."""
        return Endpoint(
            id=row["id"],
            url=row["url"],
            events=frozenset(known(EventName, one) for one in row["events"])
            if row["events"] is not None
            else None,
            secrets=self._opened(row),
            created_at=row["created_at"],
            disabled_at=row["disabled_at"],
            disabled_because=row["disabled_because"],
            failing_since=row["failing_since"],
        )


def _place(endpoint_id: str) -> str:
    return f"subscribers {endpoint_id} secrets"
