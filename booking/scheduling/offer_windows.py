"""Offer windows: one reading of the system of record serves everybody who asks for those days while it is seconds old.

A query is answered from offer days: of all clinicians who offer the visit, cut in UTC. So queries for different clinicians, ranges and time
zones share readings; each day is read by one request at a time, in this process (single read) and in all that share a store (lease).
What must be true now (a hold, anything before money) is asked directly, see `offered_now`.
"""

import asyncio
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from booking.errors import UpstreamUnavailable
from booking.ports import Availability, Clock
from booking.scheduling.offer_cache import OfferCache
from booking.scheduling.offer_days import (
    OfferDay,
    OfferKind,
    by_day,
    days_between,
    joined,
    kinds_of,
    utc_days_of,
)
from booking.scheduling.offer_store import KEPT, NoOfferStore, OfferStore
from booking.scheduling.request_sizes import RequestSizes
from booking.single_flight import SingleFlight
from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery
from booking.slots import Slot
from booking.tasks import cancel_and_wait, gather_or_cancel
from booking.work_context import noting_sends

# How old an offer may be that answers a query (ADR 51). A slot may have been taken since in the practice's own calendar: a hold reads it again.
FRESH = timedelta(seconds=10)

# While the calendar cannot be read, what is a little older is answered, and marked as stale.
STALE = KEPT

# Seconds between looks for what another process is reading; doubled from the first to the longest.
_FIRST_LOOK, _LONGEST_LOOK = 0.02, 0.2

# Seconds between looks while the own request waits to be sent: another process may be served first.
_LOOK_AGAIN = 1.0


@dataclass(frozen=True, kw_only=True)
class Offered:
    """The offer that answers one query."""

    slots: SlotColumns
    as_of: datetime  # UTC, taken when the oldest of its readings was sent
    stale: bool = False  # a newer reading was needed and failed


@dataclass(kw_only=True, eq=False)
class _WindowRead:
    """A window of days that is being read."""

    kind: OfferKind
    days: tuple[date, ...]
    after: datetime  # what was read earlier will not do
    sent_at: datetime | None = None  # None: it still waits, so that it will show whatever changes until then
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    def serves(self, after: datetime) -> bool:
        """Whether the answer will be from after this time; a reading that was not sent yet takes it into account."""
        if self.sent_at is None:
            self.after = max(self.after, after)
            return True
        return self.sent_at > after


