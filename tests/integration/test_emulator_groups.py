"""Group appointments: seats, waitlists, who may give a seat up; and appointments that repeat."""

from typing import Any

import pytest

from tests.plugins.emulator import CLINICIAN_1, OWNER, PATIENT_1, PATIENT_2, EmulatorClient

VIDEO = "Healthie Video Call"

TYPE = """mutation Type($input: createAppointmentTypeInput) { createAppointmentType(input: $input) {
  appointmentType { id is_group is_waitlist_enabled available_contact_types } messages { field message } } }"""

BOOK = """mutation Book($input: createAppointmentInput!) { createAppointment(input: $input) {
  appointment { id is_group appointment_category user { id } attendees { id } use_zoom session_id zoom_join_url }
  messages { field message } } }"""

JOIN = """mutation Join($input: completeCheckoutInput) { completeCheckout(input: $input) {
  appointment { id } appointments { id } messages { field message } } }"""

SEATS = """query Seats($id: ID) { appointment(id: $id) { attendees { id } attendees_on_waitlist { id }
  attended_clients { id external_uuid cancelled confirmed attended user { id } } } }"""

SLOTS = """query Slots($id: ID!, $type: ID, $types: [ID], $waitlist: Boolean) {
  availableSlotsForRange(provider_id: $id, appt_type_id: $type, appointment_type_ids: $types,
    clients_can_join_waitlist: $waitlist, start_date: "2027-01-06", end_date: "2027-01-06") {
    appointment_id is_fully_booked has_waitlist_enabled appointment_type { id } } }"""


@pytest.fixture
async def here(emulator: EmulatorClient) -> dict[str, Any]:
    """A group for two on Wednesday at ten, with a waitlist: `type`, `group`, and who there is."""
    seed = await emulator.control.seed()
    kind = {"name": "Sample Group", "length": 60, "is_group": True, "is_waitlist_enabled": True}
    made = await emulator.ask(TYPE, input={**kind, "contact_type_overrides": ["video_chat"]})
    type_id = made["createAppointmentType"]["appointmentType"]["id"]
    patients = [each["id"] for each in seed["patients"]]
    booked = await emulator.ask(
        BOOK,
        key=CLINICIAN_1,
        input={
            "appointment_type_id": type_id,
            "contact_type": VIDEO,
            "datetime": "2027-01-06T10:00:00-05:00",
            "max_attendees": "2",
            "attendee_ids": patients[:1],
        },
    )
    return {
        "type": type_id,
        "group": booked["createAppointment"]["appointment"],
        "patients": patients,
        "clinician": seed["clinicians"][0]["id"],
    }


async def seats(emulator: EmulatorClient, here: dict[str, Any], key: str = OWNER) -> dict[str, Any]:
    read = (await emulator.ask(SEATS, key=key, id=here["group"]["id"]))["appointment"]
    return {
        **read,
        "on": [each["id"] for each in read["attendees"]],
        "waiting": [each["id"] for each in read["attendees_on_waitlist"]],
    }


async def join(emulator: EmulatorClient, here: dict[str, Any], key: str, **given: Any) -> Any:
    asked = {"appointment_id": here["group"]["id"], **given}
    return (await emulator.ask(JOIN, key=key, input=asked))["completeCheckout"]


async def test_a_group_has_attendees_and_no_user_and_meets_on_zoom(here: dict[str, Any]) -> None:
    group = here["group"]
    assert (group["is_group"], group["appointment_category"], group["user"]) == (True, "Group", None)
    assert group["attendees"] == [{"id": here["patients"][0]}]
    assert (group["use_zoom"], group["session_id"]) == (True, None)
    assert group["zoom_join_url"].startswith("https://zoom.example/j/")


async def test_a_patient_takes_a_seat_and_the_full_group_refuses_the_next(
    emulator: EmulatorClient, here: dict[str, Any]
) -> None:
    assert (await join(emulator, here, PATIENT_2))["messages"] is None
    third = await join(emulator, here, "emulator-key-patient-3")
    assert third["messages"][0]["message"] == "This appointment is fully booked"
    assert (await seats(emulator, here))["on"] == here["patients"][:2]


async def test_the_next_on_the_waitlist_gets_a_seat_that_is_given_up(
    emulator: EmulatorClient, here: dict[str, Any]
) -> None:
    """Healthie's guide: a slot that is fully booked can have a waitlist, and Healthie itself seats the next."""
    await join(emulator, here, PATIENT_2)
    await join(emulator, here, "emulator-key-patient-3", is_joining_waitlist=True)
    before = await seats(emulator, here)
    assert (before["on"], before["waiting"]) == (here["patients"][:2], [here["patients"][2]])
    leave = """mutation Leave($id: ID) { updateAppointmentInclusion(input: {id: $id, cancelled: true,
      cancellation_reason: "ill"}) { appointment_inclusion { cancelled cancellation_reason cancelled_by_id }
      messages { message } } }"""
    [mine] = (await seats(emulator, here, PATIENT_2))["attended_clients"]  # a patient sees no one else's seat
    left = await emulator.ask(leave, key=PATIENT_2, id=mine["id"])
    assert left["updateAppointmentInclusion"]["appointment_inclusion"] == {
        "cancelled": True,
        "cancellation_reason": "ill",
        "cancelled_by_id": here["patients"][1],
    }
    after = await seats(emulator, here)
    assert (after["on"], after["waiting"]) == ([here["patients"][0], here["patients"][2]], [])


