"""Appointments as they are made, moved and taken away, with a member's and with a patient's key."""

import asyncio
from typing import Any

import pytest

from tests.plugins.emulator import CLINICIAN_1, CLINICIAN_2, OWNER, PATIENT_1, PATIENT_3, EmulatorClient

BOOK = """mutation Book($input: createAppointmentInput!) { createAppointment(input: $input) {
  appointment { id date length pm_status metadata credit_was_used contact_type provider { id } providers { id }
    user { id } requested_payment { id price status appointment_id } }
  messages { field message } } }"""

MOVE = """mutation Move($input: updateAppointmentInput!) { updateAppointment(input: $input) {
  appointment { id date pm_status providers { id } } messages { field message } } }"""

DELETE = """mutation Drop($id: ID) { deleteAppointment(input: {id: $id}) {
  appointment { id pm_status } messages { field message } } }"""

READ = """query Read($id: ID, $deleted: Boolean) { appointment(id: $id, include_deleted: $deleted) {
  id pm_status deleted_at metadata date } }"""

TEN = {"datetime": "2027-01-06 10:00", "timezone": "America/New_York"}
VIDEO, IN_PERSON = "Healthie Video Call", "In Person"


@pytest.fixture
async def ids(emulator: EmulatorClient) -> dict[str, Any]:
    seed = await emulator.control.seed()
    return {
        "clinicians": [each["id"] for each in seed["clinicians"]],
        "patients": [each["id"] for each in seed["patients"]],
        "owner": seed["owner"]["id"],
        "places": list(seed["locations"].values()),
        **seed["visit_types"],
    }


async def book(emulator: EmulatorClient, ids: dict[str, Any], *, key: str = CLINICIAN_1, **given: Any) -> Any:
    values = {
        "user_id": ids["patients"][0],
        "appointment_type_id": ids["Follow-up Visit"],
        "contact_type": VIDEO,
        **TEN,
        **given,
    }
    return (await emulator.ask(BOOK, key=key, input=values))["createAppointment"]


async def move(emulator: EmulatorClient, key: str = CLINICIAN_1, **given: Any) -> Any:
    return (await emulator.ask(MOVE, key=key, input=given))["updateAppointment"]


async def booked_now(emulator: EmulatorClient) -> list[dict[str, Any]]:
    """Give what was booked since the seed."""
    appointments: list[dict[str, Any]] = (await emulator.control.books())["appointments"]
    return appointments[3:]


