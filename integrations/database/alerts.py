"""The outbox of alerts, and the blocks of clinicians who are not bookable until cleared."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.operations.model import Alert, ClinicianBlock
from integrations.database.columns import insert_or_ignore
from integrations.database.direct import driver_reads
from integrations.database.engine import reading
from integrations.database.tables.operations import alerts, clinician_blocks

_a = alerts.c
_b = clinician_blocks.c

# Built once, since it is executed before every charge and every booking.
_IS_BLOCKED = driver_reads(select(exists().where(_b.clinician_id == bindparam("wanted"))))


class SqlAlerts:
    """The outbox of alerts, inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def raise_once(self, alert: Alert) -> None:
        """Write the alert, unless this reason was raised for this subject already."""
        row = {
            "id": alert.id,
            "reason": alert.reason,
            "subject": alert.subject,
            "raised_at": alert.raised_at,
            "tries": 0,
            "due_at": alert.raised_at,
        }
        await self._connection.execute(insert_or_ignore(self._connection, alerts), row)

    async def due(self, now: datetime, *, limit: int) -> Sequence[Alert]:
        """Alerts that are due to be sent, oldest first."""
        query = (
            select(_a.reason, _a.subject, _a.raised_at, _a.tries)
            .where(_a.due_at <= now)
            .order_by(_a.raised_at, _a.id)
            .limit(limit)
        )
        return [
            Alert(reason=reason, subject=subject, raised_at=raised_at, tries=tries)
            for reason, subject, raised_at, tries in await self._connection.execute(query)
        ]

    async def claim(self, alert: Alert, *, now: datetime, until: datetime) -> bool:
        """Lease a due alert, so that other workers skip it `until` then; returns whether it was still due."""
        mine = update(alerts).where(_a.id == alert.id, _a.due_at <= now).values(due_at=until)
        return bool((await self._connection.execute(mine)).rowcount)

    async def mark_sent(self, alert: Alert, at: datetime) -> None:
        """Record that it was sent."""
        await self._connection.execute(
            update(alerts).where(_a.id == alert.id).values(told_at=at, due_at=None)
        )

    async def defer(self, alert: Alert, due_at: datetime) -> None:
        """Record a failed attempt to send it; it is due again at that time."""
        await self._connection.execute(
            update(alerts).where(_a.id == alert.id).values(tries=_a.tries + 1, due_at=due_at)
        )

    async def forget(self, subject: str) -> None:
        """Delete the subject's sent alerts, so that each reason can be raised again: an operator has tried to fix the cause."""
        await self._connection.execute(delete(alerts).where(_a.subject == subject, _a.told_at.is_not(None)))


class SqlClinicianBlocks:
    """The blocks inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.written = False  # in this transaction so far

    async def block(self, block: ClinicianBlock) -> None:
        """Block the clinician; an existing block is left as it is."""
        row = {
            "clinician_id": block.clinician_id,
            "reason": block.reason,
            "checkout_id": block.checkout_id,
            "blocked_at": block.blocked_at,
        }
        await self._connection.execute(insert_or_ignore(self._connection, clinician_blocks), row)
        self.written = True

    async def is_blocked(self, clinician_id: str) -> bool:
        """Whether the clinician is blocked."""
        return bool(await self._connection.scalar(_IS_BLOCKED, {"wanted": clinician_id}))

    async def standing(self) -> Sequence[ClinicianBlock]:
        """All blocks, oldest first."""
        query = select(clinician_blocks).order_by(_b.blocked_at)
        return [ClinicianBlock(**row) for row in (await self._connection.execute(query)).mappings()]

    async def clear(self, clinician_id: str) -> bool:
        """Remove the block; returns whether there was one."""
        gone = delete(clinician_blocks).where(_b.clinician_id == clinician_id)
        self.written = True
        return bool((await self._connection.execute(gone)).rowcount)


class SqlBlockedClinicians:
    """The port BlockedClinicians: a read in a connection of its own that neither waits for writers nor blocks them."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine

    async def blocked(self) -> frozenset[str]:
        """Ids of clinicians who are not bookable until cleared."""
        async with reading(self._engine) as connection:
            return frozenset((await connection.scalars(select(_b.clinician_id))).all())
