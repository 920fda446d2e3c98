"""Clients that hang up, over a real connection: a query is given up, a mutation is finished."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Coroutine, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import Message
from structlog.testing import capture_logs

from booking.pacing import Lane
from booking.work_context import current_work
from gateway.operation_deadline import SECONDS
from tests.doubles.booking_world import PRICED, a_slot
from tests.integration.graphql_world import HOLD, Api, api_on
from tests.integration.socket_client import served

SLOTS = """query Slots($filter: SlotFilter!, $from: Date!, $until: Date!) {
  slots(filter: $filter, from: $from, until: $until) { date }
}"""
SOUGHT = {
    "filter": {"visitTypeId": PRICED.id, "timeZone": "UTC"},
    "from": "2026-06-02",
    "until": "2026-06-02",
}


class Reading:
    """Availability that is read until it is let go on."""

    def __init__(self, api: Api) -> None:
        self.began, self.ended, self.go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
        api.world.offer.during_slots = self

    async def __call__(self) -> None:
        self.lanes = [asker.lane for asker in current_work.get().askers()]
        self.began.set()
        try:
            await self.go_on.wait()
        finally:
            self.ended.set()


@pytest.fixture
async def api(sqlite_engine: AsyncEngine) -> AsyncIterator[Api]:
    async with api_on(sqlite_engine, patience=timedelta(seconds=10)) as one:
        yield one


def posted(document: str, variables: Any, **more: str) -> tuple[str, dict[str, str], bytes]:
    body = json.dumps({"query": document, "variables": variables}).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **more}
    return "POST /graphql HTTP/1.1", headers, body


async def hang_up(url: str, reading: Reading, head: str, headers: Mapping[str, str], body: bytes) -> None:
    """Send a request, and hang up as soon as it is read for."""
    address = urlsplit(url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    lines = [head, "Host: frontdoor.test", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    async with asyncio.timeout(20):
        await reading.began.wait()
    writer.close()
    await writer.wait_closed()


async def test_a_query_whose_client_hangs_up_is_given_up(api: Api) -> None:
    reading = Reading(api)
    async with served(api.endpoint) as url:
        await hang_up(url, reading, *posted(SLOTS, SOUGHT))
        async with asyncio.timeout(20):
            await reading.ended.wait()
    assert reading.lanes == [Lane.BROWSING]


async def test_so_is_one_by_get(api: Api) -> None:
    reading = Reading(api)
    asked = f"GET /graphql?query={quote(SLOTS)}&variables={quote(json.dumps(SOUGHT))} HTTP/1.1"
    async with served(api.endpoint) as url:
        await hang_up(url, reading, asked, {}, b"")
        async with asyncio.timeout(20):
            await reading.ended.wait()


class Exchange:
    """One request as a server passes it on: the parts of its body, and then a client that waits."""

    def __init__(self, *parts: Message) -> None:
        self._parts = list(parts)
        self.sent: list[Message] = []

    def __call__(self, api: Api) -> Coroutine[Any, Any, None]:
        headers = [(b"content-type", b"application/json")]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "query_string": b"",
            "headers": headers,
        }
        return api.endpoint(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if self._parts:
            return self._parts.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def _send(self, message: Message) -> None:
        self.sent.append(message)


async def test_a_client_that_leaves_in_mid_body_is_answered_nothing_and_is_no_fault(api: Api) -> None:
    begun = {"type": "http.request", "body": b'{"query":', "more_body": True}
    exchange = Exchange(begun, {"type": "http.disconnect"})
    with capture_logs() as logs:
        await exchange(api)
    assert (exchange.sent, logs) == ([], [])


async def test_an_answer_that_waits_for_nothing_takes_no_task(api: Api) -> None:
    """A task to notice that the client hangs up costs more than such an answer."""
    body = {"type": "http.request", "body": b'{"query": "{ __typename }"}', "more_body": False}
    await Exchange(body)(api)  # from now on the document is known
    exchange = Exchange(body)
    with pytest.raises(StopIteration):  # it ends with its first step
        exchange(api).send(None)
    assert exchange.sent[1]["body"] == b'{"data":{"__typename":"Query"}}'


async def test_what_others_wait_for_as_well_goes_on(api: Api) -> None:
    reading = Reading(api)
    async with served(api.endpoint) as url:
        other = asyncio.ensure_future(api.ask(SLOTS, SOUGHT))
        await reading.began.wait()
        await hang_up(url, reading, *posted(SLOTS, SOUGHT))
        reading.go_on.set()
        assert (await other).data == [{"date": "2026-06-02"}]


async def test_a_mutation_is_finished_whoever_has_left(api: Api) -> None:
    reading = Reading(api)
    visitor, key = api.visitor(), uuid.uuid4().hex
    given = {"input": {"slotId": a_slot().id, "timeZone": "America/New_York"}}
    async with served(api.endpoint) as url:
        await hang_up(url, reading, *posted(HOLD, given, **visitor.headers, **{"Idempotency-Key": key}))
        await asyncio.sleep(0.1)
        assert not reading.ended.is_set()
        reading.go_on.set()
        answer = await visitor.hold(a_slot().id, key=key)
    assert answer.data["__typename"] == "HoldSlotSuccess"
    assert reading.lanes == [Lane.BOOKING]


async def test_an_operation_has_one_deadline_whatever_it_reads(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SECONDS == 20
    monkeypatch.setattr("gateway.operation_deadline.SECONDS", 0.05)
    reading = Reading(api)
    two = SLOTS.replace("date }", "date } days: availableDays(filter: $filter, month: $from)")
    answer = await api.ask(SLOTS, SOUGHT)
    assert answer.code == "UPSTREAM_UNAVAILABLE"
    assert reading.ended.is_set()
    reading.go_on.set()
    assert "errors" not in (await api.ask(two, SOUGHT)).body
