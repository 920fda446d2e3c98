"""Records that are read, changed and deleted one by one: addresses, messages, requests for forms, tags, relatives."""

from typing import Any

from tests.plugins.emulator import CLINICIAN_1, PATIENT_1, PATIENT_2, EmulatorClient

ADD = """mutation ($user: ID, $city: String) { createLocation(input: {user_id: $user, city: $city, name: "Home"}) {
  location { id } } }"""
CHANGE = """mutation ($id: String, $city: String) { updateLocation(input: {id: $id, city: $city}) {
  location { id city name } messages { field message } } }"""
REMOVE = (
    "mutation ($id: ID) { deleteLocation(input: {id: $id}) { location { id } messages { field message } } }"
)
LIST = "query ($user: String) { locations(user_id: $user) { nodes { id city } total_count } }"


async def patients(emulator: EmulatorClient) -> list[str]:
    return [each["id"] for each in (await emulator.control.seed())["patients"]]


async def an_address(emulator: EmulatorClient, user_id: str) -> str:
    made = await emulator.ask(ADD, user=user_id, city="Sampletown")
    return str(made["createLocation"]["location"]["id"])


async def test_an_address_is_listed_changed_and_deleted(emulator: EmulatorClient) -> None:
    first, *_ = await patients(emulator)
    place = await an_address(emulator, first)
    assert {"id": place, "city": "Sampletown"} in (await emulator.ask(LIST, user=first))["locations"]["nodes"]
    changed = (await emulator.ask(CHANGE, id=place, city="Otherville"))["updateLocation"]
    assert changed["location"] == {"id": place, "city": "Otherville", "name": "Home"}
    assert (await emulator.ask(REMOVE, id=place))["deleteLocation"]["location"] == {"id": place}
    assert (await emulator.ask(REMOVE, id=place))["deleteLocation"]["messages"][0]["field"] == "id"


async def test_a_patient_neither_sees_nor_changes_anothers_address(emulator: EmulatorClient) -> None:
    first, *_ = await patients(emulator)
    place = await an_address(emulator, first)
    assert (await emulator.ask(LIST, key=PATIENT_2, user=first))["locations"]["total_count"] == 0
    refused = (await emulator.ask(CHANGE, key=PATIENT_2, id=place, city="Elsewhere"))["updateLocation"]
    assert refused["messages"] == [{"field": "id", "message": "Location not found"}]
    own = (await emulator.ask(CHANGE, key=PATIENT_1, id=place, city="Otherville"))["updateLocation"]
    assert own["location"]["city"] == "Otherville"


async def test_a_message_is_read_by_those_who_take_part(emulator: EmulatorClient) -> None:
    talks: Any = await emulator.ask(
        "{ conversationMemberships { nodes { convo { id notes { id content } } } } }", key=CLINICIAN_1
    )
    notes = [each for node in talks["conversationMemberships"]["nodes"] for each in node["convo"]["notes"]]
    document = "query ($id: ID) { note(id: $id) { id content } }"
    assert (await emulator.ask(document, key=CLINICIAN_1, id=notes[0]["id"]))["note"] == notes[0]
    assert (await emulator.ask(document, key=PATIENT_2, id=notes[0]["id"]))["note"] is None


async def test_a_request_for_a_form_is_read_by_its_id(emulator: EmulatorClient) -> None:
    first, *_ = await patients(emulator)
    await emulator.ask(
        """mutation ($user: ID) { createRequestedFormCompletion(input: {recipient_ids: [$user], form: "photo_id"}) {
             messages { message } } }""",
        user=first,
    )
    await emulator.control.clock(advance=60)
    await emulator.control.deliver()
    asked = (await emulator.ask("{ requestedFormCompletions { nodes { id } } }"))["requestedFormCompletions"]
    document = "query ($id: ID) { requestedFormCompletion(id: $id) { id item_type } }"
    found = (await emulator.ask(document, id=asked["nodes"][0]["id"]))["requestedFormCompletion"]
    assert found == {"id": asked["nodes"][0]["id"], "item_type": "photo_id"}
    assert (await emulator.ask(document, id="1"))["requestedFormCompletion"] is None


async def test_who_has_a_tag_is_read_by_staff_only(emulator: EmulatorClient) -> None:
    document = "query ($id: ID) { appliedTag(id: $id) { id } }"
    assert (await emulator.ask(document, id="1"))["appliedTag"] is None
    assert (await emulator.errors(document, key=PATIENT_1, id="1"))[0]["extensions"]["code"] == "UNAUTHORIZED"


async def test_a_relative_is_taken_off_the_list_once(emulator: EmulatorClient) -> None:
    first, *_ = await patients(emulator)
    made = await emulator.ask(
        """mutation ($user: ID) { createNotificationContact(input: {user_id: $user, first_name: "Sample", last_name: "Relative"}) {
             notificationContact { id } } }""",
        user=first,
    )
    contact = made["createNotificationContact"]["notificationContact"]["id"]
    document = """mutation ($id: ID) { deleteNotificationContact(input: {id: $id}) {
      notificationContact { id } messages { message } } }"""
    assert (await emulator.ask(document, key=PATIENT_2, id=contact))["deleteNotificationContact"]["messages"]
    assert (await emulator.ask(document, id=contact))["deleteNotificationContact"]["messages"] is None
    assert (await emulator.ask(document, id=contact))["deleteNotificationContact"]["messages"]
