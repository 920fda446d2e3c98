"""What is known of users and who changes it, as Healthie's guides on patients and accounts describe it."""

from typing import Any

import pytest

from tests.integration.emulator_events import listen, sent
from tests.plugins.emulator import (
    CLINICIAN_1,
    OWNER,
    PATIENT_1,
    PATIENT_2,
    PATIENT_3,
    EmulatorClient,
)

ME = """mutation Me($input: updateUserInput) { updateUser(input: $input) {
  user { id first_name last_name name full_name email phone_number dob pronouns timezone locations { line1 } }
  messages { field message } } }"""
UPDATE = """mutation Update($input: updateClientInput!) { updateClient(input: $input) {
  user { id first_name active archived_at user_group_id other_provider_ids sex } messages { field message } } }"""
SIGN_UP = """mutation SignUp($input: signUpInput) { signUp(input: $input) {
  user { id is_patient dietitian_id user_group_id timezone } token messages { field message } } }"""
NEW = {
    "first_name": "New",
    "last_name": "Sample",
    "email": "new.sample@example.com",
    "password": "synthetic Pass 1",
    "role": "patient",
}


async def ids(emulator: EmulatorClient) -> tuple[str, str, str]:
    one, two, three = (each["id"] for each in (await emulator.control.seed())["patients"])
    return one, two, three


async def update_me(emulator: EmulatorClient, key: str = PATIENT_1, **given: Any) -> Any:
    return (await emulator.ask(ME, key=key, input=given))["updateUser"]


async def update(emulator: EmulatorClient, key: str = OWNER, **given: Any) -> Any:
    return (await emulator.ask(UPDATE, key=key, input=given))["updateClient"]


async def test_what_follows_from_the_practices_records_stands_in_the_fields_of_a_user(
    emulator: EmulatorClient,
) -> None:
    seed = await emulator.control.seed()
    document = """{ currentUser { name full_name first_name_last_initial full_legal_name age doc_share_id
      next_appt_date next_app { id } last_app { id pm_status } upcoming_appointments { id } group_name
      dietitian { id } providers { id } notification_setting { send_message_emails }
      api_keys { nodes { name } } shard_aware_id set_password_link } }"""
    me = (await emulator.ask(document, key=PATIENT_3))["currentUser"]
    visits = {visit["starts_at"]: visit["id"] for visit in (await emulator.control.books())["appointments"]}
    past, coming, _ = (visits[at] for at in sorted(visits))
    ada, three = seed["clinicians"][0]["id"], seed["patients"][2]["id"]
    assert (me["name"], me["first_name_last_initial"]) == ("Sample Patient Three", "Sample P")
    assert (me["last_app"], me["next_app"]) == ({"id": past, "pm_status": "Occurred"}, {"id": coming})
    assert me["upcoming_appointments"] == [{"id": coming}]
    assert me["next_appt_date"]
    assert (me["age"], me["doc_share_id"], me["shard_aware_id"]) == (44, f"user-{three}", three)
    assert (me["dietitian"], me["providers"]) == ({"id": ada}, [{"id": ada}])
    assert me["notification_setting"] == {"send_message_emails": True}
    assert me["api_keys"] == {"nodes": [{"name": "Patient Three"}]}
    assert me["set_password_link"] is None  # for administrators only


async def test_through_the_clinician_a_patient_reads_nothing_of_other_patients(
    emulator: EmulatorClient,
) -> None:
    one, _, _ = await ids(emulator)
    document = """{ currentUser { dietitian { patients { id } patients_count active_patients { nodes { id } }
      appointments { user { id } } form_answer_groups { id } api_keys { nodes { id } } switchable_users { id } ssn } } }"""
    seen = (await emulator.ask(document, key=PATIENT_1))["currentUser"]["dietitian"]
    assert (seen["patients"], seen["patients_count"]) == ([{"id": one}], 1)
    assert seen["active_patients"]["nodes"] == [{"id": one}]
    assert {visit["user"]["id"] for visit in seen["appointments"]} <= {one}
    assert (seen["form_answer_groups"], seen["api_keys"]["nodes"], seen["switchable_users"]) == ([], [], [])


async def test_a_patient_changes_the_own_account_and_name_does_nothing(emulator: EmulatorClient) -> None:
    """`updateUser` without an id is about the key's owner; `name` changes nothing."""
    await listen(emulator)
    changed = await update_me(
        emulator,
        name="Somebody Else",
        phone_number="555-0177",
        dob="1990-02-03",
        pronouns="they",
        locations=[{"line1": "1 Sample Street"}],
    )
    user = changed["user"]
    assert (user["full_name"], user["phone_number"], user["dob"]) == (
        "Sample Patient One",
        "555-0177",
        "1990-02-03",
    )
    assert (user["pronouns"], user["locations"]) == ("they", [{"line1": "1 Sample Street"}])
    assert await sent(emulator) == []  # patient.updated is documented for other mutations


