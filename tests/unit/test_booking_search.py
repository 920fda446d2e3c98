"""Looking for free time: ranges, zones, daylight saving, and what is held or claimed."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from booking.catalog.model import ContactType
from booking.errors import InvalidInput, UpstreamUnavailable
from booking.scheduling.search import MAX_DAYS, SlotSearch
from booking.slot_query import SlotQuery
from booking.slots import Busy, Interval
from tests.doubles.booking_ports import NOW, FakeChanges, FakeClock, FakeHolds
from tests.doubles.booking_world import CATALOG, LOCATION, LONG, PRICED, World, a_slot

NEW_YORK = "America/New_York"
TODAY, TOMORROW = date(2026, 6, 1), date(2026, 6, 2)
WANTED = {"visit_type_id": PRICED.id, "time_zone": NEW_YORK}


def query(wanted: Mapping[str, Any], first: date, last: date) -> SlotQuery:
    return SlotQuery.of(CATALOG, **wanted, first=first, last=last)


async def starts(
    world: World, wanted: Mapping[str, Any], first: date, last: date
) -> dict[date, list[datetime]]:
    days = await world.search.slots(query(wanted, first, last))
    return {day.date: [slot.start for slot in day.slots] for day in days}


class TestSlots:
    async def test_every_asked_day_is_answered_in_order_free_or_not(self, world: World) -> None:
        found = await starts(world, WANTED, TODAY, date(2026, 6, 4))
        assert list(found) == [date(2026, 6, day) for day in (1, 2, 3, 4)]
        assert [len(one) for one in found.values()] == [0, 2, 1, 0]

    async def test_days_are_counted_in_the_patients_zone(self, world: World) -> None:
        late = NOW.replace(day=3, hour=3)  # the evening before in New York, noon in Tokyo
        world.offer.free = [a_slot(hours=(late - NOW) / timedelta(hours=1))]
        for time_zone, day in ((NEW_YORK, 2), ("Asia/Tokyo", 3)):
            wanted = {"visit_type_id": PRICED.id, "time_zone": time_zone}
            found = await starts(world, wanted, TODAY, date(2026, 6, 4))
            assert found[date(2026, 6, day)] == [late]

    @pytest.mark.parametrize(
        ("day", "hours"),
        [(date(2026, 11, 1), 25), (date(2027, 3, 14), 23)],
        ids=["25 hours", "23 hours"],
    )
    async def test_a_day_of_a_clock_change_has_all_its_slots_once(
        self, world: World, day: date, hours: int
    ) -> None:
        midnight = datetime(day.year, day.month, day.day, 5 if hours == 23 else 4, tzinfo=UTC)
        around = [midnight + timedelta(hours=hour) for hour in range(-1, hours + 1)]
        world.offer.free = [a_slot(hours=(start - NOW) / timedelta(hours=1)) for start in around]
        found = await starts(world, WANTED, day - timedelta(days=1), day + timedelta(days=1))
        assert found[day] == around[1:-1]
        assert len(found[day]) == hours
        assert found[day - timedelta(days=1)] == around[:1]
        assert found[day + timedelta(days=1)] == around[-1:]

    async def test_what_upstream_offers_outside_the_asked_days_is_left_out(self, world: World) -> None:
        assert await starts(world, WANTED, TODAY, TODAY) == {TODAY: []}

    async def test_a_slot_that_has_begun_is_left_out(self, world: World) -> None:
        world.clock.advance(hours=24)
        assert (await starts(world, WANTED, TOMORROW, TOMORROW))[TOMORROW] == [a_slot(hours=24.5).start]

    async def test_held_and_claimed_time_is_absent_whatever_its_visit_type(self, world: World) -> None:
        world.offer.free += [a_slot(LONG, hours=23.5)]
        assert (await starts(world, WANTED, TOMORROW, TOMORROW))[TOMORROW]
        await world.hold(slot=a_slot(LONG, hours=23.5))
        world.database.claims["other"] = a_slot(hours=24.5)
        assert await starts(world, WANTED, TOMORROW, TOMORROW) == {TOMORROW: []}

    async def test_a_hold_that_ran_out_is_free_again(self, world: World) -> None:
        await world.hold()
        world.clock.advance(minutes=5)
        assert a_slot().start in (await starts(world, WANTED, TOMORROW, TOMORROW))[TOMORROW]

    async def test_only_clinicians_who_are_licensed_and_wanted_are_asked(self, world: World) -> None:
        for wanted, clinicians in (
            ({"visit_type_id": PRICED.id}, ["c1", "c2"]),
            ({"visit_type_id": PRICED.id, "state": "ca"}, ["c2"]),
            ({"visit_type_id": PRICED.id, "clinician_ids": ("c1",)}, ["c1"]),
        ):
            world.offer.asked.clear()
            await world.search.slots(query(wanted, TODAY, TODAY))
            assert [asked["clinicians"] for asked in world.offer.asked] == [clinicians]

    async def test_where_nobody_is_licensed_nothing_is_asked_and_every_day_is_empty(
        self, world: World
    ) -> None:
        wanted = {"visit_type_id": PRICED.id, "state": "TX"}
        assert await starts(world, wanted, TODAY, TOMORROW) == {TODAY: [], TOMORROW: []}
        assert world.offer.asked == []

    @pytest.mark.parametrize(
        ("wanted", "field"),
        [
            ({"visit_type_id": "v-none"}, "visitTypeId"),
            ({"visit_type_id": PRICED.id, "clinician_ids": ("c1", "c9")}, "clinicianIds"),
            ({"visit_type_id": PRICED.id, "time_zone": "EST5EDT4"}, "timeZone"),
            ({"visit_type_id": PRICED.id, "contact_type": ContactType.PHONE}, "contactType"),
            ({"visit_type_id": PRICED.id, "contact_type": ContactType.IN_PERSON}, "locationId"),
            ({"visit_type_id": PRICED.id, "location_id": LOCATION.id}, "locationId"),
        ],
    )
    async def test_a_wrong_wish_is_named_and_asks_nobody(
        self, world: World, wanted: Mapping[str, Any], field: str
    ) -> None:
        with pytest.raises(InvalidInput) as mistake:
            await world.search.slots(query(wanted, TODAY, TODAY))
        assert mistake.value.field == field
        assert world.offer.asked == []

    @pytest.mark.parametrize(
        ("first", "last", "field"),
        [
            (TOMORROW, TODAY, "until"),
            (TODAY, TODAY + timedelta(days=MAX_DAYS), "until"),
            (date.min, date.max, "until"),
            (date(2026, 5, 1), date(2026, 5, 31), "from"),
            (date.min, date.min, "from"),
            (date.max, date.max, "until"),
            (TODAY + timedelta(days=3000), TODAY + timedelta(days=3001), "until"),
        ],
        ids=["backwards", "32 days", "all time", "over", "dawn", "doomsday", "far off"],
    )
    async def test_an_absurd_range_is_named_and_asks_nobody(
        self, world: World, first: date, last: date, field: str
    ) -> None:
        with pytest.raises(InvalidInput) as mistake:
            await world.search.slots(query(WANTED, first, last))
        assert mistake.value.field == field
        assert world.offer.asked == []

    async def test_a_month_is_not_absurd(self, world: World) -> None:
        found = await starts(world, WANTED, TODAY, TODAY + timedelta(days=MAX_DAYS - 1))
        assert len(found) == MAX_DAYS

    async def test_today_is_the_patients_today(self, world: World) -> None:
        world.clock.at = datetime(2026, 6, 2, 3, tzinfo=UTC)  # still 1 June in New York
        assert list(await starts(world, WANTED, TODAY, TODAY)) == [TODAY]
        with pytest.raises(InvalidInput):
            await world.search.slots(query({"visit_type_id": PRICED.id}, TODAY, TODAY))


class SlowHolds(FakeHolds):
    """Holds in a database that never answers; whoever gives up gives a connection back."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.asked, self.answered, self.connections = asyncio.Event(), asyncio.Event(), 0

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        self.connections += 1
        self.asked.set()
        try:
            await self.answered.wait()
            return await super().busy(clinician_ids, span)
        finally:
            await asyncio.sleep(0)
            self.connections -= 1


