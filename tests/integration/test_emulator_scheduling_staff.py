"""What staff set for scheduling: hours, visit types, the policy; and the warnings that they are given before they book."""

from typing import Any

import pytest

from tests.plugins.emulator import CLINICIAN_1, OWNER, PATIENT_1, EmulatorClient

VIDEO = "Healthie Video Call"


@pytest.fixture
async def seed(emulator: EmulatorClient) -> dict[str, Any]:
    return dict(await emulator.control.seed())


class TestHours:
    CREATE = """mutation Open($input: createAvailabilityInput) { createAvailability(input: $input) {
      availability { id day_of_week duration_string is_repeating range_start range_end resourceId timezone_abbr
      repeating_availability_id } messages { field message } } }"""
    EDIT = """mutation Edit($input: editAvailabilityInput) { editAvailability(input: $input) {
      availability { id duration_string is_repeating } messages { field message } } }"""
    SLOTS = """query Slots($id: ID!, $type: ID, $day: ISO8601DateTime) { availableSlotsForRange(provider_id: $id,
      appt_type_id: $type, contact_type: "Phone Call", start_date: $day, end_date: $day) { date } }"""

    async def starts(self, emulator: EmulatorClient, seed: dict[str, Any], day: str) -> list[str]:
        asked = {
            "id": seed["clinicians"][0]["id"],
            "type": seed["visit_types"]["Follow-up Visit"],
            "day": day,
        }
        found = (await emulator.ask(self.SLOTS, **asked))["availableSlotsForRange"]
        return [slot["date"][11:16] for slot in found]

    async def test_a_time_is_opened_once_in_the_words_of_the_guide(
        self, emulator: EmulatorClient, seed: dict[str, Any]
    ) -> None:
        given = {"range_start": "January 9, 2027", "time": "19 00", "end_time": "20 30"}
        made = (await emulator.ask(self.CREATE, key=CLINICIAN_1, input=given))["createAvailability"]
        assert made["messages"] is None
        assert made["availability"] == {
            "id": made["availability"]["id"],
            "day_of_week": 6,
            "duration_string": "1h 30m",
            "is_repeating": False,
            "range_start": "2027-01-09 19:00:00 -0500",
            "range_end": "2027-01-09 20:30:00 -0500",
            "resourceId": seed["clinicians"][0]["id"],
            "timezone_abbr": "EST",
            "repeating_availability_id": None,
        }
        assert (await self.starts(emulator, seed, "2027-01-09"))[-1] == "20:00"

    async def test_a_weekly_time_begins_on_its_day_and_is_changed_and_closed_by_its_id(
        self, emulator: EmulatorClient, seed: dict[str, Any]
    ) -> None:
        given: dict[str, Any] = {
            "range_start": "January 13, 2027",
            "time": "18 00",
            "end_time": "19 00",
            "is_repeating": True,
            "day_of_week": 3,
        }
        made = await emulator.ask(self.CREATE, key=CLINICIAN_1, input=given)
        weekly = made["createAvailability"]["availability"]["id"]
        assert made["createAvailability"]["availability"]["repeating_availability_id"] == weekly
        assert "18:00" not in await self.starts(emulator, seed, "2027-01-06")
        assert "18:30" in await self.starts(emulator, seed, "2027-01-20")
        changed = await emulator.ask(
            self.EDIT, key=CLINICIAN_1, input={**given, "id": weekly, "end_time": "18 30"}
        )
        assert changed["editAvailability"]["availability"] == {
            "id": weekly,
            "duration_string": "30m",
            "is_repeating": True,
        }
        assert "18:30" not in await self.starts(emulator, seed, "2027-01-20")
        close = "mutation Close($id: ID) { deleteAvailability(input: {id: $id}) { messages { message } } }"
        assert (await emulator.ask(close, id=weekly))["deleteAvailability"]["messages"] is None
        assert "18:00" not in await self.starts(emulator, seed, "2027-01-20")

    @pytest.mark.parametrize("left_out", ["range_start", "time", "end_time"])
    async def test_what_the_guide_requires_is_required(self, emulator: EmulatorClient, left_out: str) -> None:
        given = {"range_start": "January 9, 2027", "time": "19 00", "end_time": "20 30", left_out: None}
        refused = (await emulator.ask(self.CREATE, key=CLINICIAN_1, input=given))["createAvailability"]
        assert (refused["availability"], refused["messages"][0]["field"]) == (None, left_out)

    async def test_provider_ids_count_with_is_org_only(
        self, emulator: EmulatorClient, seed: dict[str, Any]
    ) -> None:
        document = """query Hours($who: [ID], $org: Boolean) { availabilities(provider_ids: $who, is_org: $org,
          is_repeating: true) { user { id } } }"""
        second = seed["clinicians"][1]["id"]

        async def whose(**asked: Any) -> set[str]:
            found = await emulator.ask(document, key=CLINICIAN_1, who=[second], **asked)
            return {each["user"]["id"] for each in found["availabilities"]}

        assert await whose(org=True) == {second}
        assert await whose() == {seed["clinicians"][0]["id"]}


