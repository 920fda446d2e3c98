"""Trouble on the wire as a client meets it, over a real socket."""

import asyncio
import time
from typing import Any

import httpx2
import pytest

from tests.plugins.emulator import OWNER, EmulatorClient

MINT = 'mutation Mint { createApiKey(input: {name: "One more"}) { api_key } }'
LATE = 1.0  # seconds: long beside any request between, even on a busy machine
COUNT = "query Count { apiKeys { total_count } }"


async def count(server: EmulatorClient) -> int:
    return int((await server.ask(COUNT))["apiKeys"]["total_count"])


async def order(server: EmulatorClient, kind: str, **given: Any) -> None:
    await server.control.faults({"kind": kind, "operation": "Mint", "count": 1, **given})


@pytest.mark.parametrize(("kind", "executed"), [("lost_request", 0), ("lost_answer", 1)])
async def test_a_lost_request_and_a_lost_answer_are_a_dropped_connection_and_only_the_second_was_executed(
    emulator_server: EmulatorClient, kind: str, executed: int
) -> None:
    before = await count(emulator_server)
    await order(emulator_server, kind)
    with pytest.raises(httpx2.RemoteProtocolError, match="disconnected without sending a response"):
        await emulator_server.send(MINT)
    assert await count(emulator_server) == before + executed
    seen = (await emulator_server.control.requests())[-2]
    assert (seen["operation"], seen["status"], seen["faults"]) == ("Mint", None, [kind])


async def test_a_dropped_connection_sends_not_one_byte(emulator_server: EmulatorClient) -> None:
    await order(emulator_server, "lost_answer")
    address = httpx2.URL(emulator_server.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    body = b'{"query": "mutation Mint { __typename }"}'
    writer.write(
        b"POST /graphql HTTP/1.1\r\nhost: emulator\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    )
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_a_truncated_answer_breaks_in_the_middle_after_the_execution(
    emulator_server: EmulatorClient,
) -> None:
    before = await count(emulator_server)
    await order(emulator_server, "truncated")
    with pytest.raises(httpx2.RemoteProtocolError, match="closed connection without sending complete"):
        await emulator_server.send(MINT)
    assert await count(emulator_server) == before + 1


async def test_rate_limits_come_as_errors_on_http_200(emulator_server: EmulatorClient) -> None:
    before = await count(emulator_server)
    await order(emulator_server, "too_many_requests")
    answer = await emulator_server.send(MINT)
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["extensions"] == {"code": "TOO_MANY_REQUESTS"}
    assert await count(emulator_server) == before


@pytest.mark.parametrize(("kind", "status"), [("http_5xx", 503), ("not_json", 404)])
async def test_some_answers_are_not_graphql_at_all(
    emulator_server: EmulatorClient, kind: str, status: int
) -> None:
    before = await count(emulator_server)
    await order(emulator_server, kind)
    answer = await emulator_server.send(MINT)
    assert answer.status_code == status
    assert "json" not in answer.headers["content-type"]
    assert await count(emulator_server) == before


@pytest.mark.parametrize(("kind", "executed"), [("delay", 0), ("slow_answer", 1)])
async def test_a_delay_lands_late_and_a_slow_answer_landed_at_once(
    emulator_server: EmulatorClient, kind: str, executed: int
) -> None:
    before = await count(emulator_server)
    await order(emulator_server, kind, seconds=LATE)
    began = time.perf_counter()
    slow = asyncio.create_task(emulator_server.send(MINT))
    while not any(  # noqa: ASYNC110 - another program's state
        each["operation"] == "Mint" for each in await emulator_server.control.requests()
    ):
        await asyncio.sleep(0.01)
    assert await count(emulator_server) == before + executed
    await slow
    assert time.perf_counter() - began >= LATE
    assert await count(emulator_server) == before + 1


async def test_a_caller_that_gave_up_does_not_stop_what_lands_late(emulator_server: EmulatorClient) -> None:
    before = await count(emulator_server)
    await order(emulator_server, "delay", seconds=LATE)
    with pytest.raises(httpx2.ReadTimeout):
        await emulator_server.client.post("/graphql", json={"query": MINT}, headers=_headers(), timeout=0.1)
    assert await count(emulator_server) == before
    async with asyncio.timeout(5):
        while await count(emulator_server) == before:  # noqa: ASYNC110 - another program's state
            await asyncio.sleep(0.02)


def _headers() -> dict[str, str]:
    return {
        "Authorization": f"Basic {OWNER}",
        "AuthorizationSource": "API",
        "Healthie-GraphQL-API-Version": "2026-10-01",
    }


async def test_a_fault_strikes_its_operation_or_root_field_as_often_as_it_was_ordered(
    emulator: EmulatorClient,
) -> None:
    await emulator.control.faults({"kind": "http_5xx", "operation": "apiKeys", "count": 2})
    statuses = [(await emulator.send(COUNT)).status_code for _ in range(3)]
    assert statuses == [503, 503, 200]
    await emulator.control.faults({"kind": "http_5xx", "operation": "Other"})
    assert (await emulator.send(COUNT)).status_code == 200
    await emulator.control.faults({"kind": "http_5xx"})
    assert (await emulator.send(COUNT)).status_code == 503
    await emulator.control.call("DELETE", "faults")
    assert (await emulator.send(COUNT)).status_code == 200


async def test_chances_repeat_with_their_seed(emulator: EmulatorClient) -> None:
    async def run(seed: int) -> list[int]:
        await emulator.control.call("DELETE", "faults")
        await emulator.control.faults({"kind": "http_5xx", "probability": 0.5}, seed=seed)
        return [(await emulator.send(COUNT)).status_code for _ in range(20)]

    first = await run(1)
    assert set(first) == {200, 503}
    assert await run(1) == first
    assert await run(2) != first


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "flood"},
        {"kind": "delay", "seconds": -1},
        {"kind": "delay", "probability": 2},
        {"sort": "delay"},
    ],
    ids=str,
)
async def test_a_fault_that_cannot_be_is_refused(emulator: EmulatorClient, fault: dict[str, Any]) -> None:
    answer = await emulator.client.post("/_control/faults", json={"faults": [fault]})
    assert answer.status_code == 400
    assert await emulator.control.call("GET", "faults") == []