async def test_whoever_has_a_seats_uuid_may_read_and_give_it_up_without_a_key(
    emulator: EmulatorClient, here: dict[str, Any]
) -> None:
    [mine] = (await seats(emulator, here, PATIENT_1))["attended_clients"]
    uuid = mine["external_uuid"]
    read = await emulator.ask(
        "query U($uuid: ID) { appointmentInclusion(uuid: $uuid) { id cancelled } }", key=None, uuid=uuid
    )
    assert read["appointmentInclusion"] == {"id": mine["id"], "cancelled": False}
    drop = """mutation Drop($uuid: ID) { deleteAppointment(input: {appointment_inclusion_uuid: $uuid}) {
      appointment { id } messages { message } } }"""
    assert (await emulator.ask(drop, key=None, uuid=uuid))["deleteAppointment"]["messages"] is None
    assert (await seats(emulator, here))["on"] == []
    again = await emulator.ask(drop, key=None, uuid=uuid)
    assert again["deleteAppointment"]["messages"][0]["message"] == "Appointment not found"
    standing = await emulator.ask(
        "query G($id: ID) { appointment(id: $id) { deleted_at } }", id=here["group"]["id"]
    )
    assert standing["appointment"]["deleted_at"] is None


async def test_slots_of_a_group_type_are_its_appointments_and_full_ones_with_a_waitlist_only(
    emulator: EmulatorClient, here: dict[str, Any]
) -> None:
    """Healthie's reference: `appointment_type_ids` are group types and override `appt_type_id`."""

    async def slots(**asked: Any) -> list[dict[str, Any]]:
        found = await emulator.ask(SLOTS, key=None, id=here["clinician"], **asked)
        return list(found["availableSlotsForRange"])

    free = {
        "appointment_id": here["group"]["id"],
        "is_fully_booked": False,
        "has_waitlist_enabled": True,
        "appointment_type": {"id": here["type"]},
    }
    single = (await emulator.control.seed())["visit_types"]["Initial Visit"]
    assert await slots(type=here["type"]) == await slots(type=single, types=[here["type"]]) == [free]
    assert {each["appointment_type"] and 1 for each in await slots(type=single)} == {None}
    await join(emulator, here, PATIENT_2)
    assert await slots(type=here["type"]) == []
    assert await slots(type=here["type"], waitlist=True) == [{**free, "is_fully_booked": True}]


@pytest.mark.parametrize("replace", [False, True])
async def test_whether_attendee_ids_replace_the_others_is_a_switch(
    emulator: EmulatorClient, here: dict[str, Any], *, replace: bool
) -> None:
    await emulator.control.switches(attendee_ids_replace=replace)
    first, second, _ = here["patients"]
    update = """mutation Seat($id: ID, $who: [ID]) { updateAppointment(input: {id: $id, attendee_ids: $who}) {
      messages { message } } }"""
    await emulator.ask(update, id=here["group"]["id"], who=[second])
    assert (await seats(emulator, here))["on"] == ([second] if replace else [first, second])


async def test_staff_notes_who_was_there(emulator: EmulatorClient, here: dict[str, Any]) -> None:
    update = """mutation There($id: ID, $who: ID) { updateAppointment(input: {id: $id,
      attended_clients: [{user_id: $who, attended: true}]}) { appointment { attended_clients { attended } }
      messages { message } } }"""
    noted = await emulator.ask(update, id=here["group"]["id"], who=here["patients"][0])
    assert noted["updateAppointment"]["appointment"]["attended_clients"] == [{"attended": True}]