class TestWhatIsReadAtTheSameTime:
    """A refusal ends the other reading too: nobody would wait for its connection to come back, not even the end of the process."""

    @pytest.fixture
    def holds(self, world: World) -> SlowHolds:
        return SlowHolds(world.clock)

    @pytest.fixture
    def search(self, world: World, holds: SlowHolds) -> SlotSearch:
        return SlotSearch(
            availability=world.offer, holds=holds, claims=FakeChanges(world.database), clock=world.clock
        )

    async def test_ends_when_the_system_of_record_refuses(
        self, world: World, holds: SlowHolds, search: SlotSearch
    ) -> None:
        async def refuse() -> None:
            await holds.asked.wait()
            raise UpstreamUnavailable("sample")

        world.offer.during_slots = refuse
        with pytest.raises(UpstreamUnavailable):
            await search.slots(query(WANTED, TODAY, TOMORROW))
        assert (holds.asked.is_set(), holds.connections) == (True, 0)

    async def test_ends_with_its_caller(self, world: World, holds: SlowHolds, search: SlotSearch) -> None:
        async def take_long() -> None:
            await holds.answered.wait()

        world.offer.during_slots = take_long
        caller = asyncio.create_task(search.slots(query(WANTED, TODAY, TOMORROW)))
        await holds.asked.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert holds.connections == 0


class TestDays:
    async def test_days_that_are_over_are_left_out(self, world: World) -> None:
        world.clock.advance(days=2)
        assert await world.search.days(query(WANTED, date(2026, 6, 20), date(2026, 6, 20))) == [
            date(2026, 6, 3)
        ]
        assert world.offer.asked[0]["month"] == TODAY

    @pytest.mark.parametrize("month", [date(2026, 5, 31), date.min, date.max])
    async def test_a_month_that_is_over_or_far_off_is_the_callers_mistake(
        self, world: World, month: date
    ) -> None:
        with pytest.raises(InvalidInput) as mistake:
            await world.search.days(query(WANTED, month, month))
        assert mistake.value.field == "month"
        assert world.offer.asked == []
