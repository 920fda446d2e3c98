"""Requests without a version header speak 2024-06-01: plain lists, offsets and counts, over the same data."""

from typing import Any

import pytest

from tests.plugins.emulator import OWNER, EmulatorClient

HEADERS = {"Healthie-GraphQL-API-Version": ""}


@pytest.fixture
async def old(emulator: EmulatorClient) -> "Old":
    return Old(emulator)


class Old:
    """Somebody who speaks the dialect to an emulator."""

    def __init__(self, emulator: EmulatorClient) -> None:
        self.emulator = emulator

    async def ask(self, document: str, key: str | None = OWNER, version: str = "", **variables: Any) -> Any:
        """Answer the data of a document that must not bring errors."""
        headers = {"Healthie-GraphQL-API-Version": version}
        answer = (await self.emulator.send(document, key=key, headers=headers, **variables)).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def errors(self, document: str, **variables: Any) -> Any:
        """Answer the messages of the errors."""
        answer = (await self.emulator.send(document, headers=HEADERS, **variables)).json()
        return [each["message"] for each in answer["errors"]]


async def test_a_list_is_plain_and_its_count_a_field_of_its_own(old: Old) -> None:
    new = (await old.emulator.ask("{ appointmentTypes { total_count nodes { id name } } }"))[
        "appointmentTypes"
    ]
    found = await old.ask("{ appointmentTypes { id name } appointmentTypesCount }")
    assert found == {"appointmentTypes": new["nodes"], "appointmentTypesCount": new["total_count"]}
    assert "Cannot query field 'nodes'" in (await old.errors("{ appointmentTypes { nodes { id } } }"))[0]


async def test_the_header_and_none_ask_for_the_same_and_newer_versions_have_connections(old: Old) -> None:
    assert await old.ask("{ users { id } }", version="2024-06-01") == await old.ask("{ users { id } }")
    answer = await old.emulator.send(
        "{ users { id } }", headers={"Healthie-GraphQL-API-Version": "2026-01-01"}
    )
    assert "Cannot query field 'id' on type 'UserConnection'" in answer.json()["errors"][0]["message"]


async def test_users_come_by_ten_and_offset_goes_on(old: Old) -> None:
    document = "query ($offset: Int, $all: Boolean) { users(offset: $offset, should_paginate: $all) { id } usersCount }"
    sample = 'a{0}: createClient(input: {{first_name: "Sample{0}", last_name: "Person", email: "{0}@example.com"}}) {{ messages {{ message }} }}'
    await old.ask("mutation {" + " ".join(sample.format(n) for n in range(12)) + "}")
    whole = await old.ask(document, all=False)
    ids = [each["id"] for each in whole["users"]]
    assert len(ids) == whole["usersCount"] > 10
    assert [each["id"] for each in (await old.ask(document))["users"]] == ids[:10]
    assert [each["id"] for each in (await old.ask(document, offset=10))["users"]] == ids[10:20]
    assert (await old.ask(document, offset=150))["users"] == []


async def test_after_takes_the_cursor_of_the_last_record(old: Old) -> None:
    first = (await old.ask("{ appointmentTypes(page_size: 2) { id cursor } }"))["appointmentTypes"]
    document = "query ($after: Cursor) { appointmentTypes(after: $after, page_size: 2, should_paginate: true) { id } }"
    second = (await old.ask(document, after=first[-1]["cursor"]))["appointmentTypes"]
    every = (await old.ask("{ appointmentTypes { id } }"))["appointmentTypes"]
    assert [*({"id": each["id"]} for each in first), *second] == every[:4]
    assert (await old.ask(document, after="eyJrIjpbIm5vbmUiXX0="))["appointmentTypes"] == []
    assert await old.errors(document, after="none") == ["Invalid cursor"]


async def test_a_page_of_no_size_is_refused(old: Old) -> None:
    assert await old.errors("{ users(page_size: -1) { id } }") == ["page_size must not be negative"]
    assert await old.errors("{ users(offset: -1) { id } }") == ["offset must not be negative"]


async def test_sort_by_is_order_by_in_lower_case(old: Old) -> None:
    up = (await old.ask('{ users(sort_by: "last_name_asc", should_paginate: false) { id } }'))["users"]
    down = (await old.ask('{ users(sort_by: "last_name_desc", should_paginate: false) { id } }'))["users"]
    assert up != down
    assert {each["id"] for each in up} == {each["id"] for each in down}


async def test_ids_and_dates_are_strings(old: Old) -> None:
    seed = await old.emulator.control.seed()
    clinician = seed["clinicians"][0]["id"]
    kinds = await old.ask(
        "query ($p: String, $book: Boolean) { appointmentTypes(provider_id: $p, clients_can_book: $book) { id } }",
        p=clinician,
        book=True,
    )
    found = await old.ask(
        """query ($p: String, $from: String, $to: String, $tz: String, $ps: [String], $type: String, $level: Boolean) {
             availableSlotsForRange(provider_id: $p, start_date: $from, end_date: $to, timezone: $tz, provider_ids: $ps,
               appt_type_id: $type, org_level: $level) { user_id date }
           }""",
        p=clinician,
        tz="America/New_York",
        level=False,
        type=kinds["appointmentTypes"][0]["id"],
        **{
            "from": "Tue Jan 05 2027 00:00:00 GMT-0500 (Eastern Standard Time)",
            "to": "2027-01-06T00:00:00.000Z",
        },
    )
    assert {slot["user_id"] for slot in found["availableSlotsForRange"]} == {clinician}


async def test_a_mutation_takes_and_answers_a_client_mutation_id_that_means_nothing(old: Old) -> None:
    answer = await old.ask(
        """mutation ($id: String) { updateClient(input: {id: $id, legal_name: "Sample Person", clientMutationId: "1"}) {
             clientMutationId user { id legal_name } messages { message } } }""",
        id=(await old.emulator.control.seed())["patients"][0]["id"],
    )
    assert answer["updateClient"]["clientMutationId"] is None
    assert answer["updateClient"]["user"]["legal_name"] == "Sample Person"
