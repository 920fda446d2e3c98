"""The control API: reset, seed, clock, switches, books, requests; and the page for people."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.plugins.emulator import CLINICIAN_1, LATEST, OWNER, STILL, EmulatorClient

MINT = 'mutation Mint { createApiKey(input: {name: "One more"}) { api_key api_key_object { id } messages { message } } }'


async def test_the_seed_tells_a_stack_what_it_needs_to_begin(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    zones = [each["timezone"] for each in seed["clinicians"]]
    assert zones == ["America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"]
    assert [each["key"] for each in seed["clinicians"]][-1] is None
    assert seed["clinician_keys"] == {each["id"]: each["key"] for each in seed["clinicians"][:3]}
    for clinician_id, key in seed["clinician_keys"].items():
        assert (await emulator.ask("{ currentUser { id } }", key=key))["currentUser"]["id"] == clinician_id
    assert seed["coupons"] == ["WELCOME20", "MINUS25", "MONTHLY10", "EXPIRED10", "USEDUP50"]


async def test_every_seeded_person_is_obviously_synthetic(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    people = [seed["owner"], *seed["clinicians"], *seed["patients"]]
    assert all("Sample" in person["name"] for person in people)
    document = (
        "{ users { nodes { email phone_number } } organizationMembers { nodes { email phone_number } } }"
    )
    data = await emulator.ask(document)
    for person in (*data["users"]["nodes"], *data["organizationMembers"]["nodes"]):
        assert person["email"].endswith("@example.com")
        assert (person["phone_number"] or "555-01").startswith("555-01")


async def test_every_week_has_free_slots_of_every_clinician(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    document = """query S($id: ID!, $type: ID, $start: ISO8601DateTime, $end: ISO8601DateTime) {
      availableSlotsForRange(provider_id: $id, org_level: true, make_unique: false, appt_type_id: $type,
        start_date: $start, end_date: $end) { user_id } }"""
    for start, end in (("2027-01-04", "2027-01-10"), ("2027-03-10", "2027-03-16")):
        found = await emulator.ask(
            document,
            id=seed["clinicians"][0]["id"],
            type=seed["visit_types"]["Initial Visit"],
            start=start,
            end=end,
        )
        busy = {slot["user_id"] for slot in found["availableSlotsForRange"]}
        assert busy == {each["id"] for each in seed["clinicians"]}


async def test_reset_brings_everything_back(emulator: EmulatorClient) -> None:
    before = await emulator.control.books()
    await emulator.ask(MINT)
    await emulator.control.switches(may_create_api_keys=False)
    await emulator.control.faults({"kind": "http_5xx"})
    await emulator.control.clock(advance=3600)
    await emulator.control.reset(clock=STILL, stopped=True)
    assert await emulator.control.books() == before
    assert await emulator.control.requests() == []
    assert (await emulator.ask(MINT))["createApiKey"]["messages"] is None


async def test_the_practice_changes_what_it_sells_until_a_reset(emulator: EmulatorClient) -> None:
    document = '{ offerings(keywords: "First Visit") { nodes { price billing_frequency } } }'

    async def sold() -> Any:
        return (await emulator.ask(document))["offerings"]["nodes"]

    before = await sold()
    await emulator.control.offer(plan="First Visit", price=20_000, billing_frequency="Monthly")
    assert await sold() == [{"price": "200.0", "billing_frequency": "Monthly"}]
    await emulator.control.reset(clock=STILL, stopped=True)
    assert await sold() == before


async def test_reset_without_a_clock_goes_back_to_the_wall_clock(emulator: EmulatorClient) -> None:
    await emulator.control.clock(set="2031-01-01T00:00:00+00:00")
    await emulator.control.reset()
    assert abs(await emulator.control.clock() - datetime.now(UTC)) < timedelta(minutes=1)


async def test_another_seed_gives_other_ids_and_the_same_one_the_same(emulator: EmulatorClient) -> None:
    first = await emulator.control.reset(seed=1)
    second = await emulator.control.reset(seed=2)
    assert first["clinicians"][0]["id"] != second["clinicians"][0]["id"]
    assert await emulator.control.reset(seed=1) == first


async def test_the_clock_can_be_set_advanced_stopped_and_started(emulator: EmulatorClient) -> None:
    control = emulator.control
    noon = await control.clock(set="2027-05-01T12:00:00+00:00")
    assert await control.clock() == noon
    assert await control.clock(advance=90) == noon + timedelta(seconds=90)
    await control.clock(stopped=False)
    assert noon + timedelta(seconds=90) < await control.clock() < noon + timedelta(seconds=150)


async def test_requests_tell_the_operation_its_root_fields_and_whose_key(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    await emulator.send("query Both { currentUser { id } apiKeys { total_count } }", key=CLINICIAN_1)
    await emulator.send("{ users { total_count } }", key="no-such-key")
    both, refused = await emulator.control.requests()
    assert both | {"at": ""} == {
        "number": 1,
        "url": "http://emulator.invalid/graphql",
        "at": "",
        "version": LATEST,
        "operation": "Both",
        "root_fields": ["currentUser", "apiKeys"],
        "key_owner_id": seed["clinicians"][0]["id"],
        "status": 200,
        "faults": [],
        "error_codes": [],
    }
    assert (refused["operation"], refused["key_owner_id"]) == (None, None)
    assert refused["error_codes"] == ["UNAUTHENTICATED"]
    await emulator.control.forget_requests()
    assert await emulator.control.requests() == []


@pytest.mark.parametrize(
    ("mutation", "document"),
    [
        ("createApiKey", MINT),
        (
            "createClient",
            """mutation { createClient(input: {first_name: "A", last_name: "Sample", email: "a@example.com"}) {
            user { id } messages { message } } }""",
        ),
        (
            "updateClient",
            'mutation { updateClient(input: {id: "200006", first_name: "B"}) { user { first_name } messages { message } } }',
        ),
        (
            "deleteAppointment",
            'mutation { deleteAppointment(input: {id: "1200002"}) { appointment { pm_status } messages { message } } }',
        ),
        (
            "createBillingItem",
            """mutation { createBillingItem(input: {sender_id: "200006", amount_paid: "10", should_charge: true}) {
            billingItem { id } messages { message } stripeError } }""",
        ),
        ("sendTestWebhook", 'mutation { sendTestWebhook(input: {id: "1"}) { sent messages { message } } }'),
    ],
)
async def test_a_switch_per_mutation_makes_it_answer_success_and_do_nothing(
    emulator: EmulatorClient, mutation: str, document: str
) -> None:
    before = await emulator.control.books()
    keys = await emulator.ask("{ apiKeys { total_count } }")
    await emulator.control.switches(silent_noop=[mutation])
    payload = (await emulator.ask(document))[mutation]
    assert payload["messages"] is None
    assert await emulator.control.books() == before
    assert await emulator.ask("{ apiKeys { total_count } }") == keys


async def test_a_silent_update_answers_with_the_record_as_it_was(emulator: EmulatorClient) -> None:
    one = (await emulator.control.seed())["patients"][0]["id"]
    await emulator.control.switches(silent_noop=["updateClient"])
    document = (
        'mutation U($id: ID!) { updateClient(input: {id: $id, first_name: "Else"}) { user { first_name } } }'
    )
    assert (await emulator.ask(document, id=one))["updateClient"]["user"] == {"first_name": "Sample"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("switches", {"no_such_switch": True}),
        ("switches", {"silent_noop": "createClient"}),
        ("switches", {"drop_note": "yes"}),
        ("offer", {}),
        ("offer", {"plan": "No Such Plan"}),
        ("offer", {"promo_code": "WELCOME20", "no_such_value": 1}),
        ("clock", {"set": "tomorrow"}),
        ("clock", {"advance": "long"}),
        ("clock", {"advance": 1e300}),
        ("reset", {"seed": "x"}),
        ("reset", []),
    ],
)
async def test_a_bad_control_request_says_what_is_wrong(
    emulator: EmulatorClient, path: str, body: Any
) -> None:
    answer = await emulator.client.post(f"/_control/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_the_page_lists_the_endpoint_the_keys_and_the_controls(emulator: EmulatorClient) -> None:
    page = await emulator.client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for text in (f"{emulator.url}/graphql", OWNER, CLINICIAN_1, "POST /_control/reset", "nobody here exists"):
        assert text in page.text


async def test_health_answers_when_it_is_ready(emulator: EmulatorClient) -> None:
    assert await emulator.control.call("GET", "health") == {"status": "ok"}


async def test_an_unknown_path_is_a_404_that_is_not_graphql(emulator: EmulatorClient) -> None:
    answer = await emulator.client.post("/graphqll", json={})
    assert answer.status_code == 404
    assert "json" not in answer.headers["content-type"]
