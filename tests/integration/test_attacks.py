"""Documents that cost the sender nothing and the gateway much: refused with a typed message, and nothing is asked upstream."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.doubles.attacks import ATTACKS
from tests.integration.graphql_world import Api, api_on
from tests.integration.socket_client import Socket, connected, served


@pytest.fixture
async def api(sqlite_engine: AsyncEngine) -> AsyncIterator[Api]:
    async with api_on(sqlite_engine) as one:
        yield one


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
