"""Documents that cost the sender nothing and the gateway much: refused with a typed message, and nothing is asked upstream."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.graphql_world import Api, api_on
from tests.integration.socket_client import Socket, connected, served
from tests.unit.limits_samples import fan_out

SLOTS = 'slots(filter: {visitTypeId: "v-priced", timeZone: "UTC"}, from: "2026-06-02", until: "2026-06-03") { date }'
PAGE = "query ($n: Int!) { me { appointments(first: $n) { nodes { id } } } }"
DAYS = 'query ($f: SlotFilter!) { availableDays(filter: $f, month: "2026-06-01") }'


@pytest.fixture
async def api(sqlite_engine: AsyncEngine) -> AsyncIterator[Api]:
    async with api_on(sqlite_engine) as one:
        yield one


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


ATTACKS: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "aliases": (
        "{ me { " + " ".join(f"a{n}: id" for n in range(100)) + "} }",
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "aliases of what is asked upstream": (
        "{" + " ".join(f"a{n}: {SLOTS}" for n in range(3)) + "}",
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "fragments in a cycle": (
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        {},
        200,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "a fragment in itself": (
        "{ me { ...A } } fragment A on Me { appointments { nodes { clinician { ...A } } } ...A }",
        {},
        200,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "a fan-out of 2^22": (fan_out(22, SLOTS), {}, 400, "DOCUMENT_TOO_COMPLEX"),
    "a fan-out of 2^22 under one name": (fan_out(22, "me { id }"), {}, 400, "DOCUMENT_TOO_COMPLEX"),
    "1,000 overlapping inline fragments": (
        "{" + "... on Query { me { id } } " * 1000 + "}",
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "overlapping inline fragments within the tokens": (
        "{ me { " + "... on Me { appointments { totalCount } } " * 200 + "} }",
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "lists in lists": (
        (
            "{ a: plans(first: 100) { ...C } b: plans(first: 100) { ...C } "
            "c: plans(first: 100) { ...C } d: plans(first: 100) { ...C } } "
            "fragment C on PlanConnection { nodes { ...P } edges { node { ...P } } }"
            "fragment P on Plan { id name price { amount } dueToday { amount } "
            "visits { visitType { name contactTypes price { amount } } } }"
        ),
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "a flood of directives": (
        "{ me { id " + "@include(if: true) " * 200 + "} }",
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "a flood of unknown directives": ("{ me { id " + "@x " * 900 + "} }", {}, 400, "DOCUMENT_TOO_COMPLEX"),
    "the same field again and again": (
        "{" + "me { id } " * 9_000 + "}",
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "a deep document": ("{" + "me {" * 2_000 + "id" + "}" * 2_001, {}, 400, "DOCUMENT_TOO_COMPLEX"),
    "a deep variable": (
        DAYS,
        {"f": {"visitTypeId": "v", "timeZone": "UTC", "clinicianIds": deep(400)}},
        200,
        "BAD_USER_INPUT",
    ),
    "a deep object": (
        DAYS,
        {"f": {"visitTypeId": "v", "timeZone": "UTC", "state": json.loads('{"a":' * 400 + "1" + "}" * 400)}},
        200,
        "BAD_USER_INPUT",
    ),
    "30,000 numbers in a variable": (
        DAYS,
        {"f": {"visitTypeId": "v", "timeZone": "UTC", "clinicianIds": [1] * 30_000}},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "24,000 objects in a variable": (
        DAYS,
        {"f": {"visitTypeId": "v", "timeZone": "UTC", "clinicianIds": [{}] * 24_000}},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "a key of 90 kB that reads like errors": (
        DAYS,
        {"f": {"visitTypeId": "v", "timeZone": "UTC", "Value '" * 13_000: 1}},
        200,
        "BAD_USER_INPUT",
    ),
    "a huge page": (PAGE, {"n": 1_000_000}, 200, "BAD_USER_INPUT"),
    "a negative page": (PAGE, {"n": -1}, 200, "BAD_USER_INPUT"),
    "a huge page in the document": (
        "{ me { appointments(first: 101) { totalCount } } }",
        {},
        200,
        "BAD_USER_INPUT",
    ),
    "a number beyond 32 bits": (PAGE, {"n": 2**31}, 200, "BAD_USER_INPUT"),
    "a number beyond 64 bits": (PAGE, {"n": 2**64}, 200, "BAD_USER_INPUT"),
    "a number beyond 32 bits in the document": (
        f"{{ plans(first: {2**31}) {{ totalCount }} }}",
        {},
        200,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "a number of 5,000 digits in the document": (
        f"{{ plans(first: {'9' * 5_000}) {{ totalCount }} }}",
        {},
        200,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "many operations": (
        " ".join(f"query Q{n} {{ me {{ id }} }}" for n in range(200)),
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "several operations, none of them named": (
        "query A { me { id } } query B { me { id } }",
        {},
        400,
        "OPERATION_NAME_REQUIRED",
    ),
    "many comments": ("#\n" * 30_000 + "{ me { id } }", {}, 400, "DOCUMENT_TOO_COMPLEX"),
    "introspection": ('{ __type(name: "Query") { name } }', {}, 200, "GRAPHQL_VALIDATION_FAILED"),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_attack_is_refused_before_anything_is_done(api: Api, attack: str) -> None:
    document, variables, status, code = ATTACKS[attack]
    answer = await api.patient().ask(document, variables)
    assert (answer.http.status_code, answer.code) == (status, code)
    assert answer.body.get("data") is None
    assert api.world.offer.asked == []


async def test_each_attack_is_refused_over_a_socket_too(api: Api) -> None:
    async with served(api.endpoint) as url, connected(url, headers=api.patient().headers) as socket:
        await socket.open()
        for document, variables, _, code in ATTACKS.values():
            answer = await said(socket, document, variables)
            assert [error["extensions"]["code"] for error in answer] == [code], document[:100]
    assert api.world.offer.asked == []


async def said(socket: Socket, document: str, variables: dict[str, Any]) -> Any:
    """The errors of one operation: before its execution, or in its only result."""
    await socket.subscribe(document, variables)
    message = await socket.hear()
    if message["type"] == "error":
        return message["payload"]
    assert await socket.hear() == {"id": message["id"], "type": "complete"}
    return message["payload"]["errors"]


async def test_a_megabyte_of_repeated_fields_is_not_even_read(api: Api) -> None:
    answer = await api.ask("{" + "me { id } " * 100_000 + "}")
    assert (answer.http.status_code, answer.code) == (413, "BODY_TOO_LARGE")


async def test_the_bound_is_named_for_programs(api: Api) -> None:
    answer = await api.ask("{ me { " + " ".join(f"a{n}: id" for n in range(31)) + "} }")
    assert answer.body["errors"] == [
        {
            "message": "The document has more than 30 aliases.",
            "extensions": {
                "code": "DOCUMENT_TOO_COMPLEX",
                "retryable": False,
                "limit": "aliases",
                "most": 30,
            },
        }
    ]
