"""Live queries: what callers may subscribe to, with the authorization of the queries that give the same answers."""

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from datetime import date
from typing import TypeAlias

from booking.change_signals import LocalChangeSignals
from booking.checkout.access import opens
from booking.checkout.model import Checkout
from booking.errors import InvalidInput
from booking.live.free_time import FreeTime
from booking.live.quota import SubscriptionQuota, bounds_of
from booking.live.shared_reads import Reading, SharedReads
from booking.live.shown_times import ShownTimes
from booking.models import Appointment
from booking.ports import Clock
from booking.principals import Caller
from booking.records import RecordsService
from booking.resources import Kind, Resource
from booking.scheduling.search import Day, SlotSearch
from booking.slot_query import SlotQuery
from booking.unit_of_work import Scope, UnitOfWorkFactory
from booking.visits.known import as_last_known, as_moved, booked_visit
from booking.visits.model import end_of
from booking.waitlist.service import WaitlistPlace, WaitlistService
from booking.work_context import asked_by

# Two weeks on a screen. The system of record answers two days a request.
MOST_DAYS = 14

# Distinct queries for free time at once in one process; each costs some requests upstream every five minutes.
_MOST_SLOT_QUERIES = 500

# Above any number of operations that sockets carry, so in effect no bound; a row is read only when it changes.
_MOST_CHECKOUTS = 20_000
_MOST_PATIENTS = 5_000

Days: TypeAlias = tuple[Day, ...]
Visits: TypeAlias = tuple[Appointment, ...]

WaitlistPlaces: TypeAlias = tuple[WaitlistPlace, ...]

# A checkout, and its visit as it was seen last; None where that is as it was booked, or nothing is booked.
WatchedCheckout: TypeAlias = tuple[Checkout, Appointment | None]

# Seconds after which the snapshot of a booked visit is looked at without a change signal: only a visit that names its checkout signals it.
_VISIT_AGAIN = 60.0


class LiveQueries:
    """Streams that yield the present state first and then each new one. Subscribers to the same thing share its reads."""

    def __init__(
        self,
        *,
        change_signals: LocalChangeSignals,
        search: SlotSearch,
        records: RecordsService,
        waitlist: WaitlistService,
        units: UnitOfWorkFactory,
        clock: Clock,
    ) -> None:
        self._search = search
        self._records = records
        self._waitlist = waitlist
        self._units = units
        self._clock = clock
        self.shown = ShownTimes()  # for the change poller
        self._checkouts: SharedReads[str, WatchedCheckout | None] = SharedReads(
            change_signals=change_signals, most=_MOST_CHECKOUTS
        )
        self._slot_queries: SharedReads[SlotQuery, Days] = SharedReads(
            change_signals=change_signals, most=_MOST_SLOT_QUERIES
        )
        self._quota: SubscriptionQuota[SlotQuery] = SubscriptionQuota()
        self._visits: SharedReads[str, Visits] = SharedReads(
            change_signals=change_signals, most=_MOST_PATIENTS
        )
        self._places: SharedReads[str, WaitlistPlaces] = SharedReads(
            change_signals=change_signals, most=_MOST_PATIENTS
        )

    async def checkout(self, caller: Caller, checkout_id: str) -> AsyncGenerator[WatchedCheckout, None]:
        """The caller's checkout, at every write of its row and every change of its visit that was seen.

        Ends without a value for a foreign and a missing one alike.
        """
        states = self._checkouts.watch(checkout_id, lambda: _CheckoutSource(checkout_id, self._units))
        async with aclosing(states):
            async for watched in states:
                if watched is None:
                    return
                checkout, visit = watched
                ends = end_of(visit) if visit is not None else None
                if not opens(caller, checkout, now=self._clock.now(), visit_ends=ends):
                    return
                yield watched

    def check_range(self, first: date, last: date, time_zone: str) -> None:
        """Raise InvalidInput unless a live query of the days first..last is possible."""
        if (last - first).days >= MOST_DAYS:
            raise InvalidInput(field="until", reason=f"Watch at most {MOST_DAYS} days at once.")
        self._search.check_range(first, last, time_zone)

    async def slots(
        self, query: SlotQuery, *, caller: Caller | None, client: str | None
    ) -> AsyncGenerator[list[Day], None]:
        """All days first..last of the query, then only the days that changed.

        `client` is the network that the caller comes from, None where it is not known. Raises InvalidInput; SubscriptionLimitReached,
        as CallerLimitReached where it is the caller's quota; UpstreamUnavailable when the system of record cannot be read at the start, or for minutes.
        """
        self.check_range(query.first, query.last, query.time_zone)
        states = self._slot_queries.watch(query, lambda: self._free_time(query))
        sent: dict[date, Day] = {}
        with self._quota.taken(query, bounds_of(caller, client)):
            async with aclosing(states):
                async for days in states:
                    changed = [day for day in days if day.date not in sent or _differ(day, sent[day.date])]
                    if changed:
                        sent |= {day.date: day for day in changed}
                        yield changed

    async def visits(self, caller: Caller) -> AsyncGenerator[Visits, None]:
        """The caller's visits, newest start first. Ends at once when no patient is signed in. Raises UpstreamUnavailable."""
        patient_id = caller.principal.patient_id
        if patient_id is None:
            return
        states = self._visits.watch(patient_id, lambda: _VisitsSource(caller, patient_id, self._records))
        async with aclosing(states):
            async for visits in states:
                yield visits

    async def waitlist(self, caller: Caller) -> AsyncGenerator[WaitlistPlaces, None]:
        """The caller's places on the waitlist with their offers. Ends at once when no patient is signed in."""
        patient_id = caller.principal.patient_id
        if patient_id is None:
            return
        states = self._places.watch(patient_id, lambda: _WaitlistSource(patient_id, self._waitlist))
        async with aclosing(states):
            async for places in states:
                yield places

    def _free_time(self, query: SlotQuery) -> FreeTime:
        return FreeTime(query, search=self._search, shown=self.shown, clock=self._clock)


