"""The points of graphql-transport-ws, each with a real client on a real port.

The protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import Message
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus

from gateway.headers import RequestHeaders
from gateway.limits.parse_queue import ParseQueue
from gateway.sockets import SocketRules
from gateway.sockets.connection import Connection
from gateway.sockets.rules import LONGEST_MESSAGE
from tests.integration.graphql_world import Api, api_on
from tests.integration.socket_client import PROTOCOL, Json, Socket, connected, served

SLOW = "query Slow { clinicians { id } }"
QUICK = "query Quick { __typename }"
ORIGIN = "https://app.example.com"


@pytest.fixture
def rules() -> SocketRules:
    return SocketRules(origins=(ORIGIN,), operations=3, per_caller=2, in_all=4)


@pytest.fixture
async def api(sqlite_engine: AsyncEngine, rules: SocketRules) -> AsyncIterator[Api]:
    async with api_on(sqlite_engine, sockets=rules) as one:
        yield one


@pytest.fixture
async def url(api: Api) -> AsyncIterator[str]:
    async with served(api.endpoint) as address:
        yield address


@pytest.fixture
async def raw(url: str) -> AsyncIterator[Socket]:
    """A socket that has said nothing yet."""
    async with connected(url) as one:
        yield one


@pytest.fixture
async def app(raw: Socket) -> Socket:
    return await raw.open()


class Gate:
    """Lets the queries of the catalogue wait until the test opens it."""

    def __init__(self) -> None:
        self.entered = 0
        self.cancelled = 0
        self.open = asyncio.Event()


@pytest.fixture
def gate(api: Api, monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate()
    answer = api.services.catalog.catalog

    async def wait() -> Any:
        gate.entered += 1
        try:
            await gate.open.wait()
        except asyncio.CancelledError:
            gate.cancelled += 1
            raise
        return await answer()

    monkeypatch.setattr(api.services.catalog, "catalog", wait)
    return gate


class TestHandshake:
    async def test_the_subprotocol_is_chosen_among_others(self, url: str) -> None:
        async with connected(url, protocols=("graphql-ws", PROTOCOL)) as one:
            assert one.connection.subprotocol == PROTOCOL

    @pytest.mark.parametrize("protocols", [("graphql-ws",), ("mqtt", "xmpp"), ()])
    async def test_any_other_is_not_acceptable(self, url: str, protocols: tuple[str, ...]) -> None:
        async with connected(url, protocols=protocols) as one:
            assert await one.closed() == (4406, "Subprotocol not acceptable")

    async def test_a_page_of_an_allowed_origin_and_of_our_own_host_may_connect(self, url: str) -> None:
        for origin in (ORIGIN, url.replace("ws://", "http://").removesuffix("/graphql")):
            async with connected(url, origin=origin) as one:
                await one.open()

    @pytest.mark.parametrize(
        "origin", ["https://elsewhere.example.com", "null", f"{ORIGIN}.example.com", "http://["]
    )
    async def test_a_page_of_any_other_is_refused_before_it_is_accepted(self, url: str, origin: str) -> None:
        with pytest.raises(InvalidStatus) as refusal:
            async with connected(url, origin=origin):
                pass
        assert refusal.value.response.status_code == 403


class TestInit:
    @pytest.mark.parametrize("payload", [None, {}, {"anything": {"else": 1}}])
    async def test_is_acknowledged(self, raw: Socket, payload: Json) -> None:
        await raw.open(payload)

    async def test_with_a_null_payload_is_acknowledged(self, raw: Socket) -> None:
        await raw.say({"type": "connection_init", "payload": None})
        assert (await raw.hear())["type"] == "connection_ack"

    async def test_twice_is_too_often(self, app: Socket) -> None:
        await app.say({"type": "connection_init"})
        assert await app.closed() == (4429, "Too many initialisation requests")

    async def test_twice_at_once_is_too_often(self, raw: Socket) -> None:
        await raw.say({"type": "connection_init"})
        await raw.say({"type": "connection_init"})
        assert (await raw.closed())[0] == 4429

    async def test_before_it_nothing_is_subscribed_to(self, raw: Socket) -> None:
        await raw.subscribe(QUICK)
        assert await raw.closed() == (4401, "Unauthorized")

    class TestInTime:
        @pytest.fixture
        def rules(self) -> SocketRules:
            return SocketRules(init_within=timedelta(milliseconds=100))

        async def test_is_waited_for_and_no_longer(self, raw: Socket) -> None:
            assert await raw.closed() == (4408, "Connection initialisation timeout")

        async def test_is_not_replaced_by_pings(self, raw: Socket) -> None:
            await raw.say({"type": "ping"})
            assert (await raw.hear())["type"] == "pong"
            assert (await raw.closed())[0] == 4408

        async def test_leaves_the_socket_open_for_good(self, app: Socket) -> None:
            await asyncio.sleep(0.2)
            assert (await app.ask(QUICK))["data"] == {"__typename": "Query"}

    async def test_is_waited_for_ten_seconds(self) -> None:
        assert SocketRules().init_within == timedelta(seconds=10)


class TestPing:
    async def test_is_answered_before_init_and_after(self, raw: Socket) -> None:
        await raw.say({"type": "ping"})
        assert await raw.hear() == {"type": "pong"}
        await raw.open()
        await raw.say({"type": "ping", "payload": {"a": [1]}})
        assert await raw.hear() == {"type": "pong", "payload": {"a": [1]}}

    async def test_a_pong_is_taken_in_silence(self, app: Socket) -> None:
        await app.say({"type": "pong", "payload": {}})
        await app.say({"type": "pong"})
        assert (await app.ask(QUICK))["data"] == {"__typename": "Query"}


SUBSCRIBE = {"id": "one", "type": "subscribe", "payload": {"query": QUICK}}

MALFORMED = {
    "text": "hello",
    "nothing": "",
    "half": '{"type": "ping"',
    "a name twice": '{"type": "ping", "type": "pong"}',
    "no number": '{"type": "ping", "payload": {"a": NaN}}',
    "half a sign": '{"type": "ping", "payload": {"a": "\\ud800"}}',
    "deep": "[" * 50_000,
    "array": [{"type": "ping"}],
    "empty array": [],
    "null": "null",
    "number": 7,
    "string": '"ping"',
    "no type": {},
    "null type": {"type": None},
    "type that is no string": {"type": {"a": 1}},
    "unknown type": {"type": "start"},
    "capitals": {"type": "PING"},
    "the server's type": {"type": "connection_ack"},
    "the server's result": {"type": "next", "id": "one", "payload": {"data": {}}},
    "ping with a text": {"type": "ping", "payload": "a"},
    "pong with a list": {"type": "pong", "payload": []},
    "init with a text": {"type": "connection_init", "payload": "a"},
    "no id": {"type": "subscribe", "payload": {"query": QUICK}},
    "null id": SUBSCRIBE | {"id": None},
    "id that is a number": SUBSCRIBE | {"id": 1},
    "empty id": SUBSCRIBE | {"id": ""},
    "long id": SUBSCRIBE | {"id": "i" * 81},
    "no payload": {"id": "one", "type": "subscribe"},
    "payload that is a text": SUBSCRIBE | {"payload": QUICK},
    "payload that is a list": SUBSCRIBE | {"payload": [QUICK]},
    "no query": SUBSCRIBE | {"payload": {}},
    "empty query": SUBSCRIBE | {"payload": {"query": ""}},
    "query that is an object": SUBSCRIBE | {"payload": {"query": {}}},
    "variables that are a list": SUBSCRIBE | {"payload": {"query": QUICK, "variables": []}},
    "variables that are a text": SUBSCRIBE | {"payload": {"query": QUICK, "variables": "{}"}},
    "operation that is a number": SUBSCRIBE | {"payload": {"query": QUICK, "operationName": 1}},
    "extensions that are a list": SUBSCRIBE | {"payload": {"query": QUICK, "extensions": []}},
    "complete without id": {"type": "complete"},
    "complete with a number": {"type": "complete", "id": 1},
}


class TestMessages:
    @pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED)
    async def test_that_are_malformed_close_the_socket(self, raw: Socket, message: Json) -> None:
        if message != {"type": "connection_init", "payload": "a"}:
            await raw.open()
        await raw.say(message)
        code, reason = await raw.closed()
        assert code == 4400
        assert reason
        assert "hello" not in reason

    async def test_that_are_binary_close_the_socket(self, app: Socket) -> None:
        await app.say(b'{"type": "ping"}')
        assert await app.closed() == (4400, "A message must be text")

    async def test_that_are_too_big_close_the_socket(self, app: Socket) -> None:
        await app.say({"type": "ping", "payload": {"a": "a" * LONGEST_MESSAGE}})
        assert (await app.closed())[0] == 1009

    async def test_as_big_as_allowed_are_taken(self, app: Socket) -> None:
        await app.say('{"type": "ping"}'.ljust(LONGEST_MESSAGE))
        assert await app.hear() == {"type": "pong"}


class TestSubscribe:
    async def test_a_query_has_one_result_and_an_end(self, app: Socket) -> None:
        assert await app.ask(QUICK) == {"data": {"__typename": "Query"}}

    async def test_an_id_is_free_again_after_its_end(self, app: Socket) -> None:
        for _ in range(3):
            await app.say(SUBSCRIBE)
            assert [(await app.hear())["type"] for _ in range(2)] == ["next", "complete"]

    async def test_an_id_that_is_taken_closes_the_socket(self, app: Socket, gate: Gate) -> None:
        for _ in range(2):
            await app.say({"id": "one", "type": "subscribe", "payload": {"query": SLOW}})
        assert await app.closed() == (4409, "Subscriber for one already exists")

    async def test_operations_run_beside_one_another(self, app: Socket, gate: Gate) -> None:
        slow = await app.subscribe(SLOW)
        assert (await app.ask(QUICK))["data"] == {"__typename": "Query"}
        gate.open.set()
        assert (await app.hear())["id"] == slow

    async def test_operation_name_and_variables_count(self, app: Socket) -> None:
        document = (
            "query A { __typename } query B($no: Boolean!) { a: __typename @skip(if: $no) b: __typename }"
        )
        answer = await app.ask(document, {"no": True}, operationName="B")
        assert answer["data"] == {"b": "Query"}

    async def test_a_document_that_cannot_be_read_is_an_error_and_no_end_of_the_socket(
        self, app: Socket
    ) -> None:
        error = await app.refused("query {")
        assert error["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
        assert (await app.ask(QUICK))["data"] == {"__typename": "Query"}

    @pytest.mark.parametrize(
        ("payload", "code"),
        [
            ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
            ({"query": "query ($a: ID!) { plan(id: $a) { id } }"}, "BAD_USER_INPUT"),
            ({"query": QUICK, "operationName": "sample.patient@example.com"}, "BAD_REQUEST"),
            ({"query": "{" + " __typename" * 3_000 + "}"}, "DOCUMENT_TOO_COMPLEX"),
            ({"query": "subscription { nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ],
        ids=["no such field", "no variable", "no such operation", "too many tokens", "no subscriptions"],
    )
    async def test_what_is_not_executed_is_an_error(self, app: Socket, payload: Json, code: str) -> None:
        error = await app.refused(**payload)
        assert error["extensions"]["code"] == code
        assert "sample.patient" not in str(error)

    async def test_more_than_a_few_at_once_are_refused_one_by_one(self, app: Socket, gate: Gate) -> None:
        running = [await app.subscribe(SLOW) for _ in range(3)]
        error = await app.refused(QUICK)
        assert error["extensions"]["code"] == "TOO_MANY_OPERATIONS"
        gate.open.set()
        heard = [await app.hear() for _ in range(2 * len(running))]
        assert {message["id"] for message in heard} == set(running)
        await app.ask(QUICK)


class TestComplete:
    async def test_cancels_what_runs_and_frees_its_id(self, app: Socket, gate: Gate) -> None:
        await app.say({"id": "one", "type": "subscribe", "payload": {"query": SLOW}})
        await eventually(lambda: gate.entered == 1)
        await app.say({"id": "one", "type": "complete"})
        await app.say(SUBSCRIBE)
        assert (await app.hear())["payload"] == {"data": {"__typename": "Query"}}
        assert (await app.hear())["type"] == "complete"
        assert gate.cancelled == 1

    async def test_of_what_is_not_there_is_taken_in_silence(self, app: Socket) -> None:
        await app.say({"id": "unknown", "type": "complete"})
        await app.ask(QUICK)


class TestEnd:
    async def test_what_ran_is_cancelled_when_the_client_leaves(self, url: str, gate: Gate) -> None:
        async with connected(url) as one:
            await one.open()
            await one.subscribe(SLOW)
            await eventually(lambda: gate.entered == 1)
        await eventually(lambda: gate.cancelled == 1)

    async def test_a_server_that_stops_says_so(self, api: Api, gate: Gate) -> None:
        async with AsyncExitStack() as exits:
            async with served(api.endpoint) as url:
                one = await exits.enter_async_context(connected(url))
                await one.open()
                await one.subscribe(SLOW)
                await eventually(lambda: gate.entered == 1)
            assert (await one.closed())[0] == 1012
        assert gate.cancelled == 1

    class TestIdle:
        @pytest.fixture
        def rules(self) -> SocketRules:
            short = timedelta(milliseconds=50)
            return SocketRules(idle_for=4 * short, look_every=short)

        async def test_a_socket_that_is_of_no_use_is_closed(self, app: Socket) -> None:
            assert await app.closed() == (1000, "Idle")

        async def test_one_that_waits_for_an_operation_is_not(self, app: Socket, gate: Gate) -> None:
            name = await app.subscribe(SLOW)
            await asyncio.sleep(0.4)
            gate.open.set()
            assert (await app.hear())["id"] == name


class TestHowMany:
    async def test_a_caller_has_few_sockets_and_may_open_one_when_another_is_gone(
        self, api: Api, url: str
    ) -> None:
        visitor = api.visitor().headers
        async with connected(url, headers=visitor) as first, connected(url, headers=visitor) as second:
            await first.open()
            await second.open()
            async with connected(url, headers=visitor) as third:
                await third.say({"type": "connection_init"})
                assert await third.closed() == (1013, "Too many sockets")
            async with connected(url, headers=api.visitor().headers) as another:
                await another.open()
            await second.connection.close()
            async with connected(url, headers=visitor) as third:
                await third.open()

    async def test_a_process_has_a_bound(self, url: str) -> None:
        async with AsyncExitStack() as exits:
            for _ in range(4):
                await exits.enter_async_context(connected(url))
            with pytest.raises(InvalidStatus) as refusal:
                async with connected(url):
                    pass
        assert refusal.value.response.status_code == 503

    class TestOfOneNetwork:
        @pytest.fixture
        def rules(self) -> SocketRules:
            return SocketRules(per_network=2)

        async def test_they_leave_room_for_others(self, url: str) -> None:
            crowd, others = {"X-Forwarded-For": "198.51.100.7"}, {"X-Forwarded-For": "203.0.113.9"}
            async with connected(url, headers=crowd) as first, connected(url, headers=crowd):
                with pytest.raises(InvalidStatus) as refusal:
                    async with connected(url, headers=crowd):
                        pass
                assert refusal.value.response.status_code == 503
                async with connected(url, headers=others) as another:
                    await another.open()
                await first.connection.close()
                async with connected(url, headers=crowd) as third:
                    await third.open()


async def test_a_client_that_never_pauses_is_looked_after_too() -> None:
    flood = Flood()
    rules = SocketRules(init_within=timedelta(0))
    nothing: Any = None
    await Connection(
        flood,
        RequestHeaders([]),
        pipeline=nothing,
        requests=nothing,
        rules=rules,
        parse_queue=ParseQueue(),
        sender="flood",
        admit=lambda _: None,
    ).serve()
    assert flood.closed == 4408


class Flood(WebSocket):
    """A socket with a thousand pings that have arrived already: nothing about them has to be waited for."""

    def __init__(self) -> None:
        self.waiting = 1000
        self.closed: int | None = None
        super().__init__({"type": "websocket", "headers": []}, self._next, self._sent)

    async def receive(self) -> Message:
        self.waiting -= 1
        if self.waiting < 0:
            return {"type": "websocket.disconnect", "code": 1001}
        return {"type": "websocket.receive", "text": '{"type": "ping"}'}

    async def send_text(self, data: str) -> None:
        """A pong that goes out at once."""

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        self.closed = code

    async def _next(self) -> Message:
        raise AssertionError("not asked")

    async def _sent(self, message: Message) -> None:
        raise AssertionError("not asked")


async def eventually(holds: Any) -> None:
    """Return once it holds; another task's doing has no event to wait for."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  # see above
            await asyncio.sleep(0.01)
