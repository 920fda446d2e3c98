"""The repository of the waitlist: entries, offers under optimistic locking, and leased looks."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.errors import StaleOffer
from booking.refusals import WaitlistFull, WaitlistLimitReached
from booking.slots import Interval, Slot
from booking.waitlist.model import (
    SEEN,
    EntryState,
    Look,
    OfferState,
    WaitlistEntry,
    WaitlistOffer,
    Wish,
)
from integrations.database.columns import UtcTime, insert_or_ignore, one_of, upsert
from integrations.database.reaping import reap
from integrations.database.tables.waitlist import (
    LIVE_OFFER,
    WAITING,
    waitlist_entries,
    waitlist_looks,
    waitlist_offers,
)

_WISH = TypeAdapter[Wish](Wish)
_SLOT = TypeAdapter[Slot](Slot)

_e, _o, _l = waitlist_entries.c, waitlist_offers.c, waitlist_looks.c
_WAITING, _LIVE = text(WAITING), text(LIVE_OFFER)

# On PostgreSQL: who joins takes turns, since the limits are counted.
_TAKE_TURNS = select(func.pg_advisory_xact_lock(func.hashtextextended("waitlist", 0)))

_LOCK_LOOKS = select(_l.group_key).order_by(_l.group_key).with_for_update()

# No visit lasts longer.
_LONGEST = timedelta(days=1)

# After a failure: a row that fails each time is tried twice a minute.
_REST = timedelta(seconds=30)


class SqlWaitlist:
    """Implements WaitlistRepository inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.patients: set[str] = set()  # whose places were written in this transaction

    async def join(self, entry: WaitlistEntry, *, per_patient: int, in_all: int) -> WaitlistEntry:
        """Insert the entry, or return the waiting one with an equal wish. Raises WaitlistLimitReached, WaitlistFull."""
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(_TAKE_TURNS)
        mine = select(waitlist_entries).where(_e.patient_id == entry.patient_id, _WAITING)
        standing = [_entry(row) for row in (await self._connection.execute(mine)).mappings()]
        for one in standing:
            if one.wish == entry.wish:
                return one
        if len(standing) >= per_patient:
            raise WaitlistLimitReached(per_patient)
        waiting = select(func.count()).select_from(waitlist_entries).where(_WAITING)
        if (await self._connection.scalar(waiting) or 0) >= in_all:
            raise WaitlistFull
        await self._connection.execute(
            insert_or_ignore(self._connection, waitlist_entries), _entry_row(entry)
        )
        self.patients.add(entry.patient_id)
        return entry

    async def entry(self, entry_id: str) -> WaitlistEntry | None:
        """The entry, or None."""
        row = (
            (await self._connection.execute(select(waitlist_entries).where(_e.id == entry_id)))
            .mappings()
            .first()
        )
        return _entry(row) if row is not None else None

    async def entries_of(self, patient_id: str, *, since: datetime, ended: int) -> Sequence[WaitlistEntry]:
        """The patient's entries that wait, and the latest that ended after `since` (UTC); the latest joined first."""
        mine = select(waitlist_entries).where(_e.patient_id == patient_id)
        latest = mine.where(_e.ended_at > since).order_by(_e.joined_at.desc()).limit(ended)
        found = [*await self._entries(mine.where(_WAITING)), *await self._entries(latest)]
        return sorted(found, key=lambda one: (one.joined_at, one.id), reverse=True)

    async def waiting(
        self, group: str, *, limit: int, after: WaitlistEntry | None = None
    ) -> Sequence[WaitlistEntry]:
        """The waiting entries of a group, the first who joined first; those who come after this one."""
        query = select(waitlist_entries).where(_e.group_key == group, _WAITING)
        if after is not None:
            last = tuple_(literal(after.joined_at, UtcTime), literal(after.id))
            query = query.where(tuple_(_e.joined_at, _e.id) > last)
        return await self._entries(query.order_by(_e.joined_at, _e.id).limit(limit))

    async def end_entry(self, entry_id: str, state: EntryState, *, now: datetime) -> bool:
        """End the entry; False, and nothing written, where it does not wait any more."""
        return await self._change_entry(entry_id, state=state, ended_at=now)

    async def still_waits(self, entry_id: str) -> bool:
        """Whether the entry waits, until the end of the transaction: its row is locked by writing it as it is."""
        return await self._change_entry(entry_id, unanswered=_e.unanswered)

    async def note_answers(self, entry_id: str, unanswered: int) -> bool:
        """Write how many offers in a row were not answered; False, and nothing written, where it does not wait any more."""
        return await self._change_entry(entry_id, unanswered=unanswered)

    async def add_offer(self, offer: WaitlistOffer) -> bool:
        """Insert the offer; False, and nothing written, where the entry or the time has a live one."""
        added = await self._connection.execute(
            insert_or_ignore(self._connection, waitlist_offers), _offer_row(offer)
        )
        return bool(added.rowcount)

    async def offer(self, offer_id: str) -> WaitlistOffer | None:
        """The offer, or None."""
        found = await self._connection.execute(select(waitlist_offers).where(_o.id == offer_id))
        row = found.mappings().first()
        return _offer(row) if row is not None else None

    async def offers_of(self, entry_ids: Collection[str], *, now: datetime) -> Sequence[WaitlistOffer]:
        """The live offers to these entries, and those of times to come that these were told of (UTC)."""
        if not entry_ids:
            return ()
        wanted = one_of(self._connection.dialect.name, _o.entry_id, "entries")
        seen = and_(_o.starts_at > now, _o.state.in_(sorted(SEEN)))
        found = await self._connection.execute(
            select(waitlist_offers).where(wanted, or_(_LIVE, seen)), {"entries": [*entry_ids]}
        )
        return [_offer(row) for row in found.mappings()]

    async def announced(self, clinician_id: str, span: Interval, *, now: datetime) -> Sequence[WaitlistOffer]:
        """The announced offers of this clinician's time that overlap the span and have not expired (UTC)."""
        query = select(waitlist_offers).where(
            _LIVE,
            _o.state == OfferState.OFFERED,
            _o.clinician_id == clinician_id,
            _o.starts_at > span.start - _LONGEST,
            _o.starts_at < span.end,
            _o.expires_at > now,
        )
        found = [_offer(row) for row in (await self._connection.execute(query)).mappings()]
        return [one for one in found if one.slot.interval.overlaps(span)]

    async def save_offer(self, offer: WaitlistOffer) -> WaitlistOffer:
        """Write the offer and return it at its next version (optimistic locking). Raises StaleOffer."""
        saved = offer.changed(version=offer.version + 1)
        row = _offer_row(saved)
        written = await self._connection.execute(
            update(waitlist_offers).where(_o.id == offer.id, _o.version == offer.version).values(row)
        )
        if not written.rowcount:
            raise StaleOffer(offer.id)
        self.patients.add(offer.patient_id)
        return saved

    async def due_offers(self, now: datetime, *, limit: int) -> Sequence[str]:
        """Ids of live offers whose `due_at` has come, longest due first."""
        query = select(_o.id).where(_LIVE, _o.due_at <= now).order_by(_o.due_at).limit(limit)
        return (await self._connection.scalars(query)).all()

    async def defer(self, offer_id: str, *, now: datetime, until: datetime | None = None) -> None:
        """Postpone a live offer that is due: until then, or by half a minute. The version stays."""
        due = _o.id == offer_id, _LIVE, _o.due_at <= now
        change = update(waitlist_offers).where(*due).values(due_at=until or now + _REST)
        await self._connection.execute(change)

    async def hasten(self, clinician_ids: Collection[str], *, now: datetime) -> None:
        """Make the announced offers of these clinicians' time due now."""
        theirs = one_of(self._connection.dialect.name, _o.clinician_id, "clinicians")
        change = (
            update(waitlist_offers)
            .where(_LIVE, theirs, _o.state == OfferState.OFFERED, _o.due_at > bindparam("now", type_=UtcTime))
            .values(due_at=bindparam("now", type_=UtcTime))
        )
        await self._connection.execute(change, {"clinicians": [*clinician_ids], "now": now})

    async def mark(self, group: str | None, *, now: datetime) -> None:
        """Ask for a look at this group, or at every group that has one, as soon as its rest is over."""
        soon = case((_l.rested_at > now, _l.rested_at), else_=literal(now, UtcTime))
        changes: dict[str, Any] = {
            "marks": _l.marks + 1,
            "due_at": case((_l.due_at < soon, _l.due_at), else_=soon),
        }
        if group is None:
            if self._connection.dialect.name == "postgresql":  # in one order, against deadlocks
                await self._connection.execute(_LOCK_LOOKS)
            await self._connection.execute(update(waitlist_looks).values(changes))
            return
        insertion = upsert(self._connection, waitlist_looks).values(
            group_key=group, due_at=now, rested_at=now, lease_until=None, marks=0
        )
        await self._connection.execute(
            insertion.on_conflict_do_update(index_elements=[_l.group_key], set_=changes)
        )

    async def claim_look(self, now: datetime, *, until: datetime) -> Look | None:
        """Lease the look that is longest due, of equal ones that of who joined first; None when another worker was faster."""
        due = and_(_l.due_at <= now, or_(_l.lease_until.is_(None), _l.lease_until <= now))
        joined = (
            select(func.min(_e.joined_at)).where(_e.group_key == _l.group_key, _WAITING).scalar_subquery()
        )
        first = select(_l.group_key).where(due).order_by(_l.due_at, joined, _l.group_key).limit(1)
        group = await self._connection.scalar(first)
        if group is None:
            return None
        claim = (
            update(waitlist_looks)
            .where(_l.group_key == group, due)
            .values(lease_until=until)
            .returning(_l.marks)
        )
        marks = await self._connection.scalar(claim)
        if marks is None:
            return None
        groups = await self._connection.scalar(select(func.count()).select_from(waitlist_looks))
        return Look(group=group, marks=marks, lease_until=until, groups=groups or 1)

    async def end_look(self, look: Look, *, due_at: datetime | None, rested_at: datetime) -> None:
        """Release the lease; a look that was asked for meanwhile comes as soon as the rest is over."""
        mine = _l.group_key == look.group, _l.lease_until == look.lease_until
        unmarked = _l.marks == look.marks
        if due_at is None:
            if (await self._connection.execute(delete(waitlist_looks).where(*mine, unmarked))).rowcount:
                return
            due_at = rested_at
        next_due = case((unmarked, literal(due_at, UtcTime)), else_=literal(rested_at, UtcTime))
        await self._connection.execute(
            update(waitlist_looks).where(*mine).values(due_at=next_due, rested_at=rested_at, lease_until=None)
        )

    async def _change_entry(self, entry_id: str, **values: object) -> bool:
        change = (
            update(waitlist_entries)
            .where(_e.id == entry_id, _WAITING)
            .values(values)
            .returning(_e.patient_id)
        )
        patient = await self._connection.scalar(change)
        if patient is None:
            return False
        self.patients.add(patient)
        return True

    async def _entries(self, query: Select[Any]) -> Sequence[WaitlistEntry]:
        return [_entry(row) for row in (await self._connection.execute(query)).mappings()]


