"""A practice's calendar on virtual time: answers after a while, at a pace if it has one, and counts what it is asked."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from booking.catalog.model import ContactType
from booking.errors import UpstreamUnavailable
from booking.local_pacer import LocalPacer
from booking.pacing import Pace
from booking.scheduling.offer_days import days_between
from booking.scheduling.offer_store import OfferStore
from booking.scheduling.offer_windows import OfferWindows
from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery
from booking.work_context import note_send
from integrations.upstream.errors import reading
from integrations.upstream.gate import Gate
from integrations.upstream.transport import Request
from tests.simulation.virtual_loop import VirtualLoop

PEOPLE = frozenset({"c1", "c2", "c3"})
MONDAY = date(2027, 1, 4)  # when virtual time begins, at 15:00 UTC

_REQUEST = Request(
    operation="AvailableSlots", mutation=False, kind="availability", variables={}, timeout=30, budget=30
)


class Calendar:
    """The port Availability, and the clock. Everybody is free at every full hour but those in `taken`."""

    def __init__(self, loop: VirtualLoop, *, seconds: float = 0.2, pace: Pace | None = None) -> None:
        self.loop = loop
        self.seconds = seconds  # until it answers
        self.seconds_a_day = 0.0  # in addition, for each day that is asked for
        self.is_down = False
        self.taken: set[tuple[str, datetime]] = set()
        self.asked: list[SlotQuery] = []  # in the order of sending
        self.sent_at: list[float] = []
        self.given_up = 0
        self._pacer = LocalPacer(pace, clock=loop.time, jitter=lambda: 0.0) if pace else None
        self._gate = Gate(pacer=self._pacer)

    def now(self) -> datetime:
        return self.loop.now()

    def process(self, store: OfferStore | None = None) -> OfferWindows:
        """Another process that asks this calendar; each has a queue of its own, and all have one pace."""
        asks = _Asks(self, Gate(pacer=self._pacer))
        return OfferWindows(availability=asks, clock=self, store=store)

    async def slots(self, query: SlotQuery, gate: Gate | None = None) -> SlotColumns:
        async def send() -> SlotColumns:
            self.asked.append(query)
            self.sent_at.append(self.loop.time())
            days = list(days_between(query.first, query.last))
            free = self._free(query, days)  # as it is when it is asked, not when it answers
            try:
                await asyncio.sleep(self.seconds + self.seconds_a_day * len(days))
            except asyncio.CancelledError:
                self.given_up += 1
                raise
            if self.is_down:
                raise UpstreamUnavailable("sample")
            return free

        with reading():
            return await (gate or self._gate).through(_REQUEST, "key", send)

    async def days(self, query: SlotQuery) -> Sequence[date]:
        note_send()
        self.asked.append(query)
        await asyncio.sleep(self.seconds)
        return [query.first]

    def _free(self, query: SlotQuery, days: Sequence[date]) -> SlotColumns:
        hours = [datetime.combine(day, time(hour), UTC) for day in days for hour in range(24)]
        return query.no_slots.of_rows(
            (int(start.timestamp()), one, 60)
            for start in hours
            for one in query.clinician_ids
            if (one, start) not in self.taken
        )


class _Asks:
    """The calendar as one process asks it."""

    def __init__(self, calendar: Calendar, gate: Gate) -> None:
        self._calendar = calendar
        self._gate = gate

    async def slots(self, query: SlotQuery) -> SlotColumns:
        return await self._calendar.slots(query, self._gate)

    async def days(self, query: SlotQuery) -> Sequence[date]:
        return await self._calendar.days(query)


def a_query(
    first: int = 1,
    last: int | None = None,
    *,
    people: frozenset[str] = PEOPLE,
    time_zone: str = "UTC",
    visit: str = "v1",
) -> SlotQuery:
    """A query of these days after MONDAY."""
    return SlotQuery(
        visit_type_id=visit,
        contact_type=ContactType.VIDEO,
        location_id=None,
        clinician_ids=people,
        first=MONDAY + timedelta(days=first),
        last=MONDAY + timedelta(days=first if last is None else last),
        time_zone=time_zone,
        offering_ids=PEOPLE,
    )
