"""Reads what the guards need from the database before a call is sent, in one statement on a connection of its own.

Right after the write of an intent nothing is read: on PostgreSQL that write has read the same, as of the moment of its commit.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

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


# Seconds for which the facts of a write count: what this process does between a commit and its guards takes a tenth of it. A process
# that was stopped in between reads them again.
FRESH = 0.05

# Facts that nobody takes, of rows that have no guards, go when so many came after them.
_MOST = 1000


class SendFactsCache:
    """The facts that this process's latest writes have read, each to be taken once."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._noted: OrderedDict[str, tuple[float, SendFacts]] = OrderedDict()

    def note(self, checkout_id: str, facts: SendFacts) -> None:
        """Keep what a write has read that is committed now."""
        self._noted[checkout_id] = self._monotonic(), facts
        if len(self._noted) > _MOST:
            self._noted.popitem(last=False)

    def take(self, checkout: Checkout) -> SendFacts | None:
        """Return the facts if they are of this version and fresh."""
        at, facts = self._noted.pop(checkout.id, (0.0, None))
        if facts is None or facts.version != checkout.version or self._monotonic() - at > FRESH:
            return None
        return facts


class SqlSendFactsReader:
    """Implements SendFactsReader."""

    def __init__(self, *, engine: AsyncEngine, fresh: SendFactsCache | None = None) -> None:
        self._engine = engine
        self._fresh = fresh

    async def of(self, checkout: Checkout) -> SendFacts:
        """Read the facts of a checkout; its row must exist."""
        if self._fresh is not None and (fresh := self._fresh.take(checkout)) is not None:
            return fresh
        wanted = {"mine": checkout.id, "clinician": checkout.clinician_id}
        async with reading(self._engine) as connection:
            version, has_claim, is_blocked = (await connection.execute(_OF, wanted)).one()
        return SendFacts(version=version, has_claim=bool(has_claim), is_blocked=bool(is_blocked))
