"""What becomes of a booked visit at Healthie: cancelled and moved by staff and patients, joined, charged for, given back."""

from typing import Any

import pytest

from tests.plugins.emulator import CLINICIAN_1, OWNER, PATIENT_1, EmulatorClient

VIDEO = "Healthie Video Call"
LATE = "Late Cancellation"
BOTH = pytest.mark.parametrize("position", [False, True])

BOOK = """mutation Book($input: createAppointmentInput!) { createAppointment(input: $input) {
  appointment { id date } messages { field message } } }"""
UPDATE = """mutation Change($input: updateAppointmentInput!) { updateAppointment(input: $input) {
  appointment { id date pm_status patient_reschedule_count other_cancellation_reason cancellation_reason { id } }
  messages { field message } } }"""
SETTINGS = """mutation Set($input: updateAppointmentSettingInput) { updateAppointmentSetting(input: $input) {
  messages { message } } }"""


@pytest.fixture
async def ids(emulator: EmulatorClient) -> dict[str, Any]:
    seed = await emulator.control.seed()
    own = await emulator.ask("{ currentUser { appointment_setting { id } } }", key=OWNER)
    return {
        "patient": seed["patients"][0]["id"],
        "policy": own["currentUser"]["appointment_setting"]["id"],
        **seed["visit_types"],
    }


async def book(
    emulator: EmulatorClient, ids: dict[str, Any], at: str = "2027-01-06 10:00", **given: Any
) -> str:
    values = {
        "user_id": ids["patient"],
        "appointment_type_id": ids["Follow-up Visit"],
        "contact_type": VIDEO,
        "datetime": at,
        "timezone": "America/New_York",
        **given,
    }
    answer = await emulator.ask(BOOK, key=CLINICIAN_1, input=values)
    assert answer["createAppointment"]["messages"] is None
    return str(answer["createAppointment"]["appointment"]["id"])


async def update(emulator: EmulatorClient, key: str = CLINICIAN_1, **given: Any) -> Any:
    return (await emulator.ask(UPDATE, key=key, input=given))["updateAppointment"]


async def set_policy(emulator: EmulatorClient, ids: dict[str, Any], **values: Any) -> None:
    answer = await emulator.ask(SETTINGS, key=OWNER, input={"id": ids["policy"]} | values)
    assert not answer["updateAppointmentSetting"]["messages"]


