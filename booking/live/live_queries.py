"""What callers may watch: the same things that they may look at, told again whenever they change."""

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from datetime import date
from typing import TypeAlias

from booking.change_signals import LocalChangeSignals
from booking.checkout.access import opens
from booking.checkout.model import Checkout
from booking.errors import InvalidInput
from booking.live.change_poller import ChangeReader
from booking.live.free_time import FreeTime
from booking.live.quota import SubscriptionQuota, bounds_of
from booking.live.shared_reads import Reading, SharedReads
from booking.models import Appointment
from booking.ports import Clock
from booking.principals import Caller
from booking.records import RecordsService
from booking.scheduling.search import Day, SlotSearch
from booking.slot_query import SlotQuery
from booking.unit_of_work import UnitOfWorkFactory
from booking.work_context import asked_by

# Two weeks on a screen. The system of record is asked for two days at a time.
MOST_DAYS = 14

# Different questions for free time at once in one process; each costs some requests upstream every five minutes.
_QUESTIONS = 500

# As many as there may be operations on sockets is no bound; a row is read for each only when it changes.
_CHECKOUTS = 20_000
_PATIENTS = 5_000

Days: TypeAlias = tuple[Day, ...]
Visits: TypeAlias = tuple[Appointment, ...]


class LiveQueries:
    """Tells the present state first, and then every other. Any number may watch the same for the price of one."""

    def __init__(
        self,
        *,
        change_signals: LocalChangeSignals,
        search: SlotSearch,
        records: RecordsService,
        units: UnitOfWorkFactory,
        changes: ChangeReader,
        clock: Clock,
    ) -> None:
        self._search = search
        self._records = records
        self._units = units
        self._changes = changes
        self._clock = clock
        self._checkouts: SharedReads[str, Checkout | None] = SharedReads(
            change_signals=change_signals, most=_CHECKOUTS
        )
        self._questions: SharedReads[SlotQuery, Days] = SharedReads(
            change_signals=change_signals, most=_QUESTIONS
        )
        self._quota: SubscriptionQuota[SlotQuery] = SubscriptionQuota()
        self._visits: SharedReads[str, Visits] = SharedReads(change_signals=change_signals, most=_PATIENTS)

    async def checkout(self, caller: Caller, checkout_id: str) -> AsyncGenerator[Checkout, None]:
        """The caller's checkout, at every write of its row; nothing for a foreign and a missing one alike."""
        watched = self._checkouts.watch(checkout_id, lambda: _Row(checkout_id, self._units))
        async with aclosing(watched):
            async for checkout in watched:
                if checkout is None or not opens(caller, checkout, now=self._clock.now()):
                    return
                yield checkout

    async def slots(
        self, query: SlotQuery, *, caller: Caller | None, client: str | None
    ) -> AsyncGenerator[list[Day], None]:
        """All days first..last of the query, and then the days that changed.

        `client` is the network that the caller comes from, None where it is not known. Raises InvalidInput, SubscriptionLimitReached,
        and UpstreamUnavailable when the system of record cannot be read: at the start, or for minutes.
        """
        if (query.last - query.first).days >= MOST_DAYS:
            raise InvalidInput(field="until", reason=f"Watch at most {MOST_DAYS} days at once.")
        self._search.check_range(query)
        watched = self._questions.watch(query, lambda: self._free_time(query))
        told: dict[date, Day] = {}
        with self._quota.taken(query, bounds_of(caller, client)):
            async with aclosing(watched):
                async for days in watched:
                    changed = [day for day in days if day.date not in told or _differ(day, told[day.date])]
                    if changed:
                        told |= {day.date: day for day in changed}
                        yield changed

    async def visits(self, caller: Caller) -> AsyncGenerator[Visits, None]:
        """The caller's visits, newest start first; nothing when nobody is signed in. Raises UpstreamUnavailable."""
        patient_id = caller.principal.patient_id
        if patient_id is None:
            return
        watched = self._visits.watch(patient_id, lambda: _Visits(caller, patient_id, self._records))
        async with aclosing(watched):
            async for visits in watched:
                yield visits

    def _free_time(self, query: SlotQuery) -> FreeTime:
        return FreeTime(query, search=self._search, changes=self._changes, clock=self._clock)


class _Row:
    """A checkout's row; a source."""

    def __init__(self, checkout_id: str, units: UnitOfWorkFactory) -> None:
        self._checkout_id = checkout_id
        self._units = units
        self.topics = frozenset({f"checkout:{checkout_id}"})

    async def read(self, changed_topics: Collection[str]) -> Reading[Checkout | None]:
        """The row."""
        del changed_topics
        async with self._units() as unit:
            return Reading(state=await unit.checkouts.get(self._checkout_id))


class _Visits:
    """A patient's visits; a source. Only the patient watches them, so it is they who ask."""

    def __init__(self, caller: Caller, patient_id: str, records: RecordsService) -> None:
        self._caller = caller
        self._patient_id = patient_id
        self._records = records
        self.topics = frozenset({f"patient:{patient_id}"})

    async def read(self, changed_topics: Collection[str]) -> Reading[Visits]:
        """The visits."""
        del changed_topics
        with asked_by(self._caller.principal.key):
            return Reading(state=tuple(await self._records.appointments(self._patient_id)))


def _differ(day: Day, told: Day) -> bool:
    """Whether the day shows anything else; that it was read later is nothing to tell."""
    return (day.slots, day.stale) != (told.slots, told.stale)
