"""The waitlist in dictionaries, with the unique rules and the optimistic locking of the SQL repository."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from booking.errors import StaleOffer
from booking.refusals import WaitlistFull, WaitlistLimitReached
from booking.slots import Interval
from booking.waitlist.model import SEEN, EntryState, Look, OfferState, WaitlistEntry, WaitlistOffer

_REST = timedelta(seconds=30)


@dataclass(frozen=True)
class LookRow:
    """When a group is looked at."""

    due_at: datetime
    rested_at: datetime
    marks: int = 0
    lease_until: datetime | None = None


@dataclass
class WaitlistRows:
    """What is committed."""

    entries: dict[str, WaitlistEntry] = field(default_factory=dict)
    offers: dict[str, WaitlistOffer] = field(default_factory=dict)
    looks: dict[str, LookRow] = field(default_factory=dict)

    def copy(self) -> Self:
        return replace(self, entries=dict(self.entries), offers=dict(self.offers), looks=dict(self.looks))


class FakeWaitlist:
    """One transaction on a copy of the rows."""

    def __init__(self, rows: WaitlistRows) -> None:
        self.rows = rows.copy()
        self.patients: set[str] = set()

    async def join(self, entry: WaitlistEntry, *, per_patient: int, in_all: int) -> WaitlistEntry:
        waiting = [one for one in self.rows.entries.values() if one.state is EntryState.WAITING]
        mine = [one for one in waiting if one.patient_id == entry.patient_id]
        for one in mine:
            if one.wish == entry.wish:
                return one
        if len(mine) >= per_patient:
            raise WaitlistLimitReached(per_patient)
        if len(waiting) >= in_all:
            raise WaitlistFull
        self.rows.entries[entry.id] = entry
        self.patients.add(entry.patient_id)
        return entry

    async def entry(self, entry_id: str) -> WaitlistEntry | None:
        return self.rows.entries.get(entry_id)

    async def entries_of(self, patient_id: str, *, since: datetime, ended: int) -> Sequence[WaitlistEntry]:
        mine = [one for one in self.rows.entries.values() if one.patient_id == patient_id]
        latest = sorted(mine, key=lambda one: (one.joined_at, one.id), reverse=True)
        shown = [one.id for one in latest if one.ended_at is not None and one.ended_at > since][:ended]
        return [one for one in latest if one.ended_at is None or one.id in shown]

    async def waiting(
        self, group: str, *, limit: int, after: WaitlistEntry | None = None
    ) -> Sequence[WaitlistEntry]:
        waiting = [
            one
            for one in self.rows.entries.values()
            if one.wish.group == group and one.state is EntryState.WAITING
        ]
        waiting.sort(key=_place)
        return [one for one in waiting if after is None or _place(one) > _place(after)][:limit]

    async def end_entry(self, entry_id: str, state: EntryState, *, now: datetime) -> bool:
        return self._changed(entry_id, state=state, ended_at=now)

    async def still_waits(self, entry_id: str) -> bool:
        return self._changed(entry_id)

    async def note_answers(self, entry_id: str, unanswered: int) -> bool:
        return self._changed(entry_id, unanswered=unanswered)

    async def add_offer(self, offer: WaitlistOffer) -> bool:
        live = [one for one in self.rows.offers.values() if one.is_live]
        if any(
            one.entry_id == offer.entry_id
            or (one.slot.clinician_id, one.slot.start) == (offer.slot.clinician_id, offer.slot.start)
            for one in live
        ):
            return False
        self.rows.offers[offer.id] = offer
        return True

    async def offer(self, offer_id: str) -> WaitlistOffer | None:
        return self.rows.offers.get(offer_id)

    async def offers_of(self, entry_ids: Collection[str], *, now: datetime) -> Sequence[WaitlistOffer]:
        return [
            one
            for one in self.rows.offers.values()
            if one.entry_id in entry_ids and (one.is_live or (one.state in SEEN and one.slot.start > now))
        ]

    async def announced(self, clinician_id: str, span: Interval, *, now: datetime) -> Sequence[WaitlistOffer]:
        return [
            one
            for one in self.rows.offers.values()
            if one.state is OfferState.OFFERED and one.expires_at > now
            if one.slot.clinician_id == clinician_id and one.slot.interval.overlaps(span)
        ]

    async def save_offer(self, offer: WaitlistOffer) -> WaitlistOffer:
        if self.rows.offers[offer.id].version != offer.version:
            raise StaleOffer(offer.id)
        saved = self.rows.offers[offer.id] = offer.changed(version=offer.version + 1)
        self.patients.add(offer.patient_id)
        return saved

    async def due_offers(self, now: datetime, *, limit: int) -> Sequence[str]:
        due = [(one.due_at, one.id) for one in self.rows.offers.values() if one.due_at and one.due_at <= now]
        return [offer_id for _, offer_id in sorted(due)][:limit]

    async def defer(self, offer_id: str, *, now: datetime, until: datetime | None = None) -> None:
        offer = self.rows.offers[offer_id]
        if offer.is_live and offer.due_at is not None and offer.due_at <= now:
            self.rows.offers[offer_id] = replace(offer, due_at=until or now + _REST)

    async def hasten(self, clinician_ids: Collection[str], *, now: datetime) -> None:
        for one in self.rows.offers.values():
            if one.state is OfferState.OFFERED and one.slot.clinician_id in clinician_ids:
                self.rows.offers[one.id] = replace(one, due_at=min(one.due_at or now, now))

    async def mark(self, group: str | None, *, now: datetime) -> None:
        if group is not None and group not in self.rows.looks:
            self.rows.looks[group] = LookRow(now, now)
            return
        for name in [group] if group is not None else list(self.rows.looks):
            row = self.rows.looks[name]
            due_at = min(row.due_at, max(row.rested_at, now))
            self.rows.looks[name] = replace(row, marks=row.marks + 1, due_at=due_at)

    async def claim_look(self, now: datetime, *, until: datetime) -> Look | None:
        due = [
            (row.due_at, self._first_joined(group), group)
            for group, row in self.rows.looks.items()
            if row.due_at <= now and (row.lease_until is None or row.lease_until <= now)
        ]
        if not due:
            return None
        _, _, group = min(due)
        row = self.rows.looks[group] = replace(self.rows.looks[group], lease_until=until)
        return Look(group=group, marks=row.marks, lease_until=until, groups=len(self.rows.looks))

    def _first_joined(self, group: str) -> float:
        """Whoever has waited longest, in seconds since 1970; nobody: first, as SQLite has it."""
        waiting = [one for one in self.rows.entries.values() if one.state is EntryState.WAITING]
        return min((one.joined_at.timestamp() for one in waiting if one.wish.group == group), default=0.0)

    async def end_look(self, look: Look, *, due_at: datetime | None, rested_at: datetime) -> None:
        row = self.rows.looks.get(look.group)
        if row is None or row.lease_until != look.lease_until:
            return
        if due_at is None and row.marks == look.marks:
            del self.rows.looks[look.group]
            return
        next_due = due_at if due_at is not None and row.marks == look.marks else rested_at
        self.rows.looks[look.group] = replace(row, due_at=next_due, rested_at=rested_at, lease_until=None)

    def _changed(self, entry_id: str, **values: object) -> bool:
        entry = self.rows.entries.get(entry_id)
        if entry is None or entry.state is not EntryState.WAITING:
            return False
        self.rows.entries[entry_id] = replace(entry, **values)  # type: ignore[arg-type]  # names of fields
        self.patients.add(entry.patient_id)
        return True


def _place(entry: WaitlistEntry) -> tuple[datetime, str]:
    return entry.joined_at, entry.id
