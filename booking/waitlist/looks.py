"""Looks for free times that somebody waits for, and intends offers of them.

A look does not ask what came free: it reads what is free now, so nothing is lost with a signal or with a process. Change signals only
make it come sooner. Groups (a visit type, a contact type and a location) take turns, one look at a time in a process, and each rests
in proportion to the requests that its look may have cost.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from booking.catalog.model import Catalog
from booking.change_signals import moved_calendars
from booking.errors import InvalidInput, UpstreamUnavailable
from booking.ports import CatalogSource, Clock
from booking.scheduling.search import SlotSearch
from booking.slot_query import SlotQuery
from booking.slots import Slot
from booking.unit_of_work import UnitOfWorkFactory
from booking.waitlist.choosing import Intents
from booking.waitlist.matching import Situation, clinicians_of, practice_notice
from booking.waitlist.model import EntryState, Look, WaitlistEntry
from booking.waitlist.offers import OfferDriver
from booking.waitlist.pages import read_all
from booking.waitlist.rules import (
    DAYS_PER_REQUEST,
    LEASE,
    MOST_DAYS,
    REST_PER_REQUEST,
    WaitlistRules,
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What a look has read."""

    slots: Sequence[Slot] = ()
    requests: int = 0  # that it may have cost
    next_expiry: datetime | None = None  # of a hold within the days, UTC


class WaitlistLooker:
    """Does the looks that are due."""

    def __init__(
        self,
        *,
        units: UnitOfWorkFactory,
        search: SlotSearch,
        catalog: CatalogSource,
        driver: OfferDriver,
        clock: Clock,
        rules: WaitlistRules,
    ) -> None:
        self._units = units
        self._search = search
        self._catalog = catalog
        self._driver = driver
        self._intents = Intents(units=units)
        self._clock = clock
        self._rules = rules
        self._moved = False  # whether somebody's free time has changed since it was noted
        self._clinicians: set[str] = set()  # whose holds or claims have changed

    def note(self, topics: Collection[str]) -> None:
        """Take note of change signals; cheap, and without I/O."""
        self._moved |= moved_calendars(topics) != set()
        self._clinicians |= {one.removeprefix("clinician:") for one in topics if one.startswith("clinician:")}

    async def run_due(self) -> None:
        """Write down what was noted, then do one look, if one is due."""
        await self._write_notes()
        now = self._clock.now()
        async with self._units() as unit:
            look = await unit.waitlist.claim_look(now, until=now + LEASE)
            await unit.commit()
        if look is not None:
            await self._do(look)

    async def _write_notes(self) -> None:
        moved, clinicians = self._moved, self._clinicians
        if not moved and not clinicians:
            return
        self._moved, self._clinicians = False, set()
        try:
            await self._write(moved=moved, clinicians=clinicians)
        except BaseException:  # the database is down: it is written when it is back
            self._moved |= moved
            self._clinicians |= clinicians
            raise

    async def _write(self, *, moved: bool, clinicians: Collection[str]) -> None:
        now = self._clock.now()
        # Apart: other transactions write an offer's row before a look's.
        if moved:
            async with self._units() as unit:
                await unit.waitlist.mark(None, now=now)
                await unit.commit()
        if clinicians:
            async with self._units() as unit:
                await unit.waitlist.hasten(clinicians, now=now)
                await unit.commit()

    async def _do(self, look: Look) -> None:
        try:
            due_at, rested_at = await self._look(look)
        except UpstreamUnavailable:
            log.info("waitlist.look_put_off")
            due_at = rested_at = self._clock.now() + self._rules.look_every
        async with self._units() as unit:
            await unit.waitlist.end_look(look, due_at=due_at, rested_at=rested_at)
            await unit.commit()

    async def _look(self, look: Look) -> tuple[datetime | None, datetime]:
        """Look once; returns when to look again (None: nobody waits), and when at the soonest. Raises UpstreamUnavailable."""
        now = self._clock.now()
        catalog = await self._catalog.catalog()
        everybody = await read_all(self._units, look.group, now=now)
        situation = Situation(catalog=catalog, rules=self._rules, now=now, offers=everybody.offers)
        # Who has an offer at the end of their last day may still book it.
        over = [one for one in everybody.entries if one.ends_at <= now and one.id not in situation.busy]
        await self._end(over, now=now)
        if len(over) == len(everybody.entries):
            return None, now
        waiting = [one for one in everybody.entries if now < one.ends_at and one.id not in situation.busy]
        found = await self._find(waiting, catalog, now=now)
        intended = await self._intents.intend(waiting, found.slots, situation)
        for offer_id in intended:
            await self._driver.resume(offer_id)  # what does not come so far is due, and a worker's
        done = self._clock.now()
        # An offer costs a request too: its time is read anew under the hold.
        rested_at = done + (found.requests + len(intended)) * look.groups * REST_PER_REQUEST
        due_at = done + self._rules.look_every
        if found.next_expiry is not None:
            due_at = max(rested_at, min(due_at, found.next_expiry + timedelta(seconds=1)))
        return max(due_at, rested_at), rested_at

    async def _find(self, entries: Sequence[WaitlistEntry], catalog: Catalog, *, now: datetime) -> _Found:
        """What is free on the days that somebody waits for, with whom they wait for."""
        if not entries:
            return _Found()
        wish = entries[0].wish
        clinicians = frozenset().union(*(clinicians_of(one.wish, catalog) for one in entries))
        notice = min(max(one.wish.notice, practice_notice(one.wish, catalog)) for one in entries)
        first, last = now.date(), max((one.ends_at - timedelta.resolution).date() for one in entries)
        last = min(max(first, last), first + timedelta(days=MOST_DAYS - 1))
        try:
            query = SlotQuery.of(
                catalog,
                visit_type_id=wish.visit_type_id,
                contact_type=wish.contact_type,
                location_id=wish.location_id,
                clinician_ids=clinicians,
                first=min((now + notice).date(), last),
                last=last,
            )
        except InvalidInput:  # the practice offers such visits no longer, or not there; that may change again
            return _Found()
        if not query.clinician_ids:
            return _Found()
        offered = await self._search.offered(query)
        taken = await self._search.taken(query, since=offered.as_of)
        days = self._search.by_day(query, offered, taken.everything)
        return _Found(
            slots=[slot for day in days for slot in day.slots] if not offered.stale else (),
            requests=-(-((query.last - query.first).days + 1) // DAYS_PER_REQUEST),
            next_expiry=min((one.until for one in taken.everything if one.until is not None), default=None),
        )

    async def _end(self, over: Sequence[WaitlistEntry], *, now: datetime) -> None:
        for entry in over:
            async with self._units() as unit:
                await unit.waitlist.end_entry(entry.id, EntryState.OVER, now=now)
                await unit.commit()