class TestTypes:
    CREATE = """mutation Add($input: createAppointmentTypeInput) { createAppointmentType(input: $input) {
      appointmentType { id name clients_can_book available_contact_types has_specific_appointment_settings
      appointment_setting { minimum_advance_schedule_time buffer } } messages { field message } } }"""
    UPDATE = """mutation Change($input: updateAppointmentTypeInput) { updateAppointmentType(input: $input) {
      appointmentType { id name length client_display_name available_contact_types pricing_info { price } }
      messages { field message } } }"""
    DELETE = "mutation Drop($id: ID) { deleteAppointmentType(input: {id: $id}) { messages { message } } }"
    LIST = """query Types($deleted: Boolean, $group: Boolean) { appointmentTypes(with_deleted_appt_types: $deleted,
      show_group: $group) { nodes { id } } }"""

    async def test_a_type_is_made_changed_and_softly_deleted(self, emulator: EmulatorClient) -> None:
        given = {
            "name": "Sample Talk",
            "length": 20,
            "contact_type_overrides": ["video_chat", "phone_call"],
            "appointment_setting": {"minimum_advance_schedule_time": 120, "buffer": "10"},
        }
        made = (await emulator.ask(self.CREATE, input=given))["createAppointmentType"]
        kind = made["appointmentType"]
        assert kind == {
            "id": kind["id"],
            "name": "Sample Talk",
            "clients_can_book": True,
            "available_contact_types": [VIDEO, "Phone Call"],
            "has_specific_appointment_settings": True,
            "appointment_setting": {"minimum_advance_schedule_time": 120, "buffer": "10"},
        }
        changes = {
            "id": kind["id"],
            "client_facing_display_name": "Talk",
            "length": 25,
            "pricing": "30",
            "contact_type_override_video_chat": {"show": False},
        }
        changed = (await emulator.ask(self.UPDATE, input=changes))["updateAppointmentType"]
        assert changed["appointmentType"] == {
            "id": kind["id"],
            "name": "Sample Talk",
            "length": 25,
            "client_display_name": "Talk",
            "available_contact_types": ["Phone Call"],
            "pricing_info": {"price": "30.0"},
        }
        assert (await emulator.ask(self.DELETE, id=kind["id"]))["deleteAppointmentType"]["messages"] is None

        async def listed(**asked: Any) -> set[str]:
            return {
                each["id"] for each in (await emulator.ask(self.LIST, **asked))["appointmentTypes"]["nodes"]
            }

        assert kind["id"] not in await listed()
        assert kind["id"] in await listed(deleted=True)
        assert await listed(group=True) == set()

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"length": 20}, "name"),
            ({"name": "Sample Talk"}, "length"),
            ({"name": "Sample Talk", "length": 20, "pricing": "much"}, "pricing"),
            (
                {"name": "Sample Talk", "length": 20, "contact_type_overrides": ["pigeon"]},
                "contact_type_overrides",
            ),
        ],
    )
    async def test_what_is_no_type_is_refused(
        self, emulator: EmulatorClient, given: dict[str, Any], field: str
    ) -> None:
        refused = (await emulator.ask(self.CREATE, input=given))["createAppointmentType"]
        assert (refused["appointmentType"], refused["messages"][0]["field"]) == (None, field)

    async def test_patients_change_nothing_of_it(self, emulator: EmulatorClient) -> None:
        errors = await emulator.errors(self.CREATE, key=PATIENT_1, input={"name": "Mine", "length": 20})
        assert errors[0]["extensions"]["code"] == "UNAUTHORIZED"