async def test_who_may_change_whom_by_update_user(emulator: EmulatorClient) -> None:
    one, two, _ = await ids(emulator)
    ada = (await emulator.control.seed())["clinicians"][0]["id"]
    foreign = await update_me(emulator, id=two, phone_number="555-0177")
    assert foreign["messages"] == [{"field": "id", "message": "User not found"}]
    by_staff = await update_me(emulator, CLINICIAN_1, id=one, phone_number="555-0178")
    assert by_staff["user"]["phone_number"] == "555-0178"
    member = await update_me(
        emulator, OWNER, id=ada, phone_number="555-0179"
    )  # updateOrganizationMembership does that
    assert member["user"] is None
    by_email = await update_me(
        emulator, current_email="sample.patient.one@example.com", phone_number="555-0180"
    )
    assert (by_email["user"]["id"], by_email["user"]["phone_number"]) == (one, "555-0180")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "sample.patient.two@example.com", "last_name": "Patient Two"}, "email"),
        ({"first_name": " "}, "first_name"),
        ({"password": "short1!"}, "password"),
        ({"password": "onlyletters"}, "password"),
        ({"password": "synthetic Pass 1", "password_confirmation": "other"}, "password_confirmation"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"dob": "yesterday"}, "dob"),
        ({"sex": "X"}, "sex"),
    ],
)
async def test_an_account_keeps_values_that_make_sense(
    emulator: EmulatorClient, given: dict[str, str], field: str
) -> None:
    refused = await update_me(emulator, phone_number="555-0199", **given)
    assert refused["messages"][0]["field"] == field
    mine = await emulator.ask("{ currentUser { phone_number } }", key=PATIENT_1)
    assert mine["currentUser"]["phone_number"] != "555-0199"


@pytest.mark.parametrize(
    "mail", [{"resend_welcome": True}, {"send_form_request_reminder": True, "is_intake_item": True}]
)
async def test_a_change_that_sends_mail_ignores_every_other_change_in_it(
    emulator: EmulatorClient, mail: dict[str, Any]
) -> None:
    """Inputs that send mail come first: the mail goes out, and nothing else in the call is done."""
    one, _, _ = await ids(emulator)
    ignored = await update(emulator, id=one, first_name="Renamed", **mail)
    assert (ignored["messages"], ignored["user"]["first_name"]) == (None, "Sample")
    alone = await update(emulator, id=one, send_form_request_reminder=True)
    assert alone["messages"][0]["field"] == "requested_form_completion_id"