class TestCancelling:
    async def test_staff_give_the_patients_reason_and_the_visit_stays_readable(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        reasons = (
            await emulator.ask("{ organization { cancellation_reasons(reason_type: client) { id } } }")
        )["organization"]["cancellation_reasons"]
        visit = await book(emulator, ids)

        answer = await update(
            emulator,
            id=visit,
            pm_status="Cancelled",
            cancellation_reason_id=reasons[0]["id"],
            cancellation_initiated_by="client",
            other_cancellation_reason="Sample reason",
        )

        assert answer["messages"] is None
        assert answer["appointment"] | {"date": None} == {
            "id": visit,
            "date": None,
            "pm_status": "Cancelled",
            "patient_reschedule_count": 0,
            "other_cancellation_reason": "Sample reason",
            "cancellation_reason": reasons[0],
        }

    async def test_a_reason_of_somebody_elses_is_refused_and_changes_nothing(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        reasons = (
            await emulator.ask("{ organization { cancellation_reasons(reason_type: provider) { id } } }")
        )["organization"]["cancellation_reasons"]
        visit = await book(emulator, ids)

        answer = await update(
            emulator,
            id=visit,
            pm_status="Cancelled",
            cancellation_reason_id=reasons[0]["id"] if reasons else "0",
            cancellation_initiated_by="client",
        )

        assert answer["messages"][0]["field"] == "cancellation_reason"
        read = await emulator.ask("query A($id: ID) { appointment(id: $id) { pm_status } }", id=visit)
        assert read["appointment"]["pm_status"] is None

    async def test_a_reason_that_the_practice_asks_for_is_asked_of_patients_and_not_of_staff(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        await set_policy(emulator, ids, client_cancel_reason_required=True)
        visit = await book(emulator, ids)

        refused = await update(emulator, PATIENT_1, id=visit, pm_status="Cancelled")
        assert refused["messages"][0]["field"] == "cancellation_reason"
        said = {"pm_status": "Cancelled", "other_cancellation_reason": "Sample reason"}
        assert (await update(emulator, PATIENT_1, id=visit, **said))["messages"] is None

        other = await book(emulator, ids, "2027-01-08 10:00")
        assert (await update(emulator, id=other, pm_status="Cancelled"))["messages"] is None

    @BOTH
    async def test_whether_a_late_cancellation_frees_the_time_is_a_switch(
        self,
        emulator: EmulatorClient,
        ids: dict[str, Any],
        position: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        await emulator.control.switches(late_cancel_frees_time=position)
        await set_policy(emulator, ids, enable_late_cancellation_status=True)
        visit = await book(emulator, ids)
        await update(emulator, id=visit, pm_status=LATE)

        values = {
            "user_id": ids["patient"],
            "appointment_type_id": ids["Follow-up Visit"],
            "contact_type": VIDEO,
            "datetime": "2027-01-06 10:00",
            "timezone": "America/New_York",
            "enforce_availability": True,
        }
        again = (await emulator.ask(BOOK, key=CLINICIAN_1, input=values))["createAppointment"]
        assert (again["messages"] is None) is position


class TestMoving:
    @BOTH
    async def test_whether_a_move_by_staff_for_the_patient_counts_is_a_switch(
        self,
        emulator: EmulatorClient,
        ids: dict[str, Any],
        position: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        await emulator.control.switches(client_updating_counts=position)
        visit = await book(emulator, ids)

        answer = await update(
            emulator,
            id=visit,
            datetime="2027-01-07T11:00:00-05:00",
            timezone="America/New_York",
            client_updating=True,
            enforce_availability=True,
        )

        assert answer["messages"] is None
        assert answer["appointment"]["patient_reschedule_count"] == int(position)

    async def test_by_the_patient_it_always_counts_and_by_staff_for_themselves_never(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        await emulator.control.switches(client_updating_counts=False)
        visit = await book(emulator, ids)
        moved = await update(emulator, PATIENT_1, id=visit, datetime="2027-01-07T11:00:00-05:00")
        assert moved["appointment"]["patient_reschedule_count"] == 1
        again = await update(emulator, id=visit, datetime="2027-01-07T14:00:00-05:00")
        assert again["appointment"]["patient_reschedule_count"] == 1


LINKS = """query L($id: ID) { appointment(id: $id) { zoom_join_url zoom_dial_in_info session_id unauthenticated_ics_link
  add_to_gcal_link } }"""


class TestJoining:
    async def test_links_of_zooms_come_a_while_after_the_booking_if_the_switch_says_so(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        await emulator.control.switches(zoom_ready_after=60)
        visit = await book(emulator, ids, is_zoom_chat=True)

        early = (await emulator.ask(LINKS, id=visit))["appointment"]
        assert (early["zoom_join_url"], early["zoom_dial_in_info"], early["session_id"]) == (None, None, None)
        assert early["unauthenticated_ics_link"]
        assert early["add_to_gcal_link"]

        await emulator.control.clock(advance=60)
        later = (await emulator.ask(LINKS, id=visit))["appointment"]
        assert later["zoom_join_url"]
        assert later["zoom_dial_in_info"]

    async def test_a_practice_may_have_all_its_calls_on_zoom(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        visit = await book(emulator, ids)
        own = (await emulator.ask(LINKS, id=visit))["appointment"]
        assert (bool(own["session_id"]), own["zoom_join_url"]) == (True, None)

        await set_policy(emulator, ids, default_to_zoom=True)

        by_zoom = (await emulator.ask(LINKS, id=visit))["appointment"]
        assert (by_zoom["session_id"], bool(by_zoom["zoom_join_url"])) == (None, True)
