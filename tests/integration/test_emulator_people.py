"""Who sees whom, one account per email and names, keys, and the silent facts of `updateClient`."""

from typing import Any

import pytest

from tests.plugins.emulator import CLINICIAN_1, OWNER, PATIENT_1, EmulatorClient

CREATE = """mutation Create($email: String, $first: String, $last: String, $zone: String, $dob: String, $who: String) {
  createClient(input: {email: $email, first_name: $first, last_name: $last, timezone: $zone, dob: $dob,
    dietitian_id: $who, phone_number: "555-0142", dont_send_welcome: true}) {
    user { id email first_name dob is_patient dietitian_id } messages { field message } } }"""

UPDATE = """mutation Update($id: ID!, $phone: String, $welcome: Boolean) {
  updateClient(input: {id: $id, phone_number: $phone, resend_welcome: $welcome}) {
    user { phone_number } messages { message } } }"""

NEW = {"email": "new.sample@example.com", "first": "New", "last": "Sample"}


async def create(emulator: EmulatorClient, key: str = CLINICIAN_1, **values: Any) -> Any:
    return (await emulator.ask(CREATE, key=key, **{**NEW, **values}))["createClient"]


async def test_a_patients_key_sees_only_the_patient_and_others_look_missing(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    one, two, _ = (patient["id"] for patient in seed["patients"])
    document = """query See($id: ID) { user(id: $id) { id } users { nodes { id } }
      appointments(user_id: $id, with_all_statuses: true) { total_count } }"""
    own = await emulator.ask(document, key=PATIENT_1, id=one)
    foreign = await emulator.ask(document, key=PATIENT_1, id=two)
    missing = await emulator.ask(document, key=PATIENT_1, id="424242")
    assert own["user"] == {"id": one}
    assert foreign == missing
    assert foreign["user"] is None
    assert [user["id"] for user in foreign["users"]["nodes"]] == [one]
    assert (await emulator.ask(document, key=OWNER, id=two))["user"] == {"id": two}


async def test_a_patient_may_not_add_patients_nor_change_another(emulator: EmulatorClient) -> None:
    two = (await emulator.control.seed())["patients"][1]["id"]
    errors = await emulator.errors(CREATE, key=PATIENT_1, **NEW)
    assert errors[0]["extensions"]["code"] == "UNAUTHORIZED"
    refused = await emulator.ask(UPDATE, key=PATIENT_1, id=two, phone="555-0199")
    assert refused["updateClient"]["messages"] == [{"message": "Client not found"}]


async def test_a_new_patient_belongs_to_the_keys_owner_unless_said_otherwise(
    emulator: EmulatorClient,
) -> None:
    clinicians = (await emulator.control.seed())["clinicians"]
    made = await create(emulator, dob="1990-02-03")
    other = await create(emulator, last="Sample-Other", who=clinicians[1]["id"])
    assert made["messages"] is None
    assert (made["user"]["is_patient"], made["user"]["dob"]) == (True, "1990-02-03")
    assert made["user"]["dietitian_id"] == clinicians[0]["id"]
    assert other["user"]["dietitian_id"] == clinicians[1]["id"]


async def test_one_account_per_email_first_and_last_name_and_two_people_may_share_an_email(
    emulator: EmulatorClient,
) -> None:
    await create(emulator)
    again = await create(emulator, email="New.Sample@example.com", first="new")
    sibling = await create(emulator, first="Newer")
    found = await emulator.ask("query F($e: String) { users(keywords: $e) { total_count } }", e=NEW["email"])
    assert again["messages"] == [{"field": "email", "message": "Email has already been taken"}]
    assert again["user"] is None
    assert sibling["messages"] is None
    assert found["users"]["total_count"] == 2


async def test_an_email_filters_nothing_and_keywords_match_email_name_birthday_and_record_id(
    emulator: EmulatorClient,
) -> None:
    await create(emulator, dob="1971-02-03")
    make = """mutation Make { createClient(input: {first_name: "Numbered", last_name: "Sample", skipped_email: true,
      record_identifier: "MRN-77"}) { user { id email } } }"""
    numbered = (await emulator.ask(make, key=CLINICIAN_1))["createClient"]["user"]
    assert numbered["email"] is None

    async def found(**given: str) -> int:
        document = "query F($email: String, $words: String) { users(email: $email, keywords: $words) { total_count } }"
        answer: int = (await emulator.ask(document, **given))["users"]["total_count"]
        return answer

    everybody = await found()
    assert await found(email=NEW["email"]) == everybody == 5
    for words in (NEW["email"].upper(), "new sample", "1971-02-03"):
        assert await found(words=words) == 1
    assert await found(words="mrn-77") == 1
    assert await found(words=numbered["id"]) == 1
    assert await found(words="new nobody") == 0, "every word is to be found"
    document = "query U($email: String) { user(email: $email) { id } }"
    assert (await emulator.ask(document, email=NEW["email"]))["user"] is None


async def test_archived_patients_are_listed_only_when_they_are_asked_for(emulator: EmulatorClient) -> None:
    one = (await emulator.control.seed())["patients"][0]["id"]
    archive = "mutation A($id: ID!) { updateClient(input: {id: $id, active: false}) { user { active } } }"
    await emulator.ask(archive, id=one)
    document = """query L($status: String) { users(active_status: $status) { nodes { id } } }"""

    async def listed(status: str | None) -> list[str]:
        return [each["id"] for each in (await emulator.ask(document, status=status))["users"]["nodes"]]

    assert one not in await listed(None)
    assert await listed("archived") == [one]
    await emulator.control.switches(archived_users_unasked=True)
    assert one in await listed(None)
    assert one not in await listed("active")


async def test_patients_are_listed_by_last_name_and_those_of_one_clinician_only_where_limited_to_them(
    emulator: EmulatorClient,
) -> None:
    """The guide on patients: staff share the practice's patients; `has_cc_on_file: false` and `id` filter nothing."""
    await emulator.control.add_patients(3)
    document = """query L($id: ID, $card: Boolean) { users(id: $id, has_cc_on_file: $card) { nodes { last_name } } }"""

    async def listed(**given: Any) -> list[str]:
        return [each["last_name"] for each in (await emulator.ask(document, **given))["users"]["nodes"]]

    everybody = await listed()
    assert everybody == sorted(everybody)
    assert await listed(id="200006") == await listed(card=False) == everybody
    assert await listed(card=True) == ["Patient One"]


@pytest.mark.parametrize("unique", [True, False])
async def test_two_without_an_email_may_have_the_same_names_or_not(
    emulator: EmulatorClient, *, unique: bool
) -> None:
    """Nobody says which: a switch."""
    await emulator.control.switches(names_without_email_unique=unique)
    make = """mutation Make { createClient(input: {first_name: "Same", last_name: "Sample", skipped_email: true}) {
      user { id } messages { message } } }"""
    answers = [(await emulator.ask(make, key=CLINICIAN_1))["createClient"] for _ in range(2)]
    assert [bool(each["user"]) for each in answers] == [True, not unique]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"first": " "}, "first_name"),
        ({"last": None}, "last_name"),
        ({"email": ""}, "email"),
        ({"email": "nobody"}, "email"),
        ({"zone": "Mars/Olympus"}, "timezone"),
        ({"dob": "yesterday"}, "dob"),
        ({"who": "424242"}, "dietitian_id"),
    ],
)
async def test_a_client_that_cannot_be_is_refused_by_messages(
    emulator: EmulatorClient, values: dict[str, Any], field: str
) -> None:
    refused = await create(emulator, **values)
    assert [message["field"] for message in refused["messages"]] == [field]
    assert len((await emulator.control.books())["patients"]) == 3


