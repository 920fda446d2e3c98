"""Which group visits are listed, for whom, and how often the calendar is read for it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from booking.catalog.model import BookingPolicy, Catalog, Clinician, ContactType, GroupType
from booking.errors import UpstreamUnavailable
from booking.groups.model import GroupVisit, GroupWish
from booking.groups.service import HORIZON, TIME_TO_LIVE, GroupVisitService
from tests.doubles.booking_ports import FakeClock
from tests.doubles.group_visits import ListedGroupVisits

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ALL = GroupWish()


def a_clinician(name: str, *states: str) -> Clinician:
    return Clinician(
        id=name, name="Dr. Sample", qualifications=None, time_zone="UTC", licensed_in=frozenset(states)
    )


def a_type(name: str, **changes: Any) -> GroupType:
    values: dict[str, Any] = {
        "id": name,
        "name": "Sample Group",
        "description": None,
        "minutes": 60,
        "contact_types": (ContactType.VIDEO,),
        "price": None,
        "clinician_ids": None,
    }
    return GroupType(**values | changes)


def a_catalog(**changes: Any) -> Catalog:
    return replace(
        Catalog(
            plans=(),
            visit_types=(),
            clinicians=(a_clinician("11", "NY"), a_clinician("12", "CA")),
            locations=(),
            policy=BookingPolicy(
                schedule_notice=timedelta(hours=2),
                cancel_notice=None,
                late_cancellation_fee=None,
                no_show_fee=None,
            ),
            group_types=(a_type("80"), a_type("81")),
        ),
        **changes,
    )


def a_visit(name: str, **changes: Any) -> GroupVisit:
    return replace(
        GroupVisit(
            id=name,
            visit_type_id="80",
            clinician_id="11",
            start=NOW + timedelta(days=1),
            minutes=60,
            contact_type=ContactType.VIDEO,
            location_id=None,
            seats=5,
            seats_taken=2,
        ),
        **changes,
    )


class Scene:
    def __init__(self, *visits: GroupVisit) -> None:
        self.calendar = ListedGroupVisits(visits=list(visits))
        self.clock = FakeClock(NOW)
        self.service = GroupVisitService(visits=self.calendar, clock=self.clock)

    async def found(self, wish: GroupWish = ALL, catalog: Catalog | None = None) -> list[str]:
        return [visit.id for visit in await self.service.upcoming(catalog or a_catalog(), wish)]


@pytest.mark.parametrize(
    ("seats", "taken", "left", "full"),
    [(5, 2, 3, False), (5, 5, 0, True), (5, 7, 0, True), (0, 0, 0, True), (None, 40, None, False)],
)
def test_seats_left_are_counted_and_never_below_zero(
    seats: int | None, taken: int, left: int | None, *, full: bool
) -> None:
    visit = a_visit("1", seats=seats, seats_taken=taken)
    assert (visit.seats_left, visit.is_full) == (left, full)


async def test_they_come_soonest_first() -> None:
    later = a_visit("1", start=NOW + timedelta(days=2))
    assert await Scene(later, a_visit("3"), a_visit("2")).found() == ["2", "3", "1"]


@pytest.mark.parametrize(
    ("wish", "names"),
    [
        (GroupWish(visit_type_id="81"), ["2"]),
        (GroupWish(visit_type_id="70"), []),
        (GroupWish(clinician_ids=frozenset({"12"})), ["3"]),
        (GroupWish(clinician_ids=frozenset()), []),
        (GroupWish(contact_type=ContactType.PHONE), ["4"]),
        (GroupWish(state="ca"), ["3"]),
        (GroupWish(state="CA", visit_type_id="81"), []),
    ],
    ids=str,
)
async def test_they_are_those_that_are_wanted(wish: GroupWish, names: list[str]) -> None:
    scene = Scene(
        a_visit("1"),
        a_visit("2", visit_type_id="81"),
        a_visit("3", clinician_id="12"),
        a_visit("4", contact_type=ContactType.PHONE),
    )
    assert await scene.found(wish) == names


async def test_one_of_a_clinician_who_is_not_bookable_is_left_out() -> None:
    scene = Scene(a_visit("1"), a_visit("2", clinician_id="13"))
    assert await scene.found() == ["1"]
    assert await scene.found(catalog=a_catalog().without(frozenset({"11"}))) == []


async def test_one_within_the_notice_is_left_out_by_the_types_own_or_the_practices() -> None:
    scene = Scene(
        a_visit("1", start=NOW + timedelta(hours=2)),
        a_visit("2", start=NOW + timedelta(hours=2) - timedelta(seconds=1)),
        a_visit("3", visit_type_id="81", start=NOW + timedelta(minutes=1)),
        a_visit("4", visit_type_id="81", start=NOW),
    )
    own = a_catalog(group_types=(a_type("80"), a_type("81", schedule_notice=timedelta())))
    assert await scene.found(catalog=own) == ["3", "1"]


async def test_a_practice_without_group_types_is_not_asked() -> None:
    scene = Scene(a_visit("1"))
    assert await scene.found(catalog=a_catalog(group_types=())) == []
    assert scene.calendar.reads == []


async def test_one_look_serves_everybody_for_half_a_minute() -> None:
    scene = Scene(a_visit("1"))
    await asyncio.gather(*(scene.found() for _ in range(5)), scene.found(GroupWish(state="NY")))
    scene.clock.advance(seconds=TIME_TO_LIVE.total_seconds() - 1)
    await scene.found()
    assert scene.calendar.reads == [(NOW, NOW + HORIZON)]
    scene.clock.advance(seconds=1)
    await scene.found()
    assert len(scene.calendar.reads) == 2


async def test_another_offer_is_looked_at_anew_and_so_is_one_from_the_future() -> None:
    scene = Scene(a_visit("1"), a_visit("2", visit_type_id="82"))
    await scene.found()
    assert await scene.found(catalog=a_catalog(group_types=(a_type("80"), a_type("82")))) == ["1", "2"]
    scene.clock.advance(hours=-1)
    await scene.found(catalog=a_catalog(group_types=(a_type("80"), a_type("82"))))
    assert len(scene.calendar.reads) == 3


async def test_what_cannot_be_read_is_an_error_and_is_read_again_at_once() -> None:
    scene = Scene(a_visit("1"))
    scene.calendar.error = UpstreamUnavailable("down")
    with pytest.raises(UpstreamUnavailable):
        await scene.found()
    scene.calendar.error = None
    assert await scene.found() == ["1"]
