"""Free time: weekly hours and openings less what is booked, right on the days on which clocks change."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from integrations.healthie_emulator.clock import Clock
from integrations.healthie_emulator.hours import Wanted, is_free, slots
from integrations.healthie_emulator.scheduling.records import AppointmentType
from integrations.healthie_emulator.state import World

SUNDAY, MONDAY = 6, 0
WHO = "somebody"
VIDEO, IN_PERSON = "Healthie Video Call", "In Person"


@pytest.fixture
def world() -> World:
    clock = Clock()
    clock.set(datetime(2026, 10, 20, tzinfo=UTC), stopped=True)
    world = World(seed=0, clock=clock)
    world.appointment_settings.add(base_calendar_interval="FIFTEEN_MINUTES")
    return world


def work(world: World, weekday: int, start: time, end: time, **more: Any) -> None:
    values = {"timezone": "America/New_York", **more}
    world.weekly_hours.add(user_id=WHO, weekday=weekday, start=start, end=end, **values)


def kind(world: World, **more: Any) -> AppointmentType:
    values = {"name": "Visit", "length": 30, "available_contact_types": (VIDEO, IN_PERSON), **more}
    return world.appointment_types.add(**values)


def starts(world: World, day: datetime, *, length: int = 60, days: float = 1, **more: Any) -> list[str]:
    """Give the free starts of a day that begins at `day`, in UTC as `MM-DD HH:MM`."""
    wanted = Wanted(**{"kind": None, "length": length, **more})
    found = slots(world, WHO, wanted, day, day + timedelta(days=days))
    return [f"{moment:%m-%d %H:%M}" for moment in found]


def test_weekly_hours_give_a_start_at_every_step_that_leaves_room(world: World) -> None:
    work(world, MONDAY, time(9), time(10, 30))
    assert starts(world, datetime(2026, 10, 26, 4, tzinfo=UTC)) == [
        "10-26 13:00",
        "10-26 13:15",
        "10-26 13:30",
    ]


@pytest.mark.parametrize(
    ("interval", "count"), [("FIVE_MINUTES", 7), ("TEN_MINUTES", 4), ("FIFTEEN_MINUTES", 3)]
)
def test_the_step_is_the_base_calendar_interval(world: World, interval: str, count: int) -> None:
    world.appointment_settings.change(world.settings.id, base_calendar_interval=interval)
    work(world, MONDAY, time(9), time(10))
    assert len(starts(world, datetime(2026, 10, 26, 4, tzinfo=UTC), length=30)) == count


def test_the_same_wall_clock_is_another_instant_after_the_change(world: World) -> None:
    work(world, SUNDAY, time(9), time(10))
    assert starts(world, datetime(2026, 10, 25, 4, tzinfo=UTC)) == ["10-25 13:00"]  # 9:00 EDT
    assert starts(world, datetime(2026, 11, 1, 5, tzinfo=UTC)) == ["11-01 14:00"]  # 9:00 EST


def test_an_hour_that_comes_twice_is_worked_twice(world: World) -> None:
    """2026-11-01 01:00-02:00 New York comes first in EDT, then in EST: hours 00:30-02:30 last three."""
    work(world, SUNDAY, time(0, 30), time(2, 30))
    found = starts(world, datetime(2026, 11, 1, 4, tzinfo=UTC), length=30)
    assert (found[0], found[-1], len(found)) == ("11-01 04:30", "11-01 07:00", 11)


def test_an_hour_that_is_skipped_is_not_worked(world: World) -> None:
    """2027-03-14 02:00-03:00 New York does not exist: hours 01:00-04:00 last two."""
    work(world, SUNDAY, time(1), time(4))
    found = starts(world, datetime(2027, 3, 14, 5, tzinfo=UTC), length=30)
    assert (found[0], found[-1], len(found)) == ("03-14 06:00", "03-14 07:30", 7)


def test_hours_past_midnight_end_on_the_next_day(world: World) -> None:
    work(world, SUNDAY, time(23), time(1))
    monday = datetime(2026, 10, 26, 4, tzinfo=UTC)
    assert starts(world, monday, length=30) == ["10-26 04:00", "10-26 04:15", "10-26 04:30"]


def test_a_visit_may_run_from_one_span_into_the_next(world: World) -> None:
    work(world, MONDAY, time(9), time(10))
    work(world, MONDAY, time(10), time(10, 30))
    assert len(starts(world, datetime(2026, 10, 26, 4, tzinfo=UTC), length=90)) == 1


def test_an_opening_adds_time_on_one_occasion(world: World) -> None:
    opens = datetime(2026, 10, 27, 22, tzinfo=UTC)
    world.openings.add(user_id=WHO, range_start=opens, range_end=opens + timedelta(hours=1))
    assert starts(world, datetime(2026, 10, 26, tzinfo=UTC), days=7) == ["10-27 22:00"]


def book(world: World, start: datetime, *, length: int = 30, **more: Any) -> str:
    values = {"provider_id": WHO, "user_id": None, "appointment_type_id": None, **more}
    return world.appointments.add(starts_at=start, length=length, **values).id


NINE = datetime(2026, 10, 26, 13, tzinfo=UTC)


@pytest.mark.parametrize("more", [{}, {"provider_id": "another", "provider_ids": (WHO,)}])
def test_what_is_booked_takes_its_time_as_first_and_as_second_provider(
    world: World, more: dict[str, Any]
) -> None:
    work(world, MONDAY, time(9), time(11))
    book(world, NINE + timedelta(minutes=30), **more)
    found = starts(world, datetime(2026, 10, 26, 4, tzinfo=UTC), length=30)
    assert found == ["10-26 13:00", "10-26 14:00", "10-26 14:15", "10-26 14:30"]


@pytest.mark.parametrize(
    "more",
    [
        {"provider_id": "another"},
        {"deleted_at": NINE},
        {"pm_status": "Cancelled"},
        {"pm_status": "Late Cancellation"},
        {"pm_status": "Re-Scheduled"},
    ],
)
def test_what_is_gone_or_anothers_takes_no_time(world: World, more: dict[str, Any]) -> None:
    work(world, MONDAY, time(9), time(10))
    book(world, NINE, **more)
    assert starts(world, datetime(2026, 10, 26, 4, tzinfo=UTC)) == ["10-26 13:00"]


def test_nothing_is_offered_sooner_than_the_minimum_advance_nor_later_than_the_maximum(world: World) -> None:
    for weekday in range(7):
        work(world, weekday, time(9), time(10))
    world.appointment_settings.change(
        world.settings.id, minimum_advance_schedule_time=36 * 60, max_days_in_future=4
    )
    found = starts(world, datetime(2026, 10, 1, tzinfo=UTC), days=60)
    assert found == ["10-21 13:00", "10-22 13:00", "10-23 13:00"]


def test_a_visit_type_with_settings_of_its_own_is_offered_by_these(world: World) -> None:
    work(world, MONDAY, time(9), time(12))
    world.appointment_settings.change(world.settings.id, minimum_advance_schedule_time=36 * 60)
    sunday = NINE - timedelta(days=1)
    world.clock.set(sunday)
    monday = datetime(2026, 10, 26, 4, tzinfo=UTC)
    assert starts(world, monday, kind=kind(world)) == []
    own = kind(world, minimum_advance_schedule_time=25 * 60)
    assert starts(world, monday, kind=own)[0] == "10-26 14:00"
    assert is_free(world, WHO, Wanted(kind=own, length=30), NINE + timedelta(hours=1))
    assert not is_free(world, WHO, Wanted(kind=own, length=30), NINE + timedelta(minutes=59))


def test_a_location_has_its_own_hours_for_visits_in_person(world: World) -> None:
    work(world, MONDAY, time(9), time(10), contact_types=(IN_PERSON,), appointment_location_id="here")
    work(world, MONDAY, time(11), time(12), contact_types=(IN_PERSON,), appointment_location_id="there")
    work(world, MONDAY, time(13), time(14), contact_types=(VIDEO,))
    monday, visit = datetime(2026, 10, 26, 4, tzinfo=UTC), kind(world)
    there = starts(world, monday, kind=visit, contact_type=IN_PERSON, appointment_location_id="there")
    assert there == ["10-26 15:00"]
    assert starts(world, monday, kind=visit, contact_type=IN_PERSON) == ["10-26 13:00", "10-26 15:00"]
    assert starts(world, monday, kind=visit, contact_type=VIDEO) == ["10-26 17:00"]


def test_a_clinician_who_does_not_offer_a_visit_has_no_time_for_it(world: World) -> None:
    work(world, MONDAY, time(9), time(10))
    monday = datetime(2026, 10, 26, 4, tzinfo=UTC)
    assert starts(world, monday, kind=kind(world, provider_ids=("another",))) == []
    assert starts(world, monday, kind=kind(world), contact_type="Carrier Pigeon") == []
    assert starts(world, monday, kind=kind(world, provider_ids=(WHO,))) == ["10-26 13:00"]


def test_a_booking_need_not_stand_on_the_grid_but_in_free_time(world: World) -> None:
    work(world, MONDAY, time(9), time(10))
    wanted = Wanted(kind=None, length=30)
    assert is_free(world, WHO, wanted, NINE + timedelta(minutes=7))
    assert not is_free(world, WHO, wanted, NINE + timedelta(minutes=31))
    assert not is_free(world, WHO, wanted, NINE - timedelta(minutes=1))
    booked = book(world, NINE)
    assert not is_free(world, WHO, wanted, NINE + timedelta(minutes=29))
    assert is_free(world, WHO, Wanted(kind=None, length=30, moved_appointment_id=booked), NINE)