class TestCreate:
    async def test_one_attendee_may_stand_for_the_client_of_a_visit_for_one_and_no_more(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        """Versions since 2025-05-15 allow a single attendee where `attendee_ids` names the client."""
        first, second = ids["patients"][:2]
        one = await book(emulator, ids, user_id=None, attendee_ids=[first])
        assert one["appointment"]["user"]["id"] == first
        two = await book(emulator, ids, user_id=None, attendee_ids=[first, second])
        assert two["messages"] == [{"field": "attendee_ids", "message": "Only one attendee is allowed"}]

    async def test_the_provider_is_other_party_id_and_the_keys_owner_without_it(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        """The guide on appointments: `other_party_id` is the provider; it defaults to the key's owner."""
        made = await book(emulator, ids, other_party_id=ids["clinicians"][1])
        own = await book(emulator, ids)
        assert made["appointment"]["provider"] == {"id": ids["clinicians"][1]}
        assert made["appointment"]["providers"] == [{"id": ids["clinicians"][1]}]
        assert own["appointment"]["provider"] == {"id": ids["clinicians"][0]}

    async def test_switches_make_of_it_what_integrators_report(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        await emulator.control.switches(key_owner_becomes_second_provider=True)
        second = await book(emulator, ids, other_party_id=ids["clinicians"][1])
        assert [each["id"] for each in second["appointment"]["providers"]] == ids["clinicians"][1::-1]
        await emulator.control.switches(other_party_id_overrides=False)
        ignored = await book(emulator, ids, other_party_id=ids["clinicians"][1])
        assert ignored["appointment"]["provider"] == {"id": ids["clinicians"][0]}

    async def test_availability_is_not_checked_unless_asked_for(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        assert (await book(emulator, ids))["messages"] is None
        assert (await book(emulator, ids, user_id=ids["patients"][1]))["messages"] is None
        at_night = await book(emulator, ids, datetime="2027-01-06 03:00")
        assert at_night["messages"] is None
        assert len(await booked_now(emulator)) == 3

    @pytest.mark.parametrize("when", ["2027-01-06 10:15", "2027-01-06 03:00", "2027-01-04 10:30"])
    async def test_enforced_availability_refuses_by_messages_what_is_taken_closed_or_too_soon(
        self, emulator: EmulatorClient, ids: dict[str, Any], when: str
    ) -> None:
        await book(emulator, ids, enforce_availability=True)
        refused = await book(emulator, ids, enforce_availability=True, datetime=when)
        assert refused["appointment"] is None
        assert refused["messages"] == [{"field": "datetime", "message": "This time is not available"}]
        assert len(await booked_now(emulator)) == 1

    async def test_of_two_enforced_bookings_at_once_one_is_refused(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        both = await asyncio.gather(*(book(emulator, ids, enforce_availability=True) for _ in range(2)))
        assert sorted(each["messages"] is None for each in both) == [False, True]

    async def test_a_switch_checks_without_holding_and_two_at_once_both_pass(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        await emulator.control.switches(check_availability_without_holding=True)
        both = await asyncio.gather(*(book(emulator, ids, enforce_availability=True) for _ in range(2)))
        assert [each["messages"] for each in both] == [None, None]
        assert len({each["starts_at"] for each in await booked_now(emulator)}) == 1

    async def test_in_person_needs_an_appointment_location(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        refused = await book(emulator, ids, contact_type=IN_PERSON)
        made = await book(emulator, ids, contact_type=IN_PERSON, appointment_location_id=ids["places"][0])
        assert refused["messages"][0]["field"] == "appointment_location_id"
        assert made["messages"] is None

    async def test_metadata_is_kept_and_readable(self, emulator: EmulatorClient, ids: dict[str, Any]) -> None:
        metadata = {"checkout": "c-1", "nested": [1, None]}
        made = await book(emulator, ids, metadata=metadata)
        read = await emulator.ask(READ, id=made["appointment"]["id"])
        assert read["appointment"]["metadata"] == metadata

    async def test_a_missing_timezone_reads_the_time_in_the_zone_of_the_keys_owner(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        """He works in Chicago: ten o'clock of a patient in New York is booked an hour late."""
        meant = await book(emulator, ids, key=CLINICIAN_2)
        wrong = await book(emulator, ids, key=CLINICIAN_2, timezone=None)
        assert meant["appointment"]["date"] == "2027-01-06 09:00:00 -0600"
        assert wrong["appointment"]["date"] == "2027-01-06 10:00:00 -0600"

    async def test_a_priced_visit_type_raises_an_invoice(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        made = await book(emulator, ids, appointment_type_id=ids["Single Visit"])
        invoice = made["appointment"]["requested_payment"]
        assert (invoice["price"], invoice["status"]) == ("120.0", "Not Yet Paid")
        assert invoice["appointment_id"] == made["appointment"]["id"]
        free = await book(emulator, ids, appointment_type_id=ids["Free Consultation"])
        assert free["appointment"]["requested_payment"] is None

    @pytest.mark.parametrize("listed", ["{1},{2}", "{1}"])
    async def test_a_list_without_the_trailing_comma_does_nothing_and_answers_success(
        self, emulator: EmulatorClient, ids: dict[str, Any], listed: str
    ) -> None:
        text = listed.format(*ids["clinicians"])
        silent = await book(emulator, ids, providers=text)
        heeded = await book(emulator, ids, providers=f"{text},")
        assert silent["messages"] is None
        assert [each["id"] for each in silent["appointment"]["providers"]] == ids["clinicians"][:1]
        assert [each["id"] for each in heeded["appointment"]["providers"]] == [
            ids["clinicians"][0],
            *text.split(","),
        ]

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"user_id": "424242"}, "user_id"),
            ({"appointment_type_id": "424242"}, "appointment_type_id"),
            ({"other_party_id": "424242"}, "other_party_id"),
            ({"contact_type": "Carrier Pigeon"}, "contact_type"),
            ({"contact_type": None}, "contact_type"),
            ({"appointment_location_id": "424242"}, "appointment_location_id"),
            ({"datetime": None}, "datetime"),
            ({"datetime": "soon"}, "datetime"),
            ({"timezone": "Mars/Olympus"}, "datetime"),
        ],
    )
    async def test_a_booking_that_cannot_be_is_refused_by_messages(
        self, emulator: EmulatorClient, ids: dict[str, Any], given: dict[str, Any], field: str
    ) -> None:
        refused = await book(emulator, ids, **given)
        assert [each["field"] for each in refused["messages"]] == [field]
        assert await booked_now(emulator) == []

    async def test_a_patients_key_does_not_book_this_way(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        """Healthie's guide on appointments keeps createAppointment to keys of members."""
        values = {"user_id": ids["patients"][0], "appointment_type_id": ids["Follow-up Visit"], **TEN}
        errors = await emulator.errors(BOOK, key=PATIENT_1, input={**values, "contact_type": VIDEO})
        assert errors[0]["extensions"]["code"] == "UNAUTHORIZED"
        assert await booked_now(emulator) == []

    async def test_a_price_of_its_own_takes_the_place_of_the_types(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        made = await book(emulator, ids, appointment_type_id=ids["Single Visit"], price="40", units="2")
        assert made["appointment"]["requested_payment"]["price"] == "80.0"


class TestUpdate:
    async def test_staff_moves_an_appointment_and_sets_its_status(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        made = (await book(emulator, ids))["appointment"]
        moved = await move(emulator, id=made["id"], datetime="2027-01-07 11:00", timezone="America/New_York")
        shown = await move(emulator, id=made["id"], pm_status="No-Show")
        assert moved["appointment"]["date"] == "2027-01-07 11:00:00 -0500"
        assert shown["appointment"]["pm_status"] == "No-Show"

    async def test_a_status_that_is_not_enabled_is_refused(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        made = (await book(emulator, ids))["appointment"]
        for status in ("Checked-In", "Gone"):
            refused = await move(emulator, id=made["id"], pm_status=status)
            assert refused["messages"][0]["field"] == "pm_status"
        assert (await move(emulator, id=made["id"], pm_status="Late Cancellation"))["messages"] is None

    async def test_enforced_a_move_needs_free_time_and_makes_room_for_itself(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        made = (await book(emulator, ids))["appointment"]
        await book(emulator, ids, datetime="2027-01-06 11:00")
        zone: dict[str, Any] = {"timezone": "America/New_York", "enforce_availability": True}
        onto_itself = await move(emulator, id=made["id"], datetime="2027-01-06 10:15", **zone)
        onto_other = await move(emulator, id=made["id"], datetime="2027-01-06 11:00", **zone)
        assert onto_itself["messages"] is None
        assert onto_other["messages"][0]["message"] == "This time is not available"

    async def test_staff_gives_an_appointment_another_type_patient_and_clinician(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        made = (await book(emulator, ids))["appointment"]["id"]
        changed = await move(
            emulator,
            id=made,
            appointment_type_id=ids["Initial Visit"],
            user_id=ids["patients"][1],
            other_party_id=ids["clinicians"][1],
            providers=f"{ids['clinicians'][2]},",
        )
        *_, kept = await booked_now(emulator)
        assert changed["messages"] is None
        assert (kept["length"], kept["user_id"], kept["provider_id"]) == (
            60,
            ids["patients"][1],
            ids["clinicians"][1],
        )
        assert kept["provider_ids"] == [ids["clinicians"][2]]

    async def test_blockers_are_never_checked(self, emulator: EmulatorClient, ids: dict[str, Any]) -> None:
        night: dict[str, Any] = {"datetime": "2027-01-06 03:00", "enforce_availability": True}
        blocker = await book(emulator, ids, is_blocker=True, user_id=None, appointment_type_id=None, **night)
        assert blocker["messages"] is None
        moved = await move(
            emulator, id=blocker["appointment"]["id"], **night | {"datetime": "2027-01-06 04:00"}
        )
        assert moved["messages"] is None

    async def test_a_patient_keeps_to_the_notice_periods_and_staff_need_not(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        soon = (await book(emulator, ids, datetime="2027-01-05 09:00"))["appointment"]["id"]
        later = (await book(emulator, ids))["appointment"]["id"]
        assert (await move(emulator, PATIENT_1, id=soon, pm_status="Cancelled"))["messages"]
        assert (await move(emulator, PATIENT_1, id=soon, datetime="2027-01-09 09:00"))["messages"]
        assert (await move(emulator, PATIENT_1, id=later, pm_status="Cancelled"))["messages"] is None
        assert (await move(emulator, id=soon, pm_status="Cancelled"))["messages"] is None

    @pytest.mark.parametrize("when", ["2027-01-07 11:00", "2027-01-07 03:00"], ids=["taken", "closed"])
    async def test_a_patient_moves_to_free_time_only_and_a_refusal_moves_nothing(
        self, emulator: EmulatorClient, ids: dict[str, Any], when: str
    ) -> None:
        """Healthie's guide on patients' own scheduling: `messages` says so."""
        mine = (await book(emulator, ids))["appointment"]
        await book(emulator, ids, user_id=ids["patients"][1], datetime="2027-01-07 11:00")
        zone: dict[str, Any] = {"client_updating": True, "timezone": "America/New_York"}
        refused = await move(emulator, PATIENT_1, id=mine["id"], datetime=when, **zone)
        assert refused["messages"] == [{"field": "datetime", "message": "This time is not available"}]
        assert (await emulator.ask(READ, id=mine["id"]))["appointment"]["date"] == mine["date"]
        moved = await move(emulator, PATIENT_1, id=mine["id"], datetime="2027-01-07 11:30", **zone)
        assert moved["messages"] is None
        assert (await booked_now(emulator))[0]["patient_reschedule_count"] == 1

    @pytest.mark.parametrize("binds", [True, False])
    async def test_whether_notice_binds_a_patients_key_is_a_switch(
        self, emulator: EmulatorClient, ids: dict[str, Any], *, binds: bool
    ) -> None:
        await emulator.control.switches(notice_binds_patients=binds)
        soon = (await book(emulator, ids, datetime="2027-01-05 09:00"))["appointment"]["id"]
        shown = "query V($id: ID) { appointment(id: $id) { can_client_cancel can_client_reschedule } }"
        assert (await emulator.ask(shown, id=soon))["appointment"] == {
            "can_client_cancel": False,
            "can_client_reschedule": False,
        }
        assert bool((await move(emulator, PATIENT_1, id=soon, pm_status="Cancelled"))["messages"]) == binds

    async def test_a_patient_changes_neither_notes_nor_people(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        mine = (await book(emulator, ids, notes="for staff"))["appointment"]["id"]
        await move(emulator, PATIENT_1, id=mine, notes="mine", other_party_id=ids["clinicians"][1])
        [kept] = await booked_now(emulator)
        assert (kept["notes"], kept["provider_id"]) == ("for staff", ids["clinicians"][0])
        read = "query N($id: ID) { appointment(id: $id) { notes } }"
        assert (await emulator.ask(read, key=PATIENT_1, id=mine))["appointment"]["notes"] is None
        assert (await emulator.ask(read, id=mine))["appointment"]["notes"] == "for staff"

    async def test_anothers_appointment_looks_missing_to_a_patient(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        made = (await book(emulator, ids))["appointment"]["id"]
        foreign = await move(emulator, PATIENT_3, id=made, pm_status="Cancelled")
        missing = await move(emulator, PATIENT_3, id="424242", pm_status="Cancelled")
        assert foreign == missing
        assert (await emulator.ask(READ, key=PATIENT_3, id=made))["appointment"] is None


class TestDelete:
    async def test_with_a_staff_key_it_disappears_and_include_deleted_reads_it(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        made = (await book(emulator, ids))["appointment"]["id"]
        await emulator.ask(DELETE, key=CLINICIAN_1, id=made)
        assert (await emulator.ask(READ, id=made))["appointment"] is None
        read = (await emulator.ask(READ, id=made, deleted=True))["appointment"]
        assert read["deleted_at"] == "2027-01-04 10:00:00 -0500"
        again = await emulator.ask(DELETE, key=CLINICIAN_1, id=made)
        assert again["deleteAppointment"]["messages"][0]["message"] == "Appointment not found"

    async def test_with_a_patients_key_it_becomes_cancelled(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        made = (await book(emulator, ids))["appointment"]["id"]
        answer = await emulator.ask(DELETE, key=PATIENT_1, id=made)
        assert answer["deleteAppointment"]["appointment"]["pm_status"] == "Cancelled"
        assert (await emulator.ask(READ, id=made))["appointment"]["deleted_at"] is None

    async def test_either_frees_the_time(self, emulator: EmulatorClient, ids: dict[str, Any]) -> None:
        for key in (CLINICIAN_1, PATIENT_1):
            made = await book(emulator, ids, enforce_availability=True)
            assert made["messages"] is None
            await emulator.ask(DELETE, key=key, id=made["appointment"]["id"])
        assert (await book(emulator, ids, enforce_availability=True))["messages"] is None


class TestList:
    LIST = """query List($user: ID, $provider: ID, $start: ISO8601DateTime, $end: ISO8601DateTime, $org: Boolean,
      $filter: String, $all: Boolean, $order: AppointmentOrderKeys) { appointments(user_id: $user,
      provider_id: $provider, startDate: $start, endDate: $end, is_org: $org, filter: $filter,
      with_all_statuses: $all, order_by: $order) { total_count nodes { id user { id } date } } }"""

    async def count(self, emulator: EmulatorClient, key: str = OWNER, **variables: Any) -> int:
        return int((await emulator.ask(self.LIST, key=key, **variables))["appointments"]["total_count"])

    async def test_a_key_lists_its_owners_own_unless_the_practice_is_meant(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        assert await self.count(emulator, CLINICIAN_1, filter="all") == 2
        assert await self.count(emulator, CLINICIAN_2, filter="all") == 1
        assert await self.count(emulator, CLINICIAN_2, org=True, filter="all") == 3
        assert await self.count(emulator, OWNER, user=ids["patients"][2], filter="all") == 2

    async def test_without_a_filter_only_what_comes_is_listed(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        """Healthie's guide on appointments."""
        assert await self.count(emulator, user=ids["patients"][2]) == 1

    async def test_what_is_under_way_is_past_by_its_start_and_upcoming_by_its_end(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        await book(emulator, ids, datetime="2027-01-04 09:45")  # a quarter of an hour ago, for half an hour
        found = {
            name: await self.count(emulator, user=ids["patients"][0], filter=name)
            for name in ("future", "past", "upcoming", "ended", "all")
        }
        assert found == {"future": 0, "past": 1, "upcoming": 1, "ended": 0, "all": 1}

    async def test_inactive_are_cancelled_moved_and_missed_and_didnt_occur_lists_just_those(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        """Healthie's guide on what is active; `with_all_statuses` comes before `didnt-occur`."""
        mine = {"user": ids["patients"][0]}
        for hour, status in enumerate(
            ("Cancelled", "Re-Scheduled", "No-Show", "Late Cancellation", "Occurred")
        ):
            made = await book(emulator, ids, datetime=f"2027-01-06 {10 + hour}:00")
            await move(emulator, id=made["appointment"]["id"], pm_status=status)
        assert await self.count(emulator, **mine) == 2
        assert await self.count(emulator, **mine, filter="didnt-occur") == 3
        assert await self.count(emulator, **mine, filter="didnt-occur", all=True) == 5

    @pytest.mark.parametrize(("only", "listed"), [(False, 3), (True, 2)])
    async def test_whether_a_range_by_itself_lists_what_is_past_is_a_switch(
        self, emulator: EmulatorClient, *, only: bool, listed: int
    ) -> None:
        await emulator.control.switches(ranges_list_future_only=only)
        around: dict[str, Any] = {"start": "2026-12-01", "end": "2027-02-01", "org": True}
        assert await self.count(emulator, **around) == listed
        assert await self.count(emulator, **around, filter="all") == 3

    async def test_one_end_of_a_range_bounds_nothing(self, emulator: EmulatorClient) -> None:
        """Healthie's reference wants `startDate` and `endDate` together."""
        assert await self.count(emulator, org=True, start="2028-01-06", filter="all") == 3

    async def test_a_clinicians_id_as_user_id_finds_nothing(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        assert await self.count(emulator, user=ids["clinicians"][0]) == 0
        assert await self.count(emulator, provider=ids["clinicians"][0], filter="all") == 2

    async def test_start_and_end_bound_the_list(self, emulator: EmulatorClient) -> None:
        assert await self.count(emulator, org=True, start="2027-01-06", end="2027-01-06") == 1
        assert await self.count(emulator, org=True, filter="past") == 1
        assert await self.count(emulator, org=True, filter="upcoming") == 2

    async def test_cancelled_ones_are_listed_with_all_statuses_and_deleted_ones_never(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        cancelled = (await book(emulator, ids))["appointment"]["id"]
        deleted = (await book(emulator, ids))["appointment"]["id"]
        await move(emulator, id=cancelled, pm_status="Cancelled")
        await emulator.ask(DELETE, id=deleted)
        assert await self.count(emulator, user=ids["patients"][0]) == 0
        assert await self.count(emulator, user=ids["patients"][0], all=True) == 1

    async def test_order_is_by_date(self, emulator: EmulatorClient) -> None:
        found = await emulator.ask(self.LIST, org=True, order="DATE_DESC")
        dates = [each["date"] for each in found["appointments"]["nodes"]]
        assert dates == sorted(dates, reverse=True)