class TestPolicy:
    async def test_a_clinicians_own_policy_takes_the_place_of_the_practices(
        self, emulator: EmulatorClient, seed: dict[str, Any]
    ) -> None:
        create = """mutation Own { createAppointmentSetting(input: {start_time: "8", end_time: "20", buffer: "15",
          minimum_advance_cancel_time: 30, ask_clients_to_confirm: true}) { appointmentSetting { id buffer
          minimum_advance_cancel_time minimum_advance_schedule_time ask_clients_to_confirm } messages { message } } }"""
        made = (await emulator.ask(create, key=CLINICIAN_1))["createAppointmentSetting"]["appointmentSetting"]
        read = """query Policy($id: ID) { appointmentSetting(provider_id: $id) { id buffer
          minimum_advance_cancel_time minimum_advance_schedule_time ask_clients_to_confirm } }"""
        first, second = (each["id"] for each in seed["clinicians"][:2])
        assert (await emulator.ask(read, key=None, id=first))["appointmentSetting"] == made
        assert made["minimum_advance_schedule_time"] == 60  # what was not sent is as the practice has it
        assert (await emulator.ask(read, key=None, id=second))["appointmentSetting"]["id"] != made["id"]

    @pytest.mark.parametrize(
        ("changes", "first"),
        [
            ("same_day_appointments: false", "2027-01-04 13:00:00 -0500"),
            ("same_day_appointments: true", "2027-01-05 09:00:00 -0500"),
            ("minimum_advance_schedule_time: 245", "2027-01-04 14:15:00 -0500"),
            (
                "minimum_advance_schedule_time: 245, booking_interval_restriction: 60",
                "2027-01-04 15:00:00 -0500",
            ),
        ],
    )
    async def test_the_policy_shapes_the_slots(
        self, emulator: EmulatorClient, seed: dict[str, Any], changes: str, first: str
    ) -> None:
        """It is ten; she sees patients until noon and from one on. `same_day_appointments: true` prevents the same day."""
        own = seed["owner"]["id"]
        read = "query P($id: ID) { appointmentSetting(provider_id: $id) { id } }"
        setting = (await emulator.ask(read, id=own))["appointmentSetting"]["id"]
        if "minimum" not in changes:
            changes += ", minimum_advance_schedule_time: 61"
        await emulator.ask(
            f"""mutation C($id: ID) {{ updateAppointmentSetting(input: {{id: $id, {changes}}}) {{ messages {{ message }} }} }}""",
            id=setting,
        )
        following = """query Next($id: String, $type: ID) { nextAvailableSlot(provider_id: $id, appt_type_id: $type) }"""
        asked = {"id": seed["clinicians"][0]["id"], "type": seed["visit_types"]["Initial Visit"]}
        found = (await emulator.ask(following, **asked))["nextAvailableSlot"]
        assert found == first

    async def test_a_buffer_keeps_time_free_around_a_visit(
        self, emulator: EmulatorClient, seed: dict[str, Any]
    ) -> None:
        read = "query P($id: ID) { appointmentSetting(provider_id: $id) { id } }"
        setting = (await emulator.ask(read, id=seed["owner"]["id"]))["appointmentSetting"]["id"]
        slots = """query Slots($id: ID!, $type: ID) { availableSlotsForRange(provider_id: $id, appt_type_id: $type,
          contact_type: "Phone Call", start_date: "2027-01-06", end_date: "2027-01-06") { date } }"""
        asked = {"id": seed["clinicians"][0]["id"], "type": seed["visit_types"]["Follow-up Visit"]}

        async def starts() -> set[str]:
            found = (await emulator.ask(slots, **asked))["availableSlotsForRange"]
            return {slot["date"][11:16] for slot in found}

        before = await starts()  # she has a visit from eleven to half past
        change = """mutation C($id: ID) { updateAppointmentSetting(input: {id: $id, buffer: "15"}) {
          messages { message } } }"""
        await emulator.ask(change, id=setting)
        assert before - await starts() == {"10:30", "11:30"}