async def test_update_client_with_resend_welcome_ignores_the_other_changes_in_the_call(
    emulator: EmulatorClient,
) -> None:
    one = (await emulator.control.seed())["patients"][0]["id"]
    ignored = await emulator.ask(UPDATE, id=one, phone="555-0199", welcome=True)
    heeded = await emulator.ask(UPDATE, id=one, phone="555-0199")
    assert ignored["updateClient"] == {"user": {"phone_number": "555-0101"}, "messages": None}
    assert heeded["updateClient"] == {"user": {"phone_number": "555-0199"}, "messages": None}


async def test_a_change_may_not_take_another_patients_account(emulator: EmulatorClient) -> None:
    one = (await emulator.control.seed())["patients"][0]["id"]
    document = """mutation Take($id: ID!, $last: String, $email: String) {
      updateClient(input: {id: $id, last_name: $last, email: $email}) { messages { field } } }"""
    taken = await emulator.ask(document, id=one, last="Patient Two", email="sample.patient.two@example.com")
    same = await emulator.ask(document, id=one, last="Patient One", email="sample.patient.one@example.com")
    assert taken["updateClient"]["messages"] == [{"field": "email"}]
    assert same["updateClient"]["messages"] is None


MINT = 'mutation Mint($id: ID) { createApiKey(input: {user_id: $id, name: "Gateway"}) { api_key api_key_object { id } } }'