async def reap_waitlist(engine: AsyncEngine, ended_before: datetime) -> int:
    """Delete the entries that ended before this time (UTC), with their offers; returns how many."""
    return await reap(engine, _e.ended_at < ended_before, oldest_first=_e.ended_at)


def _entry_row(entry: WaitlistEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "patient_id": entry.patient_id,
        "group_key": entry.wish.group,
        "digest": entry.wish.digest,
        "wish": _WISH.dump_python(entry.wish, mode="json"),
        "state": entry.state,
        "unanswered": entry.unanswered,
        "joined_at": entry.joined_at,
        "ends_at": entry.ends_at,
        "ended_at": entry.ended_at,
    }


def _entry(row: RowMapping) -> WaitlistEntry:
    return WaitlistEntry(
        id=row["id"],
        patient_id=row["patient_id"],
        wish=_WISH.validate_python(row["wish"]),
        state=EntryState(row["state"]),
        unanswered=row["unanswered"],
        joined_at=row["joined_at"],
        ends_at=row["ends_at"],
        ended_at=row["ended_at"],
    )


def _offer_row(offer: WaitlistOffer) -> dict[str, Any]:
    return {
        "id": offer.id,
        "version": offer.version,
        "entry_id": offer.entry_id,
        "patient_id": offer.patient_id,
        "clinician_id": offer.slot.clinician_id,
        "starts_at": offer.slot.start,
        "slot": _SLOT.dump_python(offer.slot, mode="json"),
        "hold_id": offer.hold_id,
        "state": offer.state,
        "created_at": offer.created_at,
        "expires_at": offer.expires_at,
        "due_at": offer.due_at,
        "ended_at": offer.ended_at,
    }


def _offer(row: RowMapping) -> WaitlistOffer:
    return WaitlistOffer(
        id=row["id"],
        version=row["version"],
        entry_id=row["entry_id"],
        patient_id=row["patient_id"],
        slot=_SLOT.validate_python(row["slot"]),
        hold_id=row["hold_id"],
        state=OfferState(row["state"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        due_at=row["due_at"],
        ended_at=row["ended_at"],
    )
