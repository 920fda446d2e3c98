"""Patient links: which patient each signed-in person is.

A person is stored as a digest of issuer and subject, since some providers use mail addresses as subjects.
"""

import hashlib
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from integrations.database.columns import upsert
from integrations.database.engine import reading
from integrations.database.tables.callers import patient_links

_c = patient_links.c


class SqlPatientLinks:
    """Stores links; each call is a short transaction of its own."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get(self, issuer: str, subject: str) -> str | None:
        """The linked patient's id; None where there is no link."""
        query = select(_c.patient_id).where(_c.person == _person(issuer, subject))
        async with reading(self._engine) as connection:
            found: str | None = await connection.scalar(query)
        return found

    async def add(self, issuer: str, subject: str, patient_id: str, *, now: datetime) -> str:
        """Store the link, and return the patient's id that is linked: another one, where another process was first."""
        row = {"person": _person(issuer, subject), "patient_id": patient_id, "linked_at": now}
        async with self._engine.begin() as connection:
            await connection.execute(upsert(connection, patient_links).values(row).on_conflict_do_nothing())
        return await self.get(issuer, subject) or patient_id

    async def forget(self, patient_id: str) -> int:
        """Delete every link to a patient, so that they are looked up again; returns how many."""
        gone = delete(patient_links).where(_c.patient_id == patient_id)
        async with self._engine.begin() as connection:
            return (await connection.execute(gone)).rowcount


def _person(issuer: str, subject: str) -> str:
    return hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()
