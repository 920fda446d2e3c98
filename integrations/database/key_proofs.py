"""Key proofs in SQL: the last answer about each clinician's API key, one row for each key that is or was in use."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.catalog.key_proofs import KeyProof
from integrations.database.columns import upsert
from integrations.database.engine import reading
from integrations.database.leases import is_free
from integrations.database.tables.operations import key_proofs

_k = key_proofs.c

# Keys in use are proved daily: one without an answer for this long is in no process' settings any more.
FORGOTTEN_AFTER = timedelta(days=7)


class SqlKeyProofs:
    """The port KeyProofs; each call is a short transaction of its own."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine

    async def known(self) -> Sequence[KeyProof]:
        """The proofs of all keys, in any order."""
        query = select(_k.clinician_id, _k.fingerprint, _k.theirs, _k.answered_at)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query.where(_k.answered_at.is_not(None)))).mappings()
            return [KeyProof(**row) for row in rows]

    async def claim(
        self, clinician_id: str, fingerprint: str, *, since: datetime, now: datetime, until: datetime
    ) -> bool:
        """Take the lease to ask about a key, as in the port. One statement, so that only one of several concurrent callers gets it."""
        outdated = or_(_k.answered_at.is_(None), _k.answered_at <= since)
        async with self._engine.begin() as connection:
            row = upsert(connection, key_proofs).values(
                clinician_id=clinician_id, fingerprint=fingerprint, lease_until=until
            )
            claim = row.on_conflict_do_update(
                index_elements=["clinician_id", "fingerprint"],
                set_={"lease_until": until},
                where=and_(is_free(key_proofs, now), outdated),
            )
            return await connection.scalar(claim.returning(_k.clinician_id)) is not None

    async def keep(self, proof: KeyProof) -> None:
        """Store the answer, release the lease, and delete proofs of keys that have long been out of use."""
        answer = {"theirs": proof.theirs, "answered_at": proof.answered_at, "lease_until": None}
        async with self._engine.begin() as connection:
            row = upsert(connection, key_proofs).values(
                clinician_id=proof.clinician_id, fingerprint=proof.fingerprint, **answer
            )
            await connection.execute(
                row.on_conflict_do_update(index_elements=["clinician_id", "fingerprint"], set_=answer)
            )
            await connection.execute(
                delete(key_proofs).where(_k.answered_at < proof.answered_at - FORGOTTEN_AFTER)
            )
