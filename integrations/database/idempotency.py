"""Idempotency keys: who runs a mutation, and what came of it. Rows hold ids and HMACs, never payloads."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from integrations.database.columns import upsert
from integrations.database.tables.callers import idempotency_keys

# A client may come back with its key for this long; then the key is as good as new.
RETENTION = timedelta(days=30)

_c = idempotency_keys.c


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where a key counts: the same key in another scope is another key."""

    tenant: str
    principal: str  # Principal.key
    field: str  # of the mutation
    key: str  # only its digest is stored


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """The caller runs the mutation, and then completes, suspends or releases this claim."""

    scope: Scope
    attempt: int  # 1, or more when an earlier claim was left unfinished: what it did may have been done


@dataclass(frozen=True, kw_only=True)
class Replay:
    """It ran before: answer again from what came of it."""

    reference: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """The key was used with other arguments."""


@dataclass(frozen=True, kw_only=True)
class InFlight:
    """Somebody runs it right now."""


Answer = Claimed | Replay | Mismatch | InFlight


class IdempotencyKeys:
    """Claims of keys. All moments are aware, UTC, and the caller's."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        # Every write is one statement, which PostgreSQL commits by itself: a third of a transaction's round trips.
        by_itself = engine.dialect.name == "postgresql"
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT") if by_itself else engine

    async def claim(
        self, scope: Scope, *, fingerprint: str, now: datetime, in_flight_until: datetime
    ) -> Answer:
        """Claim the key, or say why not. A claim whose `in_flight_until` has passed is taken over, by one caller only.

        `fingerprint` is an HMAC of the arguments.
        """
        async with self._engine.begin() as connection:
            insert = upsert(connection, idempotency_keys).values(
                **_identity(scope),
                fingerprint=fingerprint,
                attempt=1,
                in_flight_until=in_flight_until,
                completed=False,
                created_at=now,
            )
            left_behind = and_(
                _c.fingerprint == fingerprint, _c.completed.is_(False), _c.in_flight_until <= now
            )
            take = insert.on_conflict_do_update(
                index_elements=list(idempotency_keys.primary_key),
                set_={"attempt": _c.attempt + 1, "in_flight_until": in_flight_until},
                where=left_behind,
            ).returning(_c.attempt)
            attempt = await connection.scalar(take)
            if attempt is not None:
                return Claimed(scope=scope, attempt=attempt)
            standing = select(_c.fingerprint, _c.completed, _c.reference).where(_is(scope))
            row = (await connection.execute(standing)).first()
        if row is None:  # released, or reaped, in between: the next claim goes through
            return InFlight()
        known, completed, reference = row
        if known != fingerprint:
            return Mismatch()
        return Replay(reference=reference) if completed else InFlight()

    async def renew(self, claim: Claimed, *, in_flight_until: datetime) -> bool:
        """Keep the claim for longer. False when it was taken over meanwhile."""
        return await self._change(claim, in_flight_until=in_flight_until)

    async def complete(self, claim: Claimed, *, reference: Mapping[str, Any]) -> bool:
        """Store what came of it: a small mapping of ids and scalars. False when the claim was taken over meanwhile."""
        return await self._change(claim, completed=True, reference=dict(reference))

    async def suspend(self, claim: Claimed, *, now: datetime) -> bool:
        """Leave an unknown outcome to the next claim with the same arguments."""
        return await self._change(claim, in_flight_until=now)

    async def release(self, claim: Claimed) -> bool:
        """Forget the key, as if it had never come: nothing was done."""
        async with self._engine.begin() as connection:
            return bool((await connection.execute(delete(idempotency_keys).where(_held(claim)))).rowcount)

    async def reap(self, now: datetime) -> int:
        """Delete what is older than 30 days; answers how many."""
        old = delete(idempotency_keys).where(_c.created_at <= now - RETENTION)
        async with self._engine.begin() as connection:
            return (await connection.execute(old)).rowcount

    async def _change(self, claim: Claimed, **values: object) -> bool:
        change = update(idempotency_keys).where(_held(claim)).values(values)
        async with self._engine.begin() as connection:
            return bool((await connection.execute(change)).rowcount)


def _identity(scope: Scope) -> dict[str, str]:
    return {
        "tenant": scope.tenant,
        "principal": scope.principal,
        "field": scope.field,
        "key_digest": hashlib.sha256(scope.key.encode()).hexdigest(),
    }


def _is(scope: Scope) -> ColumnElement[bool]:
    return and_(*(_c[name] == value for name, value in _identity(scope).items()))


def _held(claim: Claimed) -> ColumnElement[bool]:
    """The row, while this claim is its latest and not finished: a slow claim never undoes its successor's work."""
    return and_(_is(claim.scope), _c.attempt == claim.attempt, _c.completed.is_(False))