async def test_staff_archive_group_and_staff_a_patient(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    one, group, ben = seed["patients"][0]["id"], seed["groups"]["New Patients"], seed["clinicians"][1]["id"]
    await listen(emulator)
    moved = (await update(emulator, id=one, user_group_id=group, other_provider_ids=[ben], sex="Female"))[
        "user"
    ]
    assert (moved["user_group_id"], moved["other_provider_ids"], moved["sex"]) == (group, [ben], "Female")
    archived = (await update(emulator, id=one, active=False))["user"]
    assert (archived["active"], bool(archived["archived_at"])) == (False, True)
    left = (await update(emulator, id=one, active=True, for_changing_groups=True))["user"]
    assert (left["user_group_id"], left["archived_at"]) == (None, None)
    unknown = await update(emulator, id=one, user_group_id="1")
    assert unknown["messages"][0]["field"] == "user_group_id"
    assert await sent(emulator) == ["patient.updated"] * 3


async def test_many_patients_change_group_or_status_and_the_group_wins(emulator: EmulatorClient) -> None:
    """Of the two, `active_status` does not count then."""
    seed = await emulator.control.seed()
    one, two, _ = await ids(emulator)
    group = seed["groups"]["New Patients"]
    bulk = """mutation B($ids: [ID], $active: Boolean, $group: ID, $quiet: Boolean) { bulkUpdateClients(input: {ids: $ids,
      active_status: $active, user_group_id: $group, suppress_patient_updated_webhooks: $quiet}) {
        users { active user_group_id } messages { field } } }"""
    errors = await emulator.errors(bulk, key=PATIENT_1, ids=[one], active=False)
    assert errors[0]["extensions"]["code"] == "UNAUTHORIZED"
    await listen(emulator)
    both = await emulator.ask(bulk, ids=[one, two], active=False, group=group)
    assert both["bulkUpdateClients"]["users"] == [{"active": True, "user_group_id": group}] * 2
    await emulator.ask(bulk, ids=[one], active=False, quiet=True)
    assert (await emulator.ask(bulk, ids=[one]))["bulkUpdateClients"]["messages"] == [
        {"field": "active_status"}
    ]
    assert (await emulator.ask(bulk, ids=[one, "1"], active=True))["bulkUpdateClients"]["users"] is None
    assert await sent(emulator) == ["patient.updated"] * 2


@pytest.mark.parametrize("by", ["clinician", "clinician's code", "group's code"])
async def test_a_visitor_signs_up_without_a_key_to_a_clinician_or_by_an_invite_code(
    emulator: EmulatorClient, by: str
) -> None:
    seed = await emulator.control.seed()
    ben, group = seed["clinicians"][1]["id"], seed["groups"]["New Patients"]
    codes = await emulator.ask(
        "query C($who: ID, $group: ID) { user(id: $who) { invite_code } userGroup(id: $group) { invite_code } }",
        who=ben,
        group=group,
    )
    named = {
        "clinician": {"dietitian_id": ben},
        "clinician's code": {"invite_code": codes["user"]["invite_code"]},
        "group's code": {"invite_code": codes["userGroup"]["invite_code"]},
    }[by]
    await listen(emulator)
    made = (await emulator.ask(SIGN_UP, key=None, input={**NEW, **named, "timezone": "America/Denver"}))[
        "signUp"
    ]
    assert made["user"]["is_patient"] is True
    assert made["user"]["timezone"] == "America/Denver"
    assert made["user"]["user_group_id"] == (group if by == "group's code" else None)
    if by != "group's code":
        assert made["user"]["dietitian_id"] == ben
    assert "patient.created" not in await sent(emulator)  # documented for createClient and completeCheckout


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"password": "short"}, "password"),
        ({"role": "dietitian"}, "role"),
        ({"email": ""}, "email"),
        (
            {"first_name": "Sample", "last_name": "Patient One", "email": "Sample.Patient.One@example.com"},
            "email",
        ),
        ({"dietitian_id": "1"}, "dietitian_id"),
    ],
)
async def test_a_sign_up_needs_names_an_unused_email_a_strong_password_and_a_clinician(
    emulator: EmulatorClient, wrong: dict[str, str], field: str
) -> None:
    ada = (await emulator.control.seed())["clinicians"][0]["id"]
    given = {**NEW, "dietitian_id": ada, **wrong}
    refused = (await emulator.ask(SIGN_UP, key=None, input=given))["signUp"]
    assert (refused["user"], refused["messages"][0]["field"]) == (None, field)


async def test_the_link_to_set_a_password_is_for_administrators_until_there_is_one(
    emulator: EmulatorClient,
) -> None:
    one, _, _ = await ids(emulator)
    document = "query L($id: ID) { user(id: $id) { set_password_link } }"
    link = (await emulator.ask(document, id=one))["user"]["set_password_link"]
    assert "signup_token=" in link
    assert (await emulator.ask(document, key=CLINICIAN_1, id=one))["user"]["set_password_link"] is None
    await update(emulator, id=one, password="synthetic Pass 1")
    assert (await emulator.ask(document, id=one))["user"]["set_password_link"] is None


async def test_an_address_is_added_to_a_patient_or_to_oneself(emulator: EmulatorClient) -> None:
    one, two, _ = await ids(emulator)
    add = """mutation A($user: ID) { createLocation(input: {user_id: $user, name: "Home", line1: "1 Sample Street",
      zip: "10001", city: "New York", state: "NY"}) { location { id name to_oneline user { id } } messages { field } } }"""
    await listen(emulator)
    own = (await emulator.ask(add, key=PATIENT_1))["createLocation"]["location"]
    by_staff = (await emulator.ask(add, key=CLINICIAN_1, user=two))["createLocation"]["location"]
    assert (own["user"], by_staff["user"]) == ({"id": one}, {"id": two})
    assert own["to_oneline"] == "1 Sample Street, New York, NY, 10001"
    assert (await emulator.ask(add, key=PATIENT_1, user=two))["createLocation"]["messages"] == [
        {"field": "user_id"}
    ]
    assert await sent(emulator) == ["location.created"] * 2


