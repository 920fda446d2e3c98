"""Permissions of the practice's members, each granted and taken. Healthie: a key has the permissions of its owner's account."""

from typing import Any

import pytest

from integrations.healthie_emulator.permissions import SENTENCE
from tests.plugins.emulator import CLINICIAN_1, CLINICIAN_2, PATIENT_1, EmulatorClient

BOOK = """mutation M($input: createAppointmentInput!) {
  createAppointment(input: $input) { appointment { id } messages { field message } } }"""
CANCEL = """mutation M($input: deleteAppointmentInput!) {
  deleteAppointment(input: $input) { appointment { id } messages { field message } } }"""
MOVE = """mutation M($input: updateAppointmentInput!) {
  updateAppointment(input: $input) { appointment { id } messages { field message } } }"""
CHARGE = """mutation M($input: createBillingItemInput!) {
  createBillingItem(input: $input) { billingItem { id } messages { field message } stripeError } }"""
REFUND = """mutation M($input: updateBillingItemInput!) {
  updateBillingItem(input: $input) { billingItem { id } messages { field message } } }"""
CARD = """mutation M($input: createStripeCustomerDetailInput!) {
  createStripeCustomerDetail(input: $input) { stripe_customer_detail { id } messages { field message } } }"""
PATIENT = """mutation M($input: createClientInput!) {
  createClient(input: $input) { user { id } messages { field message } } }"""
ARCHIVE = """mutation M($input: updateClientInput!) {
  updateClient(input: $input) { user { id } messages { field message } } }"""
MERGE = """mutation M($input: mergeClientsInput!) {
  mergeClients(input: $input) { user { id } messages { field message } } }"""
MINT = """mutation M($input: createApiKeyInput!) {
  createApiKey(input: $input) { api_key messages { field message } } }"""
HOOK = """mutation M($input: createWebhookInput!) {
  createWebhook(input: $input) { webhook { id } messages { field message } } }"""


async def the_inputs(emulator: EmulatorClient) -> dict[str, Any]:
    seed = await emulator.control.seed()
    (one, two, three), visit = seed["patients"][:3], seed["visit_types"]["Initial Visit"]
    booking = {
        "user_id": one["id"],
        "appointment_type_id": visit,
        "contact_type": "Healthie Video Call",
        "datetime": "2027-01-11T15:00:00Z",
    }
    made = (await emulator.ask(BOOK, key=CLINICIAN_1, input=booking))["createAppointment"]["appointment"]
    charge = {"sender_id": one["id"], "amount_paid": "10.00", "should_charge": True}
    paid = (await emulator.ask(CHARGE, key=CLINICIAN_1, input=charge))["createBillingItem"]["billingItem"]
    later = booking | {"datetime": "2027-01-12T15:00:00Z"}
    return {
        "own": later,
        "others": later | {"other_party_id": seed["clinicians"][1]["id"]},
        "visit": {"id": made["id"]},
        "move": {"id": made["id"], "datetime": "2027-01-13T15:00:00Z"},
        "charge": charge,
        "refund": {"id": paid["id"], "chosen_refund_amount": "1.00"},
        "card": {"user_id": two["id"], "token": "tok_visa"},
        "patient": {"first_name": "Sample", "last_name": "New", "email": "sample.new@example.com"},
        "archive": {"id": two["id"], "active": False},
        "merge": {"target_user_id": one["id"], "ids": [three["id"]]},
        "mint": {"name": "Sample"},
        "hook": {"url": "https://example.com/hook", "event_type": "PATIENT_CREATED"},
    }


CHANGES = {
    "own visit": ("can_add_own_appointments", BOOK, "own"),
    "other's visit": ("can_add_others_appointments", BOOK, "others"),
    "delete": ("can_edit_calendar", CANCEL, "visit"),
    "move": ("can_edit_calendar", MOVE, "move"),
    "charge": ("can_charge_clients", CHARGE, "charge"),
    "refund": ("can_charge_clients", REFUND, "refund"),
    "card": ("can_charge_clients", CARD, "card"),
    "patient": ("can_add_clients", PATIENT, "patient"),
    "archive": ("can_remove_client", ARCHIVE, "archive"),
    "merge": ("can_merge_clients", MERGE, "merge"),
    "mint": ("create_api_keys", MINT, "mint"),
    "webhook": ("is_developer", HOOK, "hook"),
}


async def clinician(emulator: EmulatorClient, number: int = 1) -> str:
    return str((await emulator.control.seed())["clinicians"][number - 1]["id"])


async def take(emulator: EmulatorClient, *permissions: str, **more: Any) -> None:
    user_id = await clinician(emulator)
    given = {"user_id": user_id, "without": list(permissions), **more}
    await emulator.control.call("POST", "permissions", given)


