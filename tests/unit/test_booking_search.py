"""Looking for free time: ranges, zones, daylight saving, and what is held or claimed."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from booking.catalog.model import ContactType
from booking.change_signals import of_checkout
from booking.checkout.model import CheckoutState
from booking.errors import InvalidInput
from booking.refusals import SlotNotOffered
from booking.scheduling.search import MAX_DAYS
from booking.slot_query import SlotQuery
from tests.doubles.booking_ports import NOW
from tests.doubles.booking_world import CATALOG, LOCATION, LONG, PRICED, VISITOR, World, a_slot

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

    async def test_only_clinicians_who_are_licensed_and_wanted_are_answered_from_one_reading_of_all(
        self, world: World
    ) -> None:
        world.offer.free = [a_slot(clinician=one) for one in ("c1", "c2")]
        for wanted, clinicians in (
            ({"visit_type_id": PRICED.id}, {"c1", "c2"}),
            ({"visit_type_id": PRICED.id, "state": "ca"}, {"c2"}),
            ({"visit_type_id": PRICED.id, "clinician_ids": ("c1",)}, {"c1"}),
        ):
            (day,) = await world.search.slots(query(wanted, TOMORROW, TOMORROW))
            assert {slot.clinician_id for slot in day.slots} == clinicians
        (asked,) = world.offer.asked
        assert asked["clinicians"] == ["c1", "c2"]

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


class TestWhatIsReadAfterTheOffer:
    async def test_what_is_held_while_the_calendar_is_waited_for_is_left_out(self, world: World) -> None:
        async def take_meanwhile() -> None:
            world.offer.during_slots = None
            await world.hold()

        world.offer.during_slots = take_meanwhile
        found = await starts(world, WANTED, TOMORROW, TOMORROW)
        assert found == {TOMORROW: [a_slot(hours=24.5).start]}

    async def test_a_visit_booked_here_after_the_offer_was_read_is_left_out(self, world: World) -> None:
        assert a_slot().start in (await starts(world, WANTED, TOMORROW, TOMORROW))[TOMORROW]
        world.clock.advance(seconds=5)
        checkout = world.row(await world.start(VISITOR, a_slot()))
        world.database.change_signals = None  # a signal that is lost
        world.put(checkout.changed(state=CheckoutState.CONFIRMED, ended_at=world.clock.now()))
        world.holds.emptied()
        asked = len(world.offer.asked)
        assert a_slot().start not in (await starts(world, WANTED, TOMORROW, TOMORROW))[TOMORROW]
        assert len(world.offer.asked) == asked, "the offer is that of before"

    async def test_after_a_visit_was_booked_here_the_calendar_is_read_again(self, world: World) -> None:
        world.change_signals.observe(world.search.note_changes)
        await starts(world, WANTED, TOMORROW, TOMORROW)
        asked = len(world.offer.asked)
        checkout = world.row(await world.start(VISITOR, a_slot(hours=48)))
        world.clock.advance(seconds=1)
        world.offer.free.remove(a_slot(hours=24.5))  # it needs time before it, which nobody here knows of
        world.put(checkout.changed(state=CheckoutState.CONFIRMED, ended_at=world.clock.now()))
        world.change_signals.publish(of_checkout(world.row(checkout)))
        found = await starts(world, WANTED, TOMORROW, TOMORROW)
        assert found == {TOMORROW: [a_slot().start]}
        assert len(world.offer.asked) == asked + 3, "the hold's own, and the days of the new reading"

    async def test_a_slot_that_a_hold_was_refused_is_not_shown_again(self, world: World) -> None:
        assert a_slot().start in (await starts(world, WANTED, TOMORROW, TOMORROW))[TOMORROW]
        world.clock.advance(seconds=1)
        world.offer.free.remove(a_slot())  # staff booked it
        with pytest.raises(SlotNotOffered):
            await world.hold()
        assert a_slot().start not in (await starts(world, WANTED, TOMORROW, TOMORROW))[TOMORROW]


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