class TestSeries:
    BOOK = """mutation Book($input: createAppointmentInput!) { createAppointment(input: $input) {
      appointment { id current_position_in_recurring_series has_in_progress_job recurring_appointment { id
      repeat_interval repeat_times previous_recurring_appointment_id appointments { nodes { id date } } } }
      messages { field message } } }"""
    READ = """query Read($id: ID) { appointment(id: $id) { has_in_progress_job recurring_appointment { id
      repeat_times previous_recurring_appointment_id appointments { nodes { id date } } } } }"""
    MOVE = """mutation Move($input: updateAppointmentInput!) { updateAppointment(input: $input) {
      appointment { recurring_appointment { id } } messages { message } } }"""

    async def book(self, emulator: EmulatorClient, interval: str = "Weekly", times: str = "5") -> Any:
        seed = await emulator.control.seed()
        values = {
            "user_id": seed["patients"][0]["id"],
            "appointment_type_id": seed["visit_types"]["Follow-up Visit"],
            "contact_type": VIDEO,
            "datetime": "2027-03-01T10:00:00-05:00",
            "recurring_appointment": {"repeat_interval": interval, "repeat_times": times},
            "enforce_availability": True,
        }
        return (await emulator.ask(self.BOOK, key=CLINICIAN_1, input=values))["createAppointment"]

    async def series(self, emulator: EmulatorClient, appointment_id: str) -> tuple[dict[str, Any], list[str]]:
        read = (await emulator.ask(self.READ, id=appointment_id))["appointment"]
        own = read["recurring_appointment"]
        return own, [each["date"] for each in own["appointments"]["nodes"]]

    async def test_the_first_is_there_at_once_and_the_others_when_the_job_has_run(
        self, emulator: EmulatorClient
    ) -> None:
        made = (await self.book(emulator))["appointment"]
        assert (made["has_in_progress_job"], made["current_position_in_recurring_series"]) == (True, 1)
        assert len(made["recurring_appointment"]["appointments"]["nodes"]) == 1
        await emulator.control.clock(advance=300)
        _, dates = await self.series(emulator, made["id"])
        assert dates == [  # ten on the wall, before and after clocks change
            "2027-03-01 10:00:00 -0500",
            "2027-03-08 10:00:00 -0500",
            "2027-03-15 10:00:00 -0400",
            "2027-03-22 10:00:00 -0400",
            "2027-03-29 10:00:00 -0400",
        ]

    @pytest.mark.parametrize("notify", [False, True])
    async def test_a_series_sends_no_webhooks_unless_healthie_switches_them_on(
        self, emulator: EmulatorClient, *, notify: bool
    ) -> None:
        await emulator.control.switches(recurring_appointments_notify=notify)
        hook = """mutation Hook { createWebhook(input: {url: "http://127.0.0.1:9/", event_type: APPOINTMENT_CREATED,
          is_enabled: true}) { webhook { id } messages { message } } }"""
        assert (await emulator.ask(hook))["createWebhook"]["messages"] is None
        await self.book(emulator, times="2")
        await emulator.control.clock(advance=300)
        await emulator.control.deliver()
        assert len((await emulator.control.books())["webhooks_sent"]) == (2 if notify else 0)

    async def test_a_move_of_the_third_with_those_after_it_splits_the_series(
        self, emulator: EmulatorClient
    ) -> None:
        """Healthie's guide: the old series keeps what is before, the new one names it, and both counts are in line."""
        made = (await self.book(emulator))["appointment"]
        await emulator.control.clock(advance=300)
        old, _ = await self.series(emulator, made["id"])
        third = old["appointments"]["nodes"][2]["id"]
        given = {"id": third, "updateRecurring": True, "datetime": "2027-03-16T12:00:00-04:00"}
        assert (await emulator.ask(self.MOVE, input=given))["updateAppointment"]["messages"] is None
        kept, before = await self.series(emulator, made["id"])
        new, after = await self.series(emulator, third)
        assert (kept["repeat_times"], new["repeat_times"], len(before)) == ("2", "3", 2)
        assert new["previous_recurring_appointment_id"] == kept["id"] == old["id"]
        assert after == [f"2027-03-{day} 12:00:00 -0400" for day in (16, 23, 30)]

    async def test_the_first_with_those_after_it_stays_one_series(self, emulator: EmulatorClient) -> None:
        made = (await self.book(emulator, times="2"))["appointment"]
        await emulator.control.clock(advance=300)
        given = {"id": made["id"], "updateRecurring": True, "datetime": "2027-03-02T10:00:00-05:00"}
        await emulator.ask(self.MOVE, input=given)
        own, dates = await self.series(emulator, made["id"])
        assert own["previous_recurring_appointment_id"] is None
        assert dates == ["2027-03-02 10:00:00 -0500", "2027-03-09 10:00:00 -0500"]

    async def test_deleted_with_those_after_it_the_earlier_ones_stay(self, emulator: EmulatorClient) -> None:
        made = (await self.book(emulator))["appointment"]
        await emulator.control.clock(advance=300)
        own, _ = await self.series(emulator, made["id"])
        drop = """mutation Drop($id: ID) { deleteAppointment(input: {id: $id, deleteRecurring: true}) {
          messages { message } } }"""
        await emulator.ask(drop, id=own["appointments"]["nodes"][2]["id"])
        assert len((await self.series(emulator, made["id"]))[1]) == 2

    @pytest.mark.parametrize(("interval", "times"), [("Daily", "3"), ("Weekly", "many"), ("Weekly", "0")])
    async def test_what_is_no_pattern_books_nothing(
        self, emulator: EmulatorClient, interval: str, times: str
    ) -> None:
        refused = await self.book(emulator, interval, times)
        assert refused["appointment"] is None
        assert refused["messages"][0]["field"] == "recurring_appointment"