async def answer(emulator: EmulatorClient, document: str, key: str = CLINICIAN_1, **variables: Any) -> Any:
    return (await emulator.send(document, key=key, **variables)).json()


@pytest.mark.parametrize(("permission", "document", "name"), CHANGES.values(), ids=CHANGES)
async def test_a_change_is_made_with_its_permission_and_refused_without(
    emulator: EmulatorClient, permission: str, document: str, name: str
) -> None:
    given = (await the_inputs(emulator))[name]
    await take(emulator, permission)

    refused = await answer(emulator, document, input=given)
    assert refused["errors"][0]["message"] == SENTENCE
    assert [payload["messages"] for payload in refused["data"].values()] == [
        [{"field": "base", "message": SENTENCE}]
    ]
    books = await emulator.control.books()

    await take(emulator)
    allowed = await answer(emulator, document, input=given)
    assert "errors" not in allowed
    assert [payload["messages"] for payload in allowed["data"].values()] == [None]
    if name in {"own", "others", "charge"}:
        assert await emulator.control.books() != books


async def test_it_is_taken_from_one_member_only(emulator: EmulatorClient) -> None:
    given = (await the_inputs(emulator))["own"]
    await take(emulator, "can_add_own_appointments")

    assert "errors" in await answer(emulator, BOOK, input=given)
    assert "errors" not in await answer(emulator, BOOK, CLINICIAN_2, input=given)


@pytest.mark.parametrize(
    ("form", "errors", "messages"),
    [
        ("both", [(SENTENCE, None)], [SENTENCE]),
        ("messages", [], [SENTENCE]),
        ("sentence", [(SENTENCE, None)], None),
        ("unauthorized", [("Unauthorized", None)], None),
        ("code", [(SENTENCE, "UNAUTHORIZED")], None),
    ],
)
async def test_the_form_of_a_refusal_is_a_switch(
    emulator: EmulatorClient, form: str, errors: list[tuple[str, str | None]], messages: list[str] | None
) -> None:
    """Healthie's guides: one refusal stands in `errors` and in `messages`, another is an `Unauthorized` error; no form is general."""
    given = (await the_inputs(emulator))["own"]
    await take(emulator, "can_add_own_appointments", form=form)

    body = await answer(emulator, BOOK, input=given)
    said = [(each["message"], each.get("extensions", {}).get("code")) for each in body.get("errors", [])]
    payload = (body["data"] or {}).get("createAppointment")
    assert said == errors
    assert (payload and [each["message"] for each in payload["messages"]]) == messages
    assert payload is None or payload["appointment"] is None


READS = {
    "billingItems": ("can_see_billing", "{ billingItems { nodes { id } } }"),
    "stripeCustomerDetails": (
        "can_see_billing",
        "query Q($id: ID) { stripeCustomerDetails(user_id: $id) { nodes { id } } }",
    ),
    "webhooks": ("is_developer", "{ webhooks { nodes { id } } }"),
}


@pytest.mark.parametrize("root", READS)
async def test_a_read_without_its_permission_is_refused_or_by_a_switch_finds_nothing(
    emulator: EmulatorClient, root: str
) -> None:
    permission, document = READS[root]
    await the_inputs(emulator)
    await emulator.ask(HOOK, input={"url": "https://example.com/hook", "event_type": "PATIENT_CREATED"})
    variables = {"id": (await emulator.control.seed())["patients"][0]["id"]} if "$id" in document else {}
    assert (await answer(emulator, document, **variables))["data"][root]["nodes"]

    await take(emulator, permission, form="unauthorized")
    refused = await answer(emulator, document, **variables)
    assert [each["message"] for each in refused["errors"]] == ["Unauthorized"]

    await take(emulator, permission, reads_find_nothing=True)
    assert (await answer(emulator, document, **variables))["data"] == {root: {"nodes": []}}


async def test_without_all_calendars_a_key_sees_its_owners_visits_only(emulator: EmulatorClient) -> None:
    """`can_see_calendar` opens the calendars of the whole practice."""
    inputs = await the_inputs(emulator)
    other = inputs["own"] | {"datetime": "2027-01-14T16:00:00Z"}
    await emulator.ask(BOOK, key=CLINICIAN_2, input=other)
    every, one = "{ appointments(is_org: true) { nodes { id provider { id } } } }", await clinician(emulator)

    async def seen() -> set[str]:
        nodes = (await answer(emulator, every))["data"]["appointments"]["nodes"]
        return {each["provider"]["id"] for each in nodes}

    assert len(await seen()) > 1
    await take(emulator, "can_see_calendar")
    assert await seen() == {one}