@pytest.mark.parametrize("reset", [False, True])
async def test_whether_a_setting_that_is_left_out_is_reset_is_a_switch(
    emulator: EmulatorClient, *, reset: bool
) -> None:
    await emulator.control.switches(notification_defaults_reset=reset)
    mine = "{ currentUser { notification_setting { id send_message_emails send_email_before_appointment } } }"
    change = """mutation C($id: ID, $mails: Boolean, $before: Boolean) { updateNotificationSetting(input: {id: $id,
      send_message_emails: $mails, send_email_before_appointment: $before}) { notificationSetting { id } messages { field } } }"""
    setting = (await emulator.ask(mine, key=PATIENT_1))["currentUser"]["notification_setting"]["id"]
    foreign = await emulator.ask(change, key=PATIENT_2, id=setting, mails=False)
    assert foreign["updateNotificationSetting"]["messages"] == [{"field": "id"}]
    await emulator.ask(change, key=PATIENT_1, id=setting, mails=False)
    await emulator.ask(change, key=PATIENT_1, id=setting, before=False)
    now = (await emulator.ask(mine, key=PATIENT_1))["currentUser"]["notification_setting"]
    assert (now["send_message_emails"], now["send_email_before_appointment"]) == (reset, False)


async def test_a_relative_is_named_and_gets_an_account_from_staff_but_no_access(
    emulator: EmulatorClient,
) -> None:
    one, two, _ = await ids(emulator)
    add = """mutation A($user: ID, $linked: ID, $first: String, $kind: String, $relation: String) {
      createNotificationContact(input: {user_id: $user, linked_client_id: $linked, first_name: $first,
        last_name: "Sample-Child", contact_type: $kind, relationship: $relation}) {
          notificationContact { id full_name linked_client { id } } messages { field } } }"""
    await listen(emulator)
    made = await emulator.ask(add, user=one, first="Kim", kind="minor", relation="child")
    contact = made["createNotificationContact"]["notificationContact"]
    assert (contact["full_name"], bool(contact["linked_client"])) == ("Kim Sample-Child", True)
    assert await sent(emulator) == ["conversation.created", "patient.created", "notification_contact.created"]
    linked = await emulator.ask(add, user=one, linked=two)
    assert linked["createNotificationContact"]["notificationContact"]["linked_client"] == {"id": two}
    relatives = (
        "query R($id: ID) { user(id: $id) { notification_contacts { full_name } linked_relatives { id } } }"
    )
    assert len((await emulator.ask(relatives, id=one))["user"]["notification_contacts"]) == 2
    assert len((await emulator.ask(relatives, id=two))["user"]["linked_relatives"]) == 1
    assert (await emulator.ask(relatives, key=PATIENT_2, id=one))["user"] is None
    for wrong, field in (({"kind": "robot"}, "contact_type"), ({"relation": "boss"}, "relationship")):
        refused = (await emulator.ask(add, user=one, first="Kim", **wrong))["createNotificationContact"]
        assert refused["messages"] == [{"field": field}]


async def test_relatives_of_one_email_may_be_switched_to(emulator: EmulatorClient) -> None:
    one, _, _ = await ids(emulator)
    create = """mutation C { createClient(input: {first_name: "Kim", last_name: "Patient One",
      email: "Sample.Patient.One@example.com"}) { user { id } } }"""
    kim = (await emulator.ask(create, key=CLINICIAN_1))["createClient"]["user"]["id"]
    mine = await emulator.ask(
        "{ currentUser { switchable_users { id } switchable_users_count } }", key=PATIENT_1
    )
    assert mine["currentUser"] == {"switchable_users": [{"id": kim}], "switchable_users_count": 1}
    assert kim != one


async def test_merged_patients_leave_their_records_and_both_ids_to_the_one_that_remains(
    emulator: EmulatorClient,
) -> None:
    seed = await emulator.control.seed()
    one, two, _ = await ids(emulator)
    fill = """mutation F($id: ID, $form: ID) { createFormAnswerGroup(input: {user_id: $id, custom_module_form_id: $form,
      finished: true}) { form_answer_group { id } } }"""
    await emulator.ask(fill, id=two, form=seed["forms"]["Visit Note"])
    merge = """mutation M($ids: [ID], $target: ID) { mergeClients(input: {ids: $ids, target_user_id: $target,
      target_email: "merged.sample@example.com"}) { user { id email form_answer_groups { user_id } policies { id } } } }"""
    await listen(emulator)
    merged = (await emulator.ask(merge, ids=[one, two], target=two))["mergeClients"]["user"]
    assert (merged["id"], merged["email"]) == (two, "merged.sample@example.com")
    assert merged["form_answer_groups"] == [{"user_id": two}]
    assert len(merged["policies"]) == 1
    assert await sent(emulator) == ["patient.merged"]