class TestFees:
    """The first seeded patient has a card on file; a late cancellation costs 50 dollars, a missed visit 75."""

    BOOK = """mutation Book($input: createAppointmentInput!) { createAppointment(input: $input) {
      appointment { id } messages { message } } }"""
    STATUS = """mutation Set($id: ID, $status: String) { updateAppointment(input: {id: $id, pm_status: $status}) {
      appointment { id } messages { message } } }"""

    async def status(self, emulator: EmulatorClient, seed: dict[str, Any], status: str, charges: str) -> None:
        read = "query P($id: ID) { appointmentSetting(provider_id: $id) { id } }"
        setting = (await emulator.ask(read, id=seed["owner"]["id"]))["appointmentSetting"]["id"]
        change = f"""mutation C($id: ID) {{ updateAppointmentSetting(input: {{id: $id, {charges}: true}}) {{
          messages {{ message }} }} }}"""
        await emulator.ask(change, id=setting)
        visit = {
            "user_id": seed["patients"][0]["id"],
            "appointment_type_id": seed["visit_types"]["Follow-up Visit"],
            "contact_type": VIDEO,
            "datetime": "2027-01-07T10:00:00-05:00",
        }
        made = (await emulator.ask(self.BOOK, input=visit))["createAppointment"]["appointment"]["id"]
        await emulator.ask(self.STATUS, id=made, status=status)

    @pytest.mark.parametrize(("status", "cents"), [("Late Cancellation", 5_000), ("No-Show", 7_500)])
    async def test_a_late_or_missed_visit_schedules_its_fee_where_the_practice_says_so(
        self, emulator: EmulatorClient, seed: dict[str, Any], status: str, cents: int
    ) -> None:
        await self.status(emulator, seed, status, "auto_schedule_charges_for_late_cancellation_no_show")
        [item] = (await emulator.control.books())["billing_items"]
        assert (item["state"], item["amount"]) == ("SCHEDULED", cents)
        assert (await emulator.control.books())["charges"] == []
        await emulator.control.clock(advance=3 * 24 * 3600)
        assert [each["amount"] for each in (await emulator.control.books())["charges"]] == [cents]

    @pytest.mark.parametrize("status", ["Cancelled", "Re-Scheduled", "Late Cancellation", "No-Show"])
    async def test_otherwise_no_status_costs_anything(
        self, emulator: EmulatorClient, seed: dict[str, Any], status: str
    ) -> None:
        await self.status(emulator, seed, status, "charge_for_occurred_appts")
        assert (await emulator.control.books())["billing_items"] == []


class TestWarnings:
    WARN = """query Warn($who: ID, $type: ID, $date: ISO8601DateTime, $time: String, $current: String,
        $repeats: Boolean, $attendees: [ID]) {
      appointmentBookingWarnings(provider_id: $who, appointment_type_id: $type, date: $date, time: $time,
        current_appt_id: $current, is_repeating: $repeats, repeat_interval: "Weekly", repeat_times: "3",
        attendee_ids: $attendees) { category potential_issues potential_issue_ids } }"""

    async def warn(
        self, emulator: EmulatorClient, seed: dict[str, Any], **asked: Any
    ) -> list[dict[str, Any]]:
        values = {"who": seed["clinicians"][0]["id"], "type": seed["visit_types"]["Initial Visit"], **asked}
        return list((await emulator.ask(self.WARN, key=OWNER, **values))["appointmentBookingWarnings"])

    async def test_events_of_the_provider_at_that_time_are_conflicts(
        self, emulator: EmulatorClient, seed: dict[str, Any]
    ) -> None:
        """In the words of the guide: `July 11, 2024` and `12 00`, in the provider's zone."""
        [warning] = await self.warn(emulator, seed, date="January 6, 2027", time="10 30")
        assert warning["category"] == "Event Conflicts"
        assert warning["potential_issues"] == ["Follow-up Visit - Jan 6, 11:00 AM EST"]
        itself = {"current": warning["potential_issue_ids"][0]}
        assert await self.warn(emulator, seed, date="January 6, 2027", time="10 30", **itself) == []
        assert await self.warn(emulator, seed, date="January 6, 2027", time="09 30") == []
        weekly = await self.warn(emulator, seed, date="December 30, 2026", time="11 00", repeats=True)
        assert weekly[0]["potential_issue_ids"] == warning["potential_issue_ids"]

    async def test_patients_without_a_credit_are_named(
        self, emulator: EmulatorClient, seed: dict[str, Any]
    ) -> None:
        patient = seed["patients"][0]
        [warning] = await self.warn(emulator, seed, attendees=[patient["id"]])
        assert (warning["category"], warning["potential_issues"]) == ("Credit Deficits", [patient["name"]])


