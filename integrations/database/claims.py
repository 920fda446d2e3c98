"""Slot claims: the final exclusion of overlapping visits, once money moves.

PostgreSQL enforces it by an exclusion constraint. SQLite enforces it by having one writer: a unit of work begins
IMMEDIATE, so no other write can come between the check and the insert.

A confirmed checkout releases its claim, since the visit is then in Healthie. For a checkout that was started before that (its hold
was lost meanwhile), the confirmed row itself counts as a claim.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, String, and_, bindparam, delete, exists, or_, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from booking.checkout.model import Checkout, CheckoutState
from booking.checkout.transitions import LATE
from booking.refusals import SlotTaken
from booking.slots import Busy, Interval
from booking.unit_of_work import Obstacles
from integrations.database.columns import UtcTime, one_of, upsert_in
from integrations.database.direct import driver_reads
from integrations.database.tables.checkouts import NOT_OVER, checkouts
from integrations.database.tables.operations import clinician_blocks
from integrations.database.tables.slots import slot_claims

# By how much the clocks of two processes may differ.
CLOCK_SKEW = timedelta(minutes=1)

_c = slot_claims.c

# Condition on a checkout's row: its visit is confirmed, and remains so while a late finding beside it is undone.
VISIT_STANDS = or_(
    checkouts.c.state == CheckoutState.CONFIRMED,
    and_(
        checkouts.c.state.in_(sorted(LATE)),
        checkouts.c.late["ended_as"].as_string() == CheckoutState.CONFIRMED.value,
    ),
)

# Statements are built once, since every checkout executes them.
_MINE, _CLINICIAN = bindparam("mine", type_=String), bindparam("clinician", type_=String)
_START, _END = bindparam("start", type_=UtcTime), bindparam("end", type_=UtcTime)
_TAKEN_BY_ANOTHER = exists().where(
    _c.checkout_id != _MINE,
    _c.clinician_id == _CLINICIAN,
    _c.starts_at < _END,
    _c.ends_at > _START,
)
_COLUMNS = ("checkout_id", "clinician_id", "starts_at", "ends_at")
_UNLESS_TAKEN = select(_MINE, _CLINICIAN, _START, _END).where(~_TAKEN_BY_ANOTHER)
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
_AGAINST = driver_reads(
    select(
        exists().where(clinician_blocks.c.clinician_id == _CLINICIAN).label("is_blocked"),
        exists()
        .where(_c.clinician_id == _CLINICIAN, _c.starts_at < _END, _c.ends_at > _START)
        .label("is_claimed"),
    )
)
_RELEASE = delete(slot_claims).where(_c.checkout_id == _MINE)


class SqlClaims:
    """The claims inside one transaction, which remains usable after SlotTaken."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(self, checkout: Checkout) -> None:
        """Claim the slot for the checkout; idempotent.

        Raises SlotTaken when it overlaps another claim, or a visit that was confirmed since this checkout was started.
        """
        slot = checkout.slot
        mine = {
            "mine": checkout.id,
            "clinician": slot.clinician_id,
            "start": slot.start,
            "end": slot.end,
        }
        # DO NOTHING covers the exclusion constraint too, waits for a rival to commit or roll back, and aborts no transaction.
        insert = _take_unless_taken(self._connection.dialect.name)
        if not (await self._connection.execute(insert, mine)).rowcount and not await self._has(checkout.id):
            raise SlotTaken
        # Only after the insert: a checkout that released its claim meanwhile has committed its outcome by now.
        since = checkout.created_at - CLOCK_SKEW
        if await self._connection.scalar(_CONFIRMED_SINCE, mine | {"since": since}):
            await self.release(checkout.id)
            raise SlotTaken

    async def release(self, checkout_id: str) -> None:
        """Release the checkout's claim, if it has one."""
        await self._connection.execute(_RELEASE, {"mine": checkout_id})

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        """The claims of these clinicians that overlap the span."""
        wanted = {"clinicians": [*clinician_ids], "start": span.start, "end": span.end}
        found = await self._connection.execute(_busy(self._connection.dialect.name), wanted)
        return [
            Busy(clinician_id=clinician, interval=Interval(start=start, end=end))
            for clinician, start, end in found
        ]

    async def against(self, clinician_id: str, span: Interval) -> Obstacles:
        """Whether the clinician is blocked, and whether a claim overlaps the span: one statement."""
        wanted = {"clinician": clinician_id, "start": span.start, "end": span.end}
        is_blocked, is_claimed = (await self._connection.execute(_AGAINST, wanted)).one()
        return Obstacles(is_blocked=bool(is_blocked), is_claimed=bool(is_claimed))

    async def release_begun(self, now: datetime) -> int:
        """Release the claims of checkouts that wait for a person while their visit's start has passed; returns how many."""
        waiting = select(checkouts.c.id).where(
            checkouts.c.state == CheckoutState.NEEDS_ATTENTION, text(NOT_OVER)
        )
        begun = delete(slot_claims).where(_c.starts_at <= now, _c.checkout_id.in_(waiting))
        return (await self._connection.execute(begun)).rowcount

    async def _has(self, checkout_id: str) -> bool:
        return bool(await self._connection.scalar(_HAS, {"mine": checkout_id}))


@cache
def _busy(dialect: str) -> Select[Any]:
    mine = one_of(dialect, _c.clinician_id, "clinicians")
    return driver_reads(
        select(_c.clinician_id, _c.starts_at, _c.ends_at).where(
            mine, _c.starts_at < _END, _c.ends_at > _START
        )
    )


@cache
def _take_unless_taken(dialect: str) -> postgresql.Insert | sqlite.Insert:
    """Insert the claim unless another one overlaps it; what PostgreSQL's constraint sees besides is ignored, too."""
    return upsert_in(dialect, slot_claims).from_select(_COLUMNS, _UNLESS_TAKEN).on_conflict_do_nothing()