async def test_a_minted_key_acts_as_the_other_user_until_it_is_deleted(emulator: EmulatorClient) -> None:
    fourth = (await emulator.control.seed())["clinicians"][3]["id"]
    minted = (await emulator.ask(MINT, id=fourth))["createApiKey"]
    key_id = minted["api_key_object"]["id"]
    assert await emulator.ask("{ currentUser { id } }", key=minted["api_key"]) == {
        "currentUser": {"id": fourth}
    }
    await emulator.ask(
        "mutation D($id: ID) { deleteApiKey(input: {id: $id}) { messages { message } } }", id=key_id
    )
    errors = await emulator.errors("{ currentUser { id } }", key=minted["api_key"])
    assert errors[0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_minting_needs_a_permission_and_for_another_user_an_administrator(
    emulator: EmulatorClient,
) -> None:
    fourth = (await emulator.control.seed())["clinicians"][3]["id"]
    assert (await emulator.errors(MINT, key=CLINICIAN_1, id=fourth))[0]["extensions"][
        "code"
    ] == "UNAUTHORIZED"
    await emulator.control.switches(may_create_api_keys=False)
    assert (await emulator.errors(MINT, id=fourth))[0]["extensions"]["code"] == "UNAUTHORIZED"


async def test_keys_are_listed_without_their_secret(emulator: EmulatorClient) -> None:
    own = await emulator.send("{ apiKeys { nodes { name displayable_key } } }", key=CLINICIAN_1)
    assert [key["name"] for key in own.json()["data"]["apiKeys"]["nodes"]] == ["Clinician 1"]
    assert CLINICIAN_1 not in own.text


async def test_members_are_found_by_the_state_in_which_they_are_licensed(emulator: EmulatorClient) -> None:
    document = """query In($state: String) { organizationMembers(licensed_in_state: $state) {
      nodes { first_name state_licenses { state full_state_name } } } }"""
    for state in ("CA", "California"):
        found = (await emulator.ask(document, state=state))["organizationMembers"]["nodes"]
        assert [member["first_name"] for member in found] == ["Cleo", "Dana"]
    assert (await emulator.ask(document, state="HI"))["organizationMembers"]["nodes"] == []
    licenses = await emulator.ask(
        "query L($id: ID) { stateLicenses(provider_id: $id) { nodes { state } } }",
        id=(await emulator.control.seed())["clinicians"][3]["id"],
    )
    assert [each["state"] for each in licenses["stateLicenses"]["nodes"]] == ["CA", "WA", "OR"]


async def test_filled_forms_are_listed_by_when_they_changed_to_whom_they_are_shown(
    emulator: EmulatorClient,
) -> None:
    """`updated_after` lists what changed later than that."""
    seed = await emulator.control.seed()
    fill = """mutation Fill($id: ID!, $form: ID) { createFormAnswerGroup(input: {user_id: $id, finished: true,
      custom_module_form_id: $form}) { form_answer_group { id updated_at } } }"""
    made = []
    for patient in seed["patients"][:2]:
        await emulator.control.clock(advance=60)
        answer = await emulator.ask(fill, key=OWNER, id=patient["id"], form=seed["forms"]["Visit Note"])
        made.append(answer["createFormAnswerGroup"]["form_answer_group"])
    document = """query Forms($after: ISO8601DateTime) {
      formAnswerGroups(updated_after: $after, order_by: UPDATED_AT_DESC) { nodes { id } } }"""

    async def listed(key: str, after: str | None = None) -> list[str]:
        answer = await emulator.ask(document, key=key, after=after)
        return [each["id"] for each in answer["formAnswerGroups"]["nodes"]]

    first, second = (each["id"] for each in made)
    assert await listed(OWNER) == [second, first]
    assert await listed(OWNER, after=made[0]["updated_at"]) == [second]
    assert await listed(PATIENT_1) == [first]