async def test_without_all_clients_a_key_sees_its_owners_patients_only(emulator: EmulatorClient) -> None:
    """`can_see_clients` shows the patients of the whole practice."""
    second = (await emulator.control.seed())["clinicians"][1]["id"]
    new = {
        "first_name": "Sample",
        "last_name": "Other",
        "email": "sample.o@example.com",
        "dietitian_id": second,
    }
    made = (await emulator.ask(PATIENT, input=new))["createClient"]["user"]["id"]
    every = "{ users { nodes { id } } }"

    async def seen() -> set[str]:
        return {each["id"] for each in (await answer(emulator, every))["data"]["users"]["nodes"]}

    assert made in await seen()
    await take(emulator, "can_see_clients")
    assert made not in await seen()
    assert await seen()


async def test_without_all_billing_a_key_sees_payments_to_its_owner_only(emulator: EmulatorClient) -> None:
    """`sees_all_billing` shows what was paid to others too."""
    charge = (await the_inputs(emulator))["charge"]
    await emulator.ask(CHARGE, key=CLINICIAN_2, input=charge | {"recipient_id": await clinician(emulator, 2)})
    every = "{ billingItems { nodes { recipient { id } } } }"

    async def seen() -> set[str]:
        listed = (await answer(emulator, every))["data"]["billingItems"]["nodes"]
        return {each["recipient"]["id"] for each in listed}

    one = await clinician(emulator)
    assert await seen() > {one}
    await take(emulator, "sees_all_billing")
    assert await seen() == {one}


async def test_a_membership_shows_what_was_taken_and_grants_the_rest(emulator: EmulatorClient) -> None:
    await take(emulator, "can_charge_clients")
    fields = "id can_charge_clients can_add_clients can_view_reports org_role organization { id } user { id }"
    one = await clinician(emulator)
    own = await emulator.ask(
        f"{{ currentUser {{ organization_membership {{ {fields} }} }} }}", key=CLINICIAN_1
    )
    named = f"query Q($id: ID) {{ organizationMembership(user_id: $id) {{ {fields} }} }}"
    nodes = f"{{ total_count nodes {{ {fields} }} }}"
    listed = f"query Q($ids: [ID]) {{ organizationMemberships(user_ids: $ids) {nodes} }}"

    membership = own["currentUser"]["organization_membership"]
    assert (membership["can_charge_clients"], membership["can_add_clients"]) == (False, True)
    assert membership["user"] == {"id": one}
    assert (await emulator.ask(named, id=one))["organizationMembership"] == membership
    found = (await emulator.ask(listed, ids=[one]))["organizationMemberships"]
    assert found == {"total_count": 1, "nodes": [membership]}


async def test_whether_a_key_sees_other_members_permissions_is_a_switch(emulator: EmulatorClient) -> None:
    listed, one = "{ organizationMemberships { nodes { user { id } } } }", await clinician(emulator)
    named = "query Q($id: ID) { organizationMembership(user_id: $id) { id } }"
    assert len((await emulator.ask(listed))["organizationMemberships"]["nodes"]) > 1

    await emulator.control.call("POST", "permissions", {"members_are_seen": False})
    assert len((await emulator.ask(listed))["organizationMemberships"]["nodes"]) == 1
    assert (await emulator.ask(named, id=one))["organizationMembership"] is None
    assert (await emulator.ask(named, key=CLINICIAN_1, id=one))["organizationMembership"] is not None


async def test_patients_have_no_membership(emulator: EmulatorClient) -> None:
    document = "{ currentUser { organization_membership { id } } organizationMemberships { nodes { id } } }"
    answered = await emulator.ask(document, key=PATIENT_1)

    assert answered == {
        "currentUser": {"organization_membership": None},
        "organizationMemberships": {"nodes": []},
    }


@pytest.mark.parametrize(
    "given",
    [
        {"form": "other"},
        {"without": ["can_charge_clients"]},
        {"user_id": "1", "without": []},
        {"reads_find_nothing": "yes"},
        {"nothing": 1},
    ],
)
async def test_a_bad_order_is_refused_and_changes_nothing(
    emulator: EmulatorClient, given: dict[str, Any]
) -> None:
    before = await emulator.control.call("GET", "permissions")
    refused = await emulator.client.post("/_control/permissions", json=given)

    assert refused.status_code == 400
    assert await emulator.control.call("GET", "permissions") == before


async def test_a_reset_grants_everything_again(emulator: EmulatorClient) -> None:
    await take(emulator, "can_charge_clients", form="code")
    await emulator.control.reset()

    assert await emulator.control.call("GET", "permissions") == {
        "without": {},
        "form": "both",
        "reads_find_nothing": False,
        "members_are_seen": True,
    }