class _CheckoutSource:
    """One checkout's row, with the snapshot of its visit; a Source of shared reads."""

    def __init__(self, checkout_id: str, units: UnitOfWorkFactory) -> None:
        self._checkout_id = checkout_id
        self._units = units
        self.topics = frozenset({f"checkout:{checkout_id}"})

    async def read(self, changed_topics: Collection[str]) -> Reading[WatchedCheckout | None]:
        """The row and its visit; None where there is no row."""
        del changed_topics
        async with self._units(Scope.READING) as unit:
            checkout = await unit.checkouts.get(self._checkout_id)
            if checkout is None or checkout.appointment_id is None:
                return Reading(state=None if checkout is None else (checkout, None))
            booked = booked_visit(checkout)
            if booked is None:
                return Reading(state=(checkout, None), again=_VISIT_AGAIN)
            visit = as_moved(booked, await unit.changes.of_checkout(checkout.id))
            snapshot = await unit.snapshots.get(Resource(kind=Kind.VISIT, id=visit.id))
        seen = as_last_known(visit, snapshot)
        return Reading(state=(checkout, seen if seen != booked else None), again=_VISIT_AGAIN)


class _VisitsSource:
    """One patient's visits; a Source of shared reads. Only that patient subscribes, so the read is made in their name."""

    def __init__(self, caller: Caller, patient_id: str, records: RecordsService) -> None:
        self._caller = caller
        self._patient_id = patient_id
        self._records = records
        self.topics = frozenset({f"patient:{patient_id}"})

    async def read(self, changed_topics: Collection[str]) -> Reading[Visits]:
        """The visits. Raises UpstreamUnavailable."""
        del changed_topics
        with asked_by(self._caller.principal.key):
            return Reading(state=tuple(await self._records.appointments(self._patient_id)))


class _WaitlistSource:
    """One patient's places on the waitlist; a Source of shared reads."""

    def __init__(self, patient_id: str, waitlist: WaitlistService) -> None:
        self._patient_id = patient_id
        self._waitlist = waitlist
        self.topics = frozenset({f"waitlist:{patient_id}"})

    async def read(self, changed_topics: Collection[str]) -> Reading[WaitlistPlaces]:
        """The places."""
        del changed_topics
        return Reading(state=tuple(await self._waitlist.places(self._patient_id)), again=_VISIT_AGAIN)


def _differ(day: Day, sent: Day) -> bool:
    """Whether the day shows anything else than was sent; a later `as_of` alone is no difference."""
    return (day.slots, day.stale) != (sent.slots, sent.stale)
