"""Slot claims: the final exclusion of overlapping visits.

PostgreSQL keeps it by an exclusion constraint. SQLite keeps it by having one writer: a unit of work begins
IMMEDIATE, so nothing can come between the look and the insert.

A confirmed checkout has given its claim back: its visit is Healthie's to keep. Against one that was confirmed while
another checkout for the same time stood still (its hold lost meanwhile), the confirmed row itself counts as a claim.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from booking.models import Checkout, CheckoutState
from booking.refusals import SlotTaken
from booking.saga_table import LATE
from booking.slots import Busy, Interval
from integrations.database.columns import upsert
from integrations.database.tables import checkouts, slot_claims

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


class SqlClaims:
    """The claims inside one transaction, which stays usable after a SlotTaken."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(self, checkout: Checkout) -> None:
        """Claim the slot for the checkout; taking it again is no change.

        Raises SlotTaken: a claim overlaps it, or a visit that was confirmed since this checkout was started.
        """
        slot = checkout.slot
        if await self._taken_by_another(checkout.id, slot.clinician_id, slot.interval):
            raise SlotTaken
        claim = {
            "checkout_id": checkout.id,
            "clinician_id": slot.clinician_id,
            "starts_at": slot.start,
            "ends_at": slot.end,
        }
        # DO NOTHING covers the exclusion constraint too, waits for a rival to commit or leave, and breaks no transaction.
        insert = upsert(self._connection, slot_claims).values(claim).on_conflict_do_nothing()
        if not (await self._connection.execute(insert)).rowcount and not await self._has(checkout.id):
            raise SlotTaken
        # Only now: whoever gave a claim back in the meantime has committed what came of it.
        if await self._confirmed_since_start(checkout):
            await self.release(checkout.id)
            raise SlotTaken

    async def release(self, checkout_id: str) -> None:
        """Give the claim back, if there is one."""
        await self._connection.execute(delete(slot_claims).where(_c.checkout_id == checkout_id))

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

    async def _taken_by_another(self, checkout_id: str, clinician_id: str, span: Interval) -> bool:
        """Whether a claim of another checkout overlaps the clinician's span."""
        overlap = exists().where(
            _c.checkout_id != checkout_id,
            _c.clinician_id == clinician_id,
            _c.starts_at < span.end,
            _c.ends_at > span.start,
        )
        return bool(await self._connection.scalar(select(overlap)))

    async def _confirmed_since_start(self, checkout: Checkout) -> bool:
        """Whether a checkout was confirmed, for time that overlaps this one's, after this one was started."""
        c, slot = checkouts.c, checkout.slot
        visit = exists().where(
            c.clinician_id == slot.clinician_id,
            c.starts_at < slot.end,
            c.ends_at > slot.start,
            VISIT_STANDS,
            c.ended_at >= checkout.created_at - CLOCK_SKEW,
            c.id != checkout.id,
        )
        return bool(await self._connection.scalar(select(visit)))

    async def _has(self, checkout_id: str) -> bool:
        return bool(await self._connection.scalar(select(exists().where(_c.checkout_id == checkout_id))))