class TestFields:
    async def test_a_video_visit_has_a_session_and_a_token_for_each_who_asks(
        self, emulator: EmulatorClient, seed: dict[str, Any]
    ) -> None:
        read = """query Mine { appointments(filter: "all") { nodes { session_id generated_token zoom_join_url use_zoom
          add_to_gcal_link unauthenticated_ics_link scheduled_by provider_name title other_party_id } } }"""
        [mine] = (await emulator.ask(read, key="emulator-key-patient-2"))["appointments"]["nodes"]
        [theirs] = (await emulator.ask(read, key="emulator-key-clinician-2"))["appointments"]["nodes"]
        assert mine["session_id"] == theirs["session_id"]
        assert mine["generated_token"] != theirs["generated_token"]
        assert (mine["zoom_join_url"], mine["use_zoom"]) == (None, False)
        assert mine["add_to_gcal_link"].startswith("https://calendar.google.com/")
        assert mine["unauthenticated_ics_link"].endswith(".ics")
        assert (mine["provider_name"], mine["title"]) == (
            "Ben Sample-Stone",
            "Follow-up Visit Sample Patient Two",
        )
        assert str(mine["other_party_id"]) == seed["clinicians"][1]["id"]

    async def test_the_link_that_makes_host_is_not_for_patients(
        self, emulator: EmulatorClient, seed: dict[str, Any]
    ) -> None:
        book = """mutation Book($input: createAppointmentInput!) { createAppointment(input: $input) {
          appointment { id zoom_join_url zoom_start_url } messages { message } } }"""
        visit = {
            "user_id": seed["patients"][0]["id"],
            "appointment_type_id": seed["visit_types"]["Follow-up Visit"],
            "contact_type": VIDEO,
            "datetime": "2027-01-06T10:00:00-05:00",
            "is_zoom_chat": True,
        }
        made = (await emulator.ask(book, input=visit))["createAppointment"]["appointment"]
        assert "zak=" in made["zoom_start_url"]
        read = "query Mine($id: ID) { appointment(id: $id) { zoom_join_url zoom_start_url } }"
        mine = (await emulator.ask(read, key=PATIENT_1, id=made["id"]))["appointment"]
        assert mine == {"zoom_join_url": made["zoom_join_url"], "zoom_start_url": None}

    async def test_a_practice_shows_who_works_in_it_and_where(
        self, emulator: EmulatorClient, seed: dict[str, Any]
    ) -> None:
        document = """query Practice($state: String, $not: [ID!]) { organization { only_active_providers_count
          providers(licensed_in_state: $state, exclude_ids: $not) { nodes { id } } owner { id }
          appointment_locations { location } } }"""
        first, _, third, _ = (each["id"] for each in seed["clinicians"])
        found = (await emulator.ask(document, key=None, state="NY", **{"not": [third]}))["organization"]
        assert found["providers"]["nodes"] == [{"id": first}]
        assert found["only_active_providers_count"] == 4
        assert found["owner"] == {"id": seed["owner"]["id"]}
        assert len(found["appointment_locations"]) == 4

    async def test_a_reason_to_cancel_is_one_of_the_practices(
        self, emulator: EmulatorClient, seed: dict[str, Any]
    ) -> None:
        listed = await emulator.ask(
            """{ organization { client: cancellation_reasons { id label reason_type }
              every: cancellation_reasons(reason_type: all) { id } } }""",
            key=None,
        )
        reasons = listed["organization"]["client"]
        assert {each["reason_type"] for each in reasons} == {"client"}
        assert len(listed["organization"]["every"]) > len(reasons)
        book = """mutation Book($input: createAppointmentInput!) { createAppointment(input: $input) {
          appointment { id } messages { message } } }"""
        visit = {
            "user_id": seed["patients"][0]["id"],
            "appointment_type_id": seed["visit_types"]["Follow-up Visit"],
            "contact_type": VIDEO,
            "datetime": "2027-01-07T10:00:00-05:00",
        }
        made = (await emulator.ask(book, input=visit))["createAppointment"]["appointment"]["id"]
        drop = """mutation Drop($id: ID, $reason: CancellationReasonOptionInput) { deleteAppointment(input: {id: $id,
          cancellation_reason: $reason}) { appointment { pm_status cancellation_reason { id } } messages { field } } }"""
        wrong = await emulator.ask(drop, key=PATIENT_1, id=made, reason={"id": "424242"})
        assert wrong["deleteAppointment"]["messages"] == [{"field": "cancellation_reason"}]
        given = {"id": reasons[0]["id"], "initiated_by": "client"}
        done = await emulator.ask(drop, key=PATIENT_1, id=made, reason=given)
        assert done["deleteAppointment"]["appointment"] == {
            "pm_status": "Cancelled",
            "cancellation_reason": {"id": reasons[0]["id"]},
        }
