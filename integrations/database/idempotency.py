"""Idempotency keys: which request runs a mutation, and its outcome for replays. Rows hold ids and HMACs, never payloads.

Each attempt has a number that fences it: a claim that was taken over can no longer change the row.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Integer, String, and_, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate

from integrations.database.columns import upsert_in
from integrations.database.direct import driver_reads, driver_writes
from integrations.database.engine import committing_itself, reading
from integrations.database.reaping import reap
from integrations.database.tables.callers import idempotency_keys

# How long a client may retry with its key; afterwards the key counts as new.
RETENTION = timedelta(days=30)

_c = idempotency_keys.c

# Statements are built once: two are executed with every mutation, and building one takes longer than executing it.
_KEY = ("tenant", "principal", "field", "key_digest")
_IS = and_(*(_c[name] == bindparam(f"of_{name}", type_=String) for name in _KEY))
_STANDING = driver_reads(select(_c.fingerprint, _c.completed, _c.reference).where(_IS))

# Matches the row only while this claim is its latest and not completed (fencing): a slow claim never undoes its successor's.
_HELD = and_(_IS, _c.attempt == bindparam("of_attempt", type_=Integer), _c.completed.is_(False))
_CHANGE = driver_writes(update(idempotency_keys).where(_HELD).returning(_c.attempt))
_RELEASE = driver_writes(delete(idempotency_keys).where(_HELD).returning(_c.attempt))


@cache
def _take(dialect: str) -> ReturningInsert[int]:
    """Insert the key, or take it over from a claim with the same arguments whose lease has expired; returns the attempt, if taken."""
    insert = upsert_in(dialect, idempotency_keys)
    left_behind = and_(
        _c.fingerprint == insert.excluded.fingerprint,
        _c.completed.is_(False),
        _c.in_flight_until <= insert.excluded.created_at,
    )
    taken = insert.on_conflict_do_update(
        index_elements=list(idempotency_keys.primary_key),
        set_={"attempt": _c.attempt + 1, "in_flight_until": insert.excluded.in_flight_until},
        where=left_behind,
    )
    return driver_writes(taken.returning(_c.attempt))


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The scope of a key: the same key in another scope is another key."""

    tenant: str
    principal: str  # Principal.key
    field: str  # the mutation's field
    key: str  # the client's; only its digest is stored


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """The caller must run the mutation, and then complete, suspend or release this claim."""

    scope: Scope
    attempt: int  # 1, or more after an unfinished claim, whose effects may have happened


@dataclass(frozen=True, kw_only=True)
class Replay:
    """The mutation has run: rebuild its answer from the reference."""

    reference: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """The key was used with other arguments."""


@dataclass(frozen=True, kw_only=True)
class InFlight:
    """Another request runs the mutation right now."""


Answer = Claimed | Replay | Mismatch | InFlight


class IdempotencyKeys:
    """Claims keys. All moments are aware, in UTC, and by the caller's clock."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine

    async def claim(
        self, scope: Scope, *, fingerprint: str, now: datetime, in_flight_until: datetime
    ) -> Answer:
        """Claim the key, or return why not. A claim whose lease (`in_flight_until`) has expired is taken over, by one caller only.

        `fingerprint` is an HMAC of the arguments; with another one the key is a Mismatch.
        """
        async with committing_itself(self._engine) as connection:
            claimed = {
                **_identity(scope),
                "fingerprint": fingerprint,
                "attempt": 1,
                "in_flight_until": in_flight_until,
                "completed": False,
                "created_at": now,
            }
            attempt = await connection.scalar(_take(connection.dialect.name), claimed)
            await connection.commit()
        if attempt is not None:
            return Claimed(scope=scope, attempt=attempt)
        async with reading(self._engine) as connection:
            row = (await connection.execute(_STANDING, _of(scope))).first()
        if row is None:  # released or reaped in between: the client's next try will get the claim
            return InFlight()
        known, completed, reference = row
        if known != fingerprint:
            return Mismatch()
        return Replay(reference=reference) if completed else InFlight()

    async def renew(self, claim: Claimed, *, in_flight_until: datetime) -> bool:
        """Extend the lease. Returns False when the claim was taken over meanwhile."""
        return await self._change(claim, in_flight_until=in_flight_until)

    async def complete(self, claim: Claimed, *, reference: Mapping[str, Any]) -> bool:
        """Store the outcome, a small mapping of ids and scalars. Returns False when the claim was taken over meanwhile."""
        return await self._change(claim, completed=True, reference=dict(reference))

    async def suspend(self, claim: Claimed, *, now: datetime) -> bool:
        """End the lease with an unknown outcome, so that the next claim with the same arguments takes over.

        Returns False when the claim was taken over meanwhile.
        """
        return await self._change(claim, in_flight_until=now)

    async def release(self, claim: Claimed) -> bool:
        """Delete the key, since nothing was done. Returns False when the claim was taken over meanwhile."""
        return await self._write(_RELEASE, _of_claim(claim))

    async def reap(self, now: datetime) -> int:
        """Delete keys that were first claimed 30 days ago or earlier; returns how many."""
        return await reap(self._engine, _c.created_at <= now - RETENTION, oldest_first=_c.created_at)

    async def _change(self, claim: Claimed, **values: object) -> bool:
        return await self._write(_CHANGE, values | _of_claim(claim))

    async def _write(
        self, statement: ReturningUpdate[int] | ReturningDelete[int], given: dict[str, Any]
    ) -> bool:
        """Execute the statement; returns whether this claim's row was still there for it."""
        async with committing_itself(self._engine) as connection:
            found = await connection.scalar(statement, given)
            await connection.commit()
        return found is not None


def _identity(scope: Scope) -> dict[str, str]:
    return {
        "tenant": scope.tenant,
        "principal": scope.principal,
        "field": scope.field,
        "key_digest": hashlib.sha256(scope.key.encode()).hexdigest(),
    }


def _of(scope: Scope) -> dict[str, Any]:
    return {f"of_{name}": value for name, value in _identity(scope).items()}


def _of_claim(claim: Claimed) -> dict[str, Any]:
    return _of(claim.scope) | {"of_attempt": claim.attempt}
