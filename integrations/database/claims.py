"""Slot claims: the final exclusion of overlapping visits.

PostgreSQL keeps it by an exclusion constraint. SQLite keeps it by having one writer: a unit of work begins
IMMEDIATE, so nothing can come between the look and the insert.

A confirmed checkout has given its claim back: its visit is Healthie's to keep. Against one that was confirmed while
another checkout for the same time stood still (its hold lost meanwhile), the confirmed row itself counts as a claim.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import String, and_, bindparam, delete, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from booking.checkout.model import Checkout, CheckoutState
from booking.checkout.transitions import LATE
from booking.refusals import SlotTaken
from booking.slots import Busy, Interval
from integrations.database.columns import UtcTime, insert_or_ignore
from integrations.database.tables.checkouts import checkouts
from integrations.database.tables.slots import slot_claims

# By so much two processes' clocks may differ.
CLOCK_SKEW = timedelta(minutes=1)

_c = slot_claims.c

# Of a checkout's row: its visit is confirmed, and stays so while something that was found late beside it is undone.
VISIT_STANDS = or_(
    checkouts.c.state == CheckoutState.CONFIRMED,
    and_(
        checkouts.c.state.in_(sorted(LATE)),
        checkouts.c.late["ended_as"].as_string() == CheckoutState.CONFIRMED.value,
    ),
)

# Built once: they are executed with every checkout.
_MINE, _CLINICIAN = bindparam("mine", type_=String), bindparam("clinician", type_=String)
_START, _END = bindparam("start", type_=UtcTime), bindparam("end", type_=UtcTime)
_TAKEN_BY_ANOTHER = select(
    exists().where(
        _c.checkout_id != _MINE,
        _c.clinician_id == _CLINICIAN,
        _c.starts_at < _END,
        _c.ends_at > _START,
    )
)
_CONFIRMED_SINCE = select(
    exists().where(
        checkouts.c.clinician_id == _CLINICIAN,
        checkouts.c.starts_at < _END,
        checkouts.c.ends_at > _START,
        VISIT_STANDS,
        checkouts.c.ended_at >= bindparam("since", type_=UtcTime),
        checkouts.c.id != _MINE,
    )
)
_HAS = select(exists().where(_c.checkout_id == _MINE))
_RELEASE = delete(slot_claims).where(_c.checkout_id == _MINE)


class SqlClaims:
    """The claims inside one transaction, which stays usable after a SlotTaken."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(self, checkout: Checkout) -> None:
        """Claim the slot for the checkout; taking it again is no change.

        Raises SlotTaken: a claim overlaps it, or a visit that was confirmed since this checkout was started.
        """
        slot = checkout.slot
        mine = {
            "mine": checkout.id,
            "clinician": slot.clinician_id,
            "start": slot.start,
            "end": slot.end,
        }
        if await self._connection.scalar(_TAKEN_BY_ANOTHER, mine):
            raise SlotTaken
        claim = {
            "checkout_id": checkout.id,
            "clinician_id": slot.clinician_id,
            "starts_at": slot.start,
            "ends_at": slot.end,
        }
        # DO NOTHING covers the exclusion constraint too, waits for a rival to commit or leave, and breaks no transaction.
        insert = insert_or_ignore(self._connection, slot_claims)
        if not (await self._connection.execute(insert, claim)).rowcount and not await self._has(checkout.id):
            raise SlotTaken
        # Only now: whoever gave a claim back in the meantime has committed what came of it.
        since = checkout.created_at - CLOCK_SKEW
        if await self._connection.scalar(_CONFIRMED_SINCE, mine | {"since": since}):
            await self.release(checkout.id)
            raise SlotTaken

    async def release(self, checkout_id: str) -> None:
        """Give the claim back, if there is one."""
        await self._connection.execute(_RELEASE, {"mine": checkout_id})

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        """The claims of these clinicians that overlap the span."""
        query = select(_c.clinician_id, _c.starts_at, _c.ends_at).where(
            _c.clinician_id.in_(clinician_ids), _c.starts_at < span.end, _c.ends_at > span.start
        )
        return [
            Busy(clinician_id=clinician, interval=Interval(start=start, end=end))
            for clinician, start, end in await self._connection.execute(query)
        ]

    async def release_begun(self, now: datetime) -> int:
        """Give back the claims of visits that wait for a person while their start has passed; answers how many."""
        waiting = select(checkouts.c.id).where(checkouts.c.state == CheckoutState.NEEDS_ATTENTION)
        begun = delete(slot_claims).where(_c.starts_at <= now, _c.checkout_id.in_(waiting))
        return (await self._connection.execute(begun)).rowcount

    async def _has(self, checkout_id: str) -> bool:
        return bool(await self._connection.scalar(_HAS, {"mine": checkout_id}))
