"""Slot claims: the final exclusion of overlapping visits, once money moves.

PostgreSQL enforces it by an exclusion constraint. SQLite enforces it by having one writer: a unit of work begins
IMMEDIATE, so no other write can come between the check and the insert.

A claim belongs to a checkout or to a reschedule, never to neither: the table's constraints see to it.

A confirmed checkout releases its claim, since the visit is then in Healthie; so does a reschedule that is done. For who began
before that (their hold was lost meanwhile), the row itself counts as a claim, until a requested change has cancelled the visit or moved
it away.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from booking.changes.model import ChangeState
from booking.checkout.model import Checkout, CheckoutState
from booking.checkout.transitions import LATE
from booking.refusals import SlotTaken
from booking.slots import Busy, Interval
from booking.unit_of_work import Claimant, SlotConflicts
from integrations.database.columns import UtcTime, one_of, upsert_in
from integrations.database.direct import driver_reads
from integrations.database.tables import changes
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

_changes, _later = changes.requested_changes, changes.requested_changes.alias("later")

# Condition on a checkout's row: no requested change has cancelled its visit since, or moved it away.
VISIT_UNCHANGED = ~exists().where(
    _later.c.checkout_id == checkouts.c.id, _later.c.freed_at.is_not(None)
).correlate(checkouts)

# Condition on the row of a requested change: it has moved the visit, which stands at the new time.
MOVED_VISIT_STANDS = and_(
    text(changes.MOVED),
    ~exists()
    .where(
        _later.c.appointment_id == func.coalesce(_changes.c.new_appointment_id, _changes.c.appointment_id),
        _later.c.created_at > _changes.c.created_at,
        _later.c.freed_at.is_not(None),
    )
    .correlate(_changes),
)

# Statements are built once, since every checkout executes them.
_MINE, _CLINICIAN = bindparam("mine", type_=String), bindparam("clinician", type_=String)
_START, _END = bindparam("start", type_=UtcTime), bindparam("end", type_=UtcTime)
_SINCE = bindparam("since", type_=UtcTime)
_TAKEN_BY_ANOTHER = exists().where(
    func.coalesce(_c.checkout_id, _c.change_id) != _MINE,
    _c.clinician_id == _CLINICIAN,
    _c.starts_at < _END,
    _c.ends_at > _START,
)
_UNLESS_TAKEN = select(_MINE, _CLINICIAN, _START, _END).where(~_TAKEN_BY_ANOTHER)
_CONFIRMED_SINCE = exists().where(
    checkouts.c.clinician_id == _CLINICIAN,
    checkouts.c.starts_at < _END,
    checkouts.c.ends_at > _START,
    VISIT_STANDS,
    checkouts.c.ended_at >= _SINCE,
    checkouts.c.id != _MINE,
    VISIT_UNCHANGED,
)
_MOVED_SINCE = exists().where(
    _changes.c.new_clinician_id == _CLINICIAN,
    _changes.c.new_starts_at < _END,
    _changes.c.new_ends_at > _START,
    MOVED_VISIT_STANDS,
    _changes.c.ended_at >= _SINCE,
    _changes.c.id != _MINE,
)
_BOOKED_SINCE = select(or_(_CONFIRMED_SINCE, _MOVED_SINCE))
_IS_MINE: ColumnElement[bool] = or_(_c.checkout_id == _MINE, _c.change_id == _MINE)
_HAS = select(exists().where(_IS_MINE))
_AGAINST = driver_reads(
    select(
        exists().where(clinician_blocks.c.clinician_id == _CLINICIAN).label("is_blocked"),
        exists()
        .where(_c.clinician_id == _CLINICIAN, _c.starts_at < _END, _c.ends_at > _START)
        .label("is_claimed"),
    )
)
_RELEASE = delete(slot_claims).where(_IS_MINE)


class SqlClaims:
    """The claims inside one transaction, which remains usable after SlotTaken."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(self, claimant: Claimant) -> None:
        """Claim the slot, if there is one, for a checkout, or for a reschedule, whose row is stored; idempotent.

        Raises SlotTaken when it overlaps another claim, or a visit that was booked or moved there since the claimant began.
        """
        slot = claimant.slot
        if slot is None:
            return
        mine = {
            "mine": claimant.id,
            "clinician": slot.clinician_id,
            "start": slot.start,
            "end": slot.end,
        }
        owner = _c.checkout_id if isinstance(claimant, Checkout) else _c.change_id
        # DO NOTHING covers the exclusion constraint too, waits for a rival to commit or roll back, and aborts no transaction.
        insert = _take_unless_taken(self._connection.dialect.name, owner)
        if not (await self._connection.execute(insert, mine)).rowcount and not await self._has(claimant.id):
            raise SlotTaken
        # Only after the insert: one who released their claim meanwhile has committed the outcome by now.
        since = claimant.created_at - CLOCK_SKEW
        if await self._connection.scalar(_BOOKED_SINCE, mine | {"since": since}):
            await self.release(claimant.id)
            raise SlotTaken

    async def release(self, claimant_id: str) -> None:
        """Release the claim of this checkout or change, if it has one."""
        await self._connection.execute(_RELEASE, {"mine": claimant_id})

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        """The claims of these clinicians that overlap the span."""
        wanted = {"clinicians": [*clinician_ids], "start": span.start, "end": span.end}
        found = await self._connection.execute(_busy(self._connection.dialect.name), wanted)
        return [
            Busy(clinician_id=clinician, interval=Interval(start=start, end=end))
            for clinician, start, end in found
        ]

    async def against(self, clinician_id: str, span: Interval) -> SlotConflicts:
        """Whether the clinician is blocked, and whether a claim overlaps the span: one statement."""
        wanted = {"clinician": clinician_id, "start": span.start, "end": span.end}
        is_blocked, is_claimed = (await self._connection.execute(_AGAINST, wanted)).one()
        return SlotConflicts(is_blocked=bool(is_blocked), is_claimed=bool(is_claimed))

    async def release_begun(self, now: datetime) -> int:
        """Release the claims of those who wait for a person while the slot's start has passed; returns how many."""
        waiting = select(checkouts.c.id).where(
            checkouts.c.state == CheckoutState.NEEDS_ATTENTION, text(NOT_OVER)
        )
        changes_waiting = select(_changes.c.id).where(
            _changes.c.state == ChangeState.NEEDS_ATTENTION, text(changes.NOT_ENDED)
        )
        waits = or_(_c.checkout_id.in_(waiting), _c.change_id.in_(changes_waiting))
        begun = delete(slot_claims).where(_c.starts_at <= now, waits)
        return (await self._connection.execute(begun)).rowcount

    async def _has(self, claimant_id: str) -> bool:
        return bool(await self._connection.scalar(_HAS, {"mine": claimant_id}))


@cache
def _busy(dialect: str) -> Select[Any]:
    mine = one_of(dialect, _c.clinician_id, "clinicians")
    return driver_reads(
        select(_c.clinician_id, _c.starts_at, _c.ends_at).where(
            mine, _c.starts_at < _END, _c.ends_at > _START
        )
    )


@cache
def _take_unless_taken(dialect: str, owner: Column[str]) -> postgresql.Insert | sqlite.Insert:
    """Insert the claim unless another one overlaps it; what PostgreSQL's constraint sees besides is ignored, too."""
    columns = (owner.name, "clinician_id", "starts_at", "ends_at")
    return upsert_in(dialect, slot_claims).from_select(columns, _UNLESS_TAKEN).on_conflict_do_nothing()
