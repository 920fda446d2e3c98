"""Reads what the guards need from the database before a call is sent, in one statement on a connection of its own."""

from sqlalchemy import String, bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.guards import SendFacts
from booking.checkout.model import Checkout
from integrations.database.direct import driver_reads
from integrations.database.engine import reading
from integrations.database.tables.checkouts import checkouts
from integrations.database.tables.operations import clinician_blocks
from integrations.database.tables.slots import slot_claims

# Built once: it is executed before every call that leads to a visit.
_OF = driver_reads(
    select(
        checkouts.c.version,
        exists().where(slot_claims.c.checkout_id == checkouts.c.id).label("has_claim"),
        exists()
        .where(clinician_blocks.c.clinician_id == bindparam("clinician", type_=String))
        .label("is_blocked"),
    ).where(checkouts.c.id == bindparam("mine", type_=String))
)


class SqlSendFactsReader:
    """Implements SendFactsReader."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of(self, checkout: Checkout) -> SendFacts:
        """Read the facts of a checkout; its row must exist."""
        wanted = {"mine": checkout.id, "clinician": checkout.slot.clinician_id}
        async with reading(self._engine) as connection:
            version, has_claim, is_blocked = (await connection.execute(_OF, wanted)).one()
        return SendFacts(version=version, has_claim=bool(has_claim), is_blocked=bool(is_blocked))
