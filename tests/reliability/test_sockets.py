"""Sockets on gateways as they run in production: what the program says, when it ends, and what another one knows then."""

import asyncio
import os
import signal
from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from gateway.callers.tokens import GatewayTokens
from gateway.development.demo import documents
from tests.integration.socket_client import Socket, connected
from tests.reliability.conftest import Open
from tests.reliability.database import Database
from tests.reliability.practice import PATIENCE_SECONDS, SECRET, ZONE, Practice
from tests.reliability.processes import Running
from tests.reliability.proxy import Side

ORIGIN = "https://app.example.com"
KEY = "one-attempt"


@pytest.fixture
async def practice(practice_on: Open, sqlite_database: Database) -> Practice:
    return await practice_on(sqlite_database, FRONTDOOR_CORS_ORIGINS=f'["{ORIGIN}"]')


def address(gateway: Running) -> str:
    return f"{gateway.url.replace('http', 'ws', 1)}/graphql"


async def begin(one: Socket, given: dict[str, Any]) -> str:
    return await one.subscribe(documents.HOLD, {"input": given}, extensions={"idempotencyKey": KEY})


async def test_a_gateway_that_ends_leaves_every_key_to_the_next(practice: Practice) -> None:
    """Asked to end in mid-mutation it says goodbye by its code, and another gateway goes on under the key at once."""
    async with practice.peer() as peer:
        given = {"slotId": (await peer.slots("Initial Visit"))[0].id, "timeZone": ZONE}
    visitor = {"Frontdoor-Visitor": GatewayTokens(secret=SECRET).visitor()}
    first, second = await asyncio.gather(practice.gateway(), practice.gateway())
    stop = practice.proxy.stop("AvailableSlots", Side.BEFORE)
    async with connected(address(first), origin=ORIGIN) as one:
        await one.open(visitor)
        await begin(one, given)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await stop.reached.wait()
            os.kill(first.pid, signal.SIGTERM)
            assert (await one.closed())[0] == 1012
            while first.is_alive():  # noqa: ASYNC110 - a process tells nobody
                await asyncio.sleep(0.01)
    async with connected(address(second), origin=ORIGIN) as one:
        await one.open(visitor)
        name = await begin(one, given)
        held = (await one.hear())["payload"]
        assert await one.hear() == {"id": name, "type": "complete"}
    assert "extensions" not in held
    assert held["data"]["holdSlot"]["__typename"] == "HoldSlotSuccess"
    over_http = await again(practice.http, second, given, visitor)
    assert over_http.headers["Idempotent-Replayed"] == "true"
    assert over_http.json()["data"] == held["data"]


async def again(
    http: httpx2.AsyncClient, gateway: Running, given: dict[str, Any], headers: dict[str, str]
) -> httpx2.Response:
    return await http.post(
        f"{gateway.url}/graphql",
        json={"query": documents.HOLD, "variables": {"input": given}},
        headers={**headers, "Idempotency-Key": KEY},
    )


async def test_the_program_refuses_strange_pages_and_large_messages(practice: Practice) -> None:
    gateway = await practice.gateway()
    with pytest.raises(InvalidStatus) as refusal:
        async with connected(address(gateway), origin="https://elsewhere.example.com"):
            pass
    assert refusal.value.response.status_code == 403
    async with connected(address(gateway)) as one:
        await one.open()
        await one.say({"type": "ping", "payload": {"a": "a" * 100_000}})
        assert (await one.closed())[0] == 1009