class OfferWindows:
    """Availability through shared readings. Callers that share a reading share its age."""

    def __init__(self, *, availability: Availability, clock: Clock, store: OfferStore | None = None) -> None:
        self._availability = availability
        self._clock = clock
        self._store = store or NoOfferStore()
        self._cache = OfferCache(clock=clock)
        self._sizes = RequestSizes()
        self._window_reads: dict[tuple[OfferKind, date], _WindowRead] = {}
        self._reads: SingleFlight[_WindowRead, Mapping[date, OfferDay]] = SingleFlight()
        self._direct: SingleFlight[SlotQuery, Offered] = SingleFlight()
        self._days: SingleFlight[SlotQuery, Sequence[date]] = SingleFlight()

    async def offered(self, query: SlotQuery, *, after: datetime | None = None) -> Offered:
        """The offer, at most FRESH old, and read after this time (UTC) if one is given.

        While that cannot be read, one that is at most STALE old, marked stale. Raises UpstreamUnavailable.
        """
        now = self._clock.now()
        days = utc_days_of(query, now)
        if not days:  # a live query goes on after the last of its days
            return Offered(slots=query.no_slots, as_of=now)
        kinds = kinds_of(query, groups=self._sizes.of(query.visit_type_id).groups)
        changed_at = self._cache.changed_at(query.clinician_ids)
        wanted = max(now - FRESH, changed_at, after or changed_at)
        try:
            offers = await self._read_all(kinds, days, after=wanted)
        except UpstreamUnavailable:
            kept = self._kept(kinds, days, query.clinician_ids)
            if kept is None:
                raise
            return _answer(query, kept, stale=True)
        return _answer(query, offers, stale=False)

    async def offered_now(self, query: SlotQuery) -> Offered:
        """The present offer: asked for now, or joined while it is being asked for. Raises UpstreamUnavailable."""
        return await self._direct(query, lambda: self._request(query))

    async def days(self, query: SlotQuery) -> Sequence[date]:
        """The days of the query on which anything is free, ascending; always asked for. Raises UpstreamUnavailable."""
        return await self._days(query, lambda: self._availability.days(query))

    def forget(self, clinician_ids: Collection[str] | None = None) -> None:
        """The free time of these clinicians, or of everybody, has changed: it is read again for the next query."""
        self._cache.forget(clinician_ids)

    def deny(self, slot: Slot) -> None:
        """The calendar does not offer this slot: a reading that does is not used any more."""
        kind = (slot.visit_type_id, slot.contact_type, slot.location_id)
        if any(slot in offer.slots for offer in self._cache.offering(kind, slot.day)):
            self.forget([slot.clinician_id])

    async def _request(self, query: SlotQuery) -> Offered:
        as_of = self._clock.now()
        return Offered(slots=await self._availability.slots(query), as_of=as_of)

    def _kept(
        self, kinds: Sequence[OfferKind], days: Sequence[date], clinician_ids: Collection[str]
    ) -> list[OfferDay] | None:
        """What is known of all these days and may still be shown; None where one is missing."""
        # In whole: an offer that is exactly STALE old may be shown.
        after = max(self._clock.now() - STALE - timedelta.resolution, self._cache.changed_at(clinician_ids))
        kept = [self._cache.get(kind, day, after=after) for kind in kinds for day in days]
        return None if None in kept else [offer for offer in kept if offer is not None]

    async def _read_all(
        self, kinds: Sequence[OfferKind], days: Sequence[date], *, after: datetime
    ) -> list[OfferDay]:
        """Each day of each kind, read after this time: known, or read now. The nearest days are asked for first."""
        known: list[OfferDay] = []
        reads: dict[_WindowRead, list[date]] = {}
        for day in days:
            for kind in kinds:
                if (offer := self._cache.get(kind, day, after=after)) is not None:
                    known.append(offer)
                else:
                    reads.setdefault(self._window_read(kind, day, days[-1], after=after), []).append(day)
        found = await gather_or_cancel(*(self._join(read) for read in reads))
        return known + [
            offers[day] for offers, some in zip(found, reads.values(), strict=True) for day in some
        ]

    def _window_read(self, kind: OfferKind, day: date, until: date, *, after: datetime) -> _WindowRead:
        """The reading of the day that is under way, or a new one for a query that ends on that last day."""
        read = self._window_reads.get((kind, day))
        if read is None or not read.serves(after):
            read = _WindowRead(kind=kind, days=self._window(kind, day, until, after=after), after=after)
            self._window_reads |= dict.fromkeys(((kind, one) for one in read.days), read)
        return read

    def _window(self, kind: OfferKind, day: date, until: date, *, after: datetime) -> tuple[date, ...]:
        """The days that one request asks for with this one, of those that nobody knows or reads.

        While there is ample room in the pace, what the query wants. Else the days around as well, cut by the calendar, so that windows of
        different queries coincide.
        """
        size = self._sizes.of(kind.visit_type_id).days
        if self._sizes.turns_are_scarce:
            begin = date.fromordinal(day.toordinal() - day.toordinal() % size)
            first, last = max(begin, min(day, self._clock.now().date())), begin + timedelta(days=size - 1)
        else:
            first, last = day, min(until, day + timedelta(days=size - 1))

        def needed(one: date) -> bool:
            read = self._window_reads.get((kind, one))
            return self._cache.get(kind, one, after=after) is None and not (read and read.serves(after))

        return _run_around(day, [one for one in days_between(first, last) if needed(one)])

    async def _join(self, read: _WindowRead) -> Mapping[date, OfferDay]:
        return await self._reads(read, lambda: self._find_or_read(read))

    async def _find_or_read(self, read: _WindowRead) -> Mapping[date, OfferDay]:
        """Find the days in the store, or read what is missing there. Raises UpstreamUnavailable."""
        pause = _FIRST_LOOK
        try:
            while True:
                found, leased = await self._look(read, token=read.token)
                if missing := [day for day in read.days if day not in found]:
                    if leased:
                        return found | await self._read_for_all(read, missing)
                else:
                    return found
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_LOOK)
        finally:
            for day in read.days:
                if self._window_reads.get((read.kind, day)) is read:
                    del self._window_reads[read.kind, day]

    async def _look(self, read: _WindowRead, *, token: str | None) -> tuple[dict[date, OfferDay], bool]:
        """What other processes have read of the window's days, and whether the lease of the rest is its own."""
        after = max(read.after, self._clock.now() - FRESH)
        look = await self._store.look(read.kind, read.days, after=after, token=token)
        found = {day: offer for day, offer in look.offers.items() if offer.as_of > read.after}
        self._cache.keep(read.kind, found)
        return found, look.leased

    async def _read_for_all(self, read: _WindowRead, days: Sequence[date]) -> dict[date, OfferDay]:
        """Read these days for everybody. While the request waits to be sent, another process may be served first."""
        reading = asyncio.ensure_future(self._read(read, days))
        try:
            while not (await asyncio.wait([reading], timeout=_LOOK_AGAIN))[0]:
                if read.sent_at is None:
                    found, _ = await self._look(read, token=None)
                    if found.keys() >= set(days) and read.sent_at is None:
                        return found
            return await reading
        finally:
            await cancel_and_wait([reading])
            if reading.cancelled() or reading.exception():  # otherwise they ended when it was stored
                await self._store.release(read.kind, days, token=read.token)

    async def _read(self, read: _WindowRead, days: Sequence[date]) -> dict[date, OfferDay]:
        """Ask the system of record, in one request. Raises UpstreamUnavailable."""
        asked = list(days_between(days[0], days[-1]))
        began = self._clock.now()
        with self._sizes.learning(read.kind.visit_type_id, days=len(asked)) as timed:

            def sent(*, is_scarce: bool) -> None:
                read.sent_at = self._clock.now()
                timed.sent()
                self._sizes.note_turn(is_scarce=is_scarce)

            with noting_sends(sent):
                slots = await self._availability.slots(read.kind.query(asked[0], asked[-1]))
            timed.slots = len(slots)
        offers = by_day(slots, asked, read.sent_at or began)
        self._cache.keep(read.kind, offers)
        await self._store.put(read.kind, offers, token=read.token)
        return offers


def _answer(query: SlotQuery, offers: Sequence[OfferDay], *, stale: bool) -> Offered:
    return Offered(slots=joined(query, offers), as_of=min(one.as_of for one in offers), stale=stale)


def _run_around(day: date, days: Sequence[date]) -> tuple[date, ...]:
    """The consecutive ones of these days that contain this one."""
    first = last = day
    while first - timedelta(days=1) in days:
        first -= timedelta(days=1)
    while last + timedelta(days=1) in days:
        last += timedelta(days=1)
    return tuple(days_between(first, last))
