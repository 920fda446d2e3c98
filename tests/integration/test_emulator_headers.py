"""Headers on every request: the key as it is, AuthorizationSource, a published version; a shard is accepted."""

from typing import Any

import pytest

from tests.plugins.emulator import CLINICIAN_1, LATEST, OWNER, EmulatorClient

WHO = "{ currentUser { id } }"
VERSION = "Healthie-GraphQL-API-Version"


async def codes(emulator: EmulatorClient, headers: dict[str, str], key: str | None = OWNER) -> list[str]:
    answer = (await emulator.send(WHO, key=key, headers=headers)).json()
    return [error["extensions"]["code"] for error in answer.get("errors", ())]


async def warnings(emulator: EmulatorClient, version: str) -> list[dict[str, Any]]:
    answer = (await emulator.send(WHO, headers={VERSION: version})).json()
    found: list[dict[str, Any]] = answer.get("extensions", {}).get("warnings", [])
    return found


async def test_a_key_acts_as_its_owner(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    assert await emulator.ask(WHO, key=OWNER) == {"currentUser": {"id": seed["owner"]["id"]}}
    assert await emulator.ask(WHO, key=CLINICIAN_1) == {"currentUser": {"id": seed["clinicians"][0]["id"]}}


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic no-such-key"},
        {"Authorization": "Bearer emulator-key-owner"},
        {"Authorization": "Basic"},
        {"Authorization": "Basic ZW11bGF0b3Ita2V5LW93bmVy"},  # the key in base64: it is sent as it is
        {"AuthorizationSource": "Web"},
    ],
)
async def test_what_is_not_a_key_with_its_source_is_refused_on_http_200(
    emulator: EmulatorClient, headers: dict[str, str]
) -> None:
    assert await codes(emulator, headers) == ["UNAUTHENTICATED"]
    assert (await emulator.send(WHO, headers=headers)).status_code == 200


async def test_what_booking_pages_ask_is_public_and_nothing_else_is(emulator: EmulatorClient) -> None:
    public = await emulator.ask(
        "{ offerings { nodes { name } } appointmentTypes { nodes { name } } organization { name } contactTypes }",
        key=None,
    )
    assert "First Visit" in {plan["name"] for plan in public["offerings"]["nodes"]}
    assert "Initial Visit" in {kind["name"] for kind in public["appointmentTypes"]["nodes"]}
    assert public["contactTypes"] == ["Healthie Video Call", "Phone Call", "In Person"]
    for document in (
        WHO,
        "{ users { total_count } }",
        "{ appointments { total_count } }",
        'mutation { updateAppointment(input: {id: "1"}) { messages { message } } }',
        'mutation { deleteAppointment(input: {id: "1"}) { messages { message } } }',
        'query { appointmentInclusion(id: "1") { id } }',
    ):
        errors = await emulator.errors(document, key=None)
        assert errors[0]["extensions"]["code"] == "UNAUTHENTICATED", document
    assert await codes(emulator, {}, key=None) == ["UNAUTHENTICATED"]


async def test_a_browser_of_any_origin_may_ask_graphql_and_not_the_control_api(
    emulator: EmulatorClient,
) -> None:
    asked = {
        "Origin": "https://practice.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    preflight = await emulator.client.options("/graphql", headers=asked)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, "*")
    assert "content-type" in preflight.headers["access-control-allow-headers"]
    answer = await emulator.client.post(
        "/graphql", json={"query": "{ contactTypes }"}, headers={"Origin": "https://practice.example"}
    )
    assert answer.headers["access-control-allow-origin"] == "*"
    closed = await emulator.client.options("/_control/reset", headers=asked)
    assert closed.status_code == 405


async def test_a_visitor_sees_no_hidden_plan_and_staff_does(emulator: EmulatorClient) -> None:
    document = "{ offerings { nodes { name } } }"
    shown = {plan["name"] for plan in (await emulator.ask(document, key=None))["offerings"]["nodes"]}
    all_ = {plan["name"] for plan in (await emulator.ask(document))["offerings"]["nodes"]}
    assert all_ - shown == {"Staff Plan"}


async def test_any_other_date_is_refused(emulator: EmulatorClient) -> None:
    for version in ("2025-13-01", "2026-01-02", "latest"):
        assert await codes(emulator, {VERSION: version}) == ["UNSUPPORTED_API_VERSION"]


async def test_the_latest_version_brings_no_warning(emulator: EmulatorClient) -> None:
    assert await warnings(emulator, LATEST) == []


async def test_since_2026_07_01_an_older_version_is_answered_with_a_sunset_warning(
    emulator: EmulatorClient,
) -> None:
    await emulator.control.clock(set="2026-06-30T23:59:59+00:00")
    assert await warnings(emulator, "2026-01-01") == []
    await emulator.control.clock(set="2026-07-01T00:00:00+00:00")
    (warning,) = await warnings(emulator, "2026-01-01")
    assert {
        name: warning[name] for name in ("code", "requested_version", "sunset_date", "latest_version")
    } == {
        "code": "API_VERSION_SUNSET_WARNING",
        "requested_version": "2026-01-01",
        "sunset_date": "2027-01-31",
        "latest_version": "2026-07-01",
    }


async def test_from_2027_01_31_the_header_is_required(emulator: EmulatorClient) -> None:
    await emulator.control.clock(set="2027-01-31T00:00:00+00:00")
    assert await codes(emulator, {VERSION: ""}) == ["MISSING_API_VERSION_HEADER"]


async def test_no_version_header_is_warned_of_as_well(emulator: EmulatorClient) -> None:
    found = {warning["code"] for warning in await warnings(emulator, "")}
    assert found == {"MISSING_API_VERSION_HEADER", "API_VERSION_SUNSET_WARNING"}


async def test_on_2027_01_31_older_versions_stop_answering(emulator: EmulatorClient) -> None:
    await emulator.control.clock(set="2027-01-30T23:59:59+00:00")
    assert await codes(emulator, {VERSION: "2026-01-01"}) == []
    await emulator.control.clock(set="2027-01-31T00:00:00+00:00")
    assert await codes(emulator, {VERSION: "2026-01-01"}) == ["UNSUPPORTED_API_VERSION"]
    assert await codes(emulator, {VERSION: LATEST}) == []


async def test_a_shard_is_accepted(emulator: EmulatorClient) -> None:
    assert await codes(emulator, {"AuthorizationShard": "shard-7"}) == []
