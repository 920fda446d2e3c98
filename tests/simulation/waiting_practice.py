"""A practice as the waitlist meets it: free time that comes and goes, and a calendar that answers when it can."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random

from booking.catalog.model import Catalog
from booking.errors import UpstreamUnavailable
from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery
from booking.slots import Interval, Slot
from booking.work_context import note_send
from tests.doubles.booking_world import CATALOG, LONG, PRICED
from tests.simulation.fate import Fate
from tests.simulation.plans import OF_READS
from tests.simulation.virtual_loop import BEGINNING

# Times begin every half hour, from some hours after the beginning until the evening of the next day.
STEP = timedelta(minutes=30)
STARTS = tuple(BEGINNING + 3 * timedelta(hours=1) + number * STEP for number in range(40))
KINDS = (PRICED, LONG)

Cell = tuple[str, datetime]  # half an hour of a clinician


class Practice:
    """Clinicians' free half hours; a visit is offered where all of its half hours are free."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.catalog_now: Catalog = CATALOG
        self.free: set[Cell] = set()

    def come_free(self, cell: Cell) -> None:
        """Somebody cancels, or works longer."""
        self.free.add(cell)

    def take(self, slot: Slot) -> bool:
        """Book a visit, or say that it is not free."""
        cells = set(cells_of(slot))
        if not cells <= self.free:
            return False
        self.free -= cells
        return True

    def slots(self) -> list[Slot]:
        """Every visit that is on offer, the soonest first."""
        found = [
            Slot(
                clinician_id=clinician,
                visit_type_id=kind.id,
                contact_type=kind.contact_types[0],
                location_id=None,
                start=start,
                minutes=kind.minutes,
            )
            for clinician, start in sorted(self.free)
            for kind in KINDS
            if kind.clinician_ids is None or clinician in kind.clinician_ids
        ]
        return sorted(
            (one for one in found if set(cells_of(one)) <= self.free),
            key=lambda one: (one.start, one.clinician_id, one.visit_type_id),
        )

    async def catalog(self) -> Catalog:
        """The port CatalogSource; its clinicians come and go, nothing else."""
        return self.catalog_now


def cells_of(slot: Slot) -> list[Cell]:
    """The half hours that the visit takes."""
    return [(slot.clinician_id, slot.start + number * STEP) for number in range(slot.minutes // 30)]


class SeenBy:
    """The practice's calendar as one process can read it."""

    def __init__(self, practice: Practice, fate: Fate) -> None:
        self._practice = practice
        self._fate = fate
        self.asked = 0

    async def slots(self, query: SlotQuery) -> SlotColumns:
        """The port Availability."""
        self._fate.assert_alive()
        self.asked += 1
        note_send()
        trouble = self._fate.plan.trouble(self._fate.name, "call Slots")
        if trouble is not None:
            self._fate.strike(trouble, "call Slots")
        if trouble in OF_READS:
            await asyncio.sleep(self._fate.plan.seconds(1, 30))
            await self._fate.thawed()
            raise UpstreamUnavailable("availability")
        found = [
            (int(one.start.timestamp()), one.clinician_id, one.minutes)
            for one in self._practice.slots()
            if one.visit_type_id == query.visit_type_id
            and one.clinician_id in query.clinician_ids
            and one.interval.overlaps(_whole(query))
        ]
        await asyncio.sleep(self._fate.plan.seconds(0.2, 3))
        await self._fate.thawed()
        return query.no_slots.of_rows(found)

    async def days(self, query: SlotQuery) -> Sequence[date]:
        """The port Availability; nobody here asks for days."""
        raise NotImplementedError


def _whole(query: SlotQuery) -> Interval:
    """The query's days, which the waitlist and the check of a hold count in UTC."""
    first = datetime.combine(query.first, datetime.min.time(), BEGINNING.tzinfo)
    return Interval(start=first, end=first + timedelta(days=(query.last - query.first).days + 1))
