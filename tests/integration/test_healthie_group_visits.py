"""Group visits as they are read from Healthie: which ones, and how many seats are taken."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from booking.catalog.model import ContactType, GroupType
from booking.groups.model import GroupVisit
from booking.money import Money
from integrations.healthie_emulator.scheduling.records import Appointment, AppointmentType
from tests.integration.healthie_on_emulator import Practice, practice

VIDEO = "Healthie Video Call"


@pytest.fixture
async def here() -> AsyncIterator[Practice]:
    async with practice() as opened:
        yield opened


def a_kind(here: Practice, **changes: Any) -> AppointmentType:
    values: dict[str, Any] = {
        "name": "Sample Group",
        "length": 60,
        "available_contact_types": (VIDEO,),
        "is_group": True,
        "is_waitlist_enabled": True,
        "price": 30_00,
    }
    return here.world.appointment_types.add(**values | changes)


def a_group(here: Practice, kind: AppointmentType, **changes: Any) -> Appointment:
    values: dict[str, Any] = {
        "provider_id": here.clinician(1),
        "user_id": None,
        "appointment_type_id": kind.id,
        "starts_at": soon(here),
        "length": 60,
        "contact_type": VIDEO,
        "max_attendees": "3",
    }
    return here.world.appointments.add(**values | changes)


def soon(here: Practice) -> datetime:
    return here.world.clock.now() + timedelta(days=2)


def seat(here: Practice, group: Appointment, number: int, **changes: Any) -> None:
    here.world.seats.add(
        appointment_id=group.id, user_id=here.patient(number), external_uuid=f"secret-{number}", **changes
    )


async def standing(here: Practice, *kinds: AppointmentType) -> list[GroupVisit]:
    now = here.world.clock.now()
    found = await here.healthie.group_visits.standing(
        {kind.id for kind in kinds}, start=now, end=now + timedelta(days=60)
    )
    return list(found)


class TestTypes:
    async def test_a_group_type_is_offered_apart_from_the_visits_that_free_time_is_searched_for(
        self, here: Practice
    ) -> None:
        kind = a_kind(here)
        catalog = await here.healthie.catalog.catalog()
        assert catalog.visit_type(kind.id) is None
        assert catalog.group_type(kind.id) == GroupType(
            id=kind.id,
            name="Sample Group",
            description=None,
            minutes=60,
            contact_types=(ContactType.VIDEO,),
            price=Money.of("30", "USD"),
            clinician_ids=None,
            has_waitlist=True,
        )
        assert await here.healthie.on_sale.visit_type(kind.id) is None, "a checkout cannot sell it"

    @pytest.mark.parametrize(
        "change",
        [
            {"clients_can_book": False},
            {"more": {"bookable_by_groups": True}},
            {"available_contact_types": ()},
        ],
        ids=str,
    )
    async def test_one_that_not_every_patient_may_join_is_left_out(
        self, here: Practice, change: dict[str, Any]
    ) -> None:
        a_kind(here, **change)
        assert (await here.healthie.catalog.catalog()).group_types == ()


class TestVisits:
    async def test_it_tells_when_how_with_whom_and_how_many_seats_are_taken(self, here: Practice) -> None:
        kind = a_kind(here)
        group = a_group(here, kind)
        seat(here, group, 1)
        seat(here, group, 2, cancelled=True)
        assert await standing(here, kind) == [
            GroupVisit(
                id=group.id,
                visit_type_id=kind.id,
                clinician_id=here.clinician(1),
                start=soon(here),
                minutes=60,
                contact_type=ContactType.VIDEO,
                location_id=None,
                seats=3,
                seats_taken=1,
            )
        ]

    @pytest.mark.parametrize("listed", [False, True])
    async def test_a_full_one_is_full_whether_or_not_those_who_wait_are_listed_too(
        self, here: Practice, *, listed: bool
    ) -> None:
        here.world.switches.attended_clients_list_waiting = listed
        kind = a_kind(here)
        group = a_group(here, kind, max_attendees="1")
        seat(here, group, 1)
        seat(here, group, 2, waiting=True)
        (found,) = await standing(here, kind)
        assert (found.seats_left, found.is_full) == (0, True)

    @pytest.mark.parametrize(
        ("text", "seats"), [(None, None), ("", None), (" 12 ", 12), ("twelve", None), ("0", 0), ("²", None)]
    )
    async def test_a_number_of_seats_that_healthie_does_not_state_is_none(
        self, here: Practice, text: str | None, seats: int | None
    ) -> None:
        kind = a_kind(here)
        a_group(here, kind, max_attendees=text)
        (found,) = await standing(here, kind)
        assert found.seats == seats

    @pytest.mark.parametrize(
        "change",
        [
            {"pm_status": "Cancelled"},
            {"pm_status": "Occurred"},
            {"contact_type": "Carrier Pigeon"},
            {"starts_at": datetime.fromisoformat("2020-01-06T10:00:00+00:00")},
        ],
        ids=str,
    )
    async def test_one_that_nobody_can_come_to_is_left_out(
        self, here: Practice, change: dict[str, Any]
    ) -> None:
        kind = a_kind(here)
        a_group(here, kind, **change)
        assert await standing(here, kind) == []

    async def test_a_deleted_one_and_one_of_another_type_are_left_out(self, here: Practice) -> None:
        kind, other = a_kind(here), a_kind(here, name="Another Group")
        a_group(here, kind, deleted_at=here.world.clock.now())
        a_group(here, other)
        assert await standing(here, kind) == []

    async def test_more_than_a_page_are_read_and_nobody_is_named(self, here: Practice) -> None:
        kind = a_kind(here)
        for number in range(60):
            a_group(here, kind, starts_at=soon(here) + timedelta(hours=number))
        assert len(await standing(here, kind)) == 60
        assert here.wire.operations["GroupVisitsBetween"] == 2
