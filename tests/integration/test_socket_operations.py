"""Over a socket the API is the same API: who asks, keys, replays, errors, logs; and results that come again and again."""

import asyncio
import weakref
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import strawberry
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from booking.errors import UpstreamUnavailable
from booking.work_context import current_work
from gateway.callers.authentication import Authenticator
from gateway.callers.sign_in.provider import SignInUnavailable
from gateway.callers.tokens import DevelopmentTokens
from gateway.limits.parse_queue import ParseQueue
from gateway.pipeline import Pipeline
from gateway.requests import Requests
from gateway.settings.api import TrustedDocumentsMode
from gateway.sockets import SocketEndpoint, SocketRules
from gateway.trusted_documents import TrustedDocuments, by_every_name
from schema.context import Info
from schema.fields import computed
from tests.doubles.booking_world import a_slot
from tests.doubles.pipelines import pipeline_on
from tests.doubles.rates import generous_rates
from tests.integration.graphql_world import CONFIRM, GUEST, HOLD, START, Api, api_on
from tests.integration.socket_client import Json, Socket, connected, served

KEY = "one-attempt"
ME = "query Me { me { id } }"


@pytest.fixture
def rules() -> SocketRules:
    return SocketRules(look_every=timedelta(milliseconds=50))


@pytest.fixture
async def api(sqlite_engine: AsyncEngine, rules: SocketRules) -> AsyncIterator[Api]:
    async with api_on(sqlite_engine, sockets=rules, patience=timedelta(seconds=20)) as one:
        yield one


@pytest.fixture
async def url(api: Api) -> AsyncIterator[str]:
    async with served(api.endpoint) as address:
        yield address


@asynccontextmanager
async def opened(url: str, payload: Json = None, **headers: str) -> AsyncIterator[Socket]:
    async with connected(url, headers=headers) as one:
        yield await one.open(payload)


def holding(**more: Any) -> dict[str, Any]:
    return {
        "query": HOLD,
        "variables": {"input": {"slotId": a_slot().id, "timeZone": "America/New_York"}},
    } | more


class TestWhoAsks:
    @pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
    async def test_is_said_in_the_payload(self, api: Api, url: str, name: str) -> None:
        token = api.patient().headers["Authorization"]
        async with opened(url, {name: token}) as one:
            assert (await one.ask(ME))["data"] == {"me": {"id": "p-sample"}}

    async def test_is_said_in_headers_too(self, api: Api, url: str) -> None:
        async with opened(url, **api.patient().headers) as one:
            assert (await one.ask(ME))["data"] == {"me": {"id": "p-sample"}}

    async def test_is_what_the_payload_says_when_both_do(self, api: Api, url: str) -> None:
        async with opened(url, api.patient("p-other").headers, **api.patient().headers) as one:
            assert (await one.ask(ME))["data"] == {"me": {"id": "p-other"}}

    async def test_is_a_visitor_a_guest_and_nobody(self, api: Api, url: str) -> None:
        visitor = api.visitor()
        async with opened(url, visitor.headers) as one:
            hold = (await one.ask(**holding(extensions={"idempotencyKey": "h"})))["data"]["holdSlot"]["hold"]
            given = {"input": {"holdId": hold["id"], "guest": GUEST}}
            begun = (await one.ask(START, given, extensions={"idempotencyKey": "s"}))["data"]["startCheckout"]
        look = f'{{ checkout(id: "{begun["checkout"]["id"]}") {{ status }} }}'
        async with opened(url, {"Authorization": f"Bearer {begun['guestToken']}"}) as one:
            assert (await one.ask(look))["data"] == {"checkout": {"status": "OPEN"}}
        async with opened(url) as one:
            assert (await one.ask(look))["data"] == {"checkout": None}

    @pytest.mark.parametrize("token", ["Bearer forged", "Basic abc", "", "Bearer \u2603"])
    async def test_is_forbidden_with_a_token_that_proves_nothing(self, url: str, token: str) -> None:
        async with connected(url) as one:
            await one.say({"type": "connection_init", "payload": {"Authorization": token}})
            assert await one.closed() == (4403, "Forbidden")

    @pytest.mark.parametrize("error", [UpstreamUnavailable("patients"), SignInUnavailable(), OSError("gone")])
    async def test_comes_again_when_it_cannot_be_found_out_now(
        self, api: Api, url: str, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        """Apps take 4403 for a token that is none, and 1011 for a reason to give up."""

        async def fail(*_: Any) -> None:
            raise error

        monkeypatch.setattr(DevelopmentTokens, "verify", fail)
        async with connected(url) as one:
            await one.say({"type": "connection_init", "payload": api.patient().headers})
            assert await one.closed() == (1013, "Try again later")

    @pytest.mark.parametrize("error", [UpstreamUnavailable("patients"), SignInUnavailable(), OSError("gone")])
    async def test_comes_again_when_it_cannot_be_found_out_any_more(
        self, api: Api, url: str, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        async def fail(*_: Any) -> None:
            raise error

        async with opened(url, api.patient().headers) as one:
            monkeypatch.setattr(DevelopmentTokens, "verify", fail)
            assert await one.closed() == (1013, "Try again later")

    @pytest.mark.parametrize("value", [1, ["Bearer a"], {"a": 1}, True])
    async def test_is_said_by_strings(self, url: str, value: Json) -> None:
        async with connected(url) as one:
            await one.say({"type": "connection_init", "payload": {"Authorization": value}})
            assert (await one.closed())[0] == 4400

    async def test_is_not_said_by_anything_else_in_the_payload(
        self, api: Api, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Above all not by what a proxy writes of the client's address."""
        seen: list[str | None] = []
        answer = api.services.holds.view

        async def view(caller: Any, hold_id: str) -> Any:
            seen.append(caller.client)
            return await answer(caller, hold_id)

        monkeypatch.setattr(api.services.holds, "view", view)
        payload = {"X-Forwarded-For": "192.0.2.1", **api.visitor().headers}
        for headers in ({}, {"X-Forwarded-For": "192.0.2.2"}, {"X-Forwarded-For": "192.0.2.1"}):
            async with opened(url, payload, **headers) as one:
                await one.ask('{ hold(id: "hold_1") { id } }')
        assert seen[0] is None
        assert len(set(seen)) == 3

    async def test_ends_when_their_token_expires_even_in_mid_operation(self, api: Api, url: str) -> None:
        async def forever() -> None:
            await asyncio.Event().wait()

        api.world.offer.during_slots = forever
        async with opened(url, api.patient().headers) as one:
            await one.subscribe(**holding(extensions={"idempotencyKey": KEY}))
            api.world.clock.advance(hours=1)
            assert await one.closed() == (4403, "Forbidden")

    class TestPolledSeldom:
        @pytest.fixture
        def rules(self) -> SocketRules:
            return SocketRules(look_every=timedelta(hours=1))

        async def test_is_told_of_when_it_cannot_be_found_out(
            self, api: Api, url: str, monkeypatch: pytest.MonkeyPatch
        ) -> None:
            async def broken(*_: Any) -> None:
                raise RuntimeError("a mistake of ours")

            async with opened(url, api.patient().headers) as one:
                with monkeypatch.context() as broke:
                    broke.setattr(Authenticator, "caller", broken)
                    name = await one.subscribe(ME)
                    told = await one.hear()
                    assert (told["type"], told["id"]) == ("error", name)
                    assert told["payload"][0]["extensions"]["code"] == "INTERNAL"
                assert (await one.ask(ME))["data"] == {"me": {"id": "p-sample"}}

        @pytest.mark.parametrize(
            ("error", "code"),
            [
                (UpstreamUnavailable("patients"), "UPSTREAM_UNAVAILABLE"),
                (SignInUnavailable(), "SIGN_IN_UNAVAILABLE"),
                (OSError("the database is gone"), "UPSTREAM_UNAVAILABLE"),
            ],
        )
        async def test_is_told_of_when_it_may_be_found_out_later(
            self, api: Api, url: str, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
        ) -> None:
            async def fail(*_: Any) -> None:
                raise error

            async with opened(url, api.patient().headers) as one:
                with monkeypatch.context() as away:
                    away.setattr(DevelopmentTokens, "verify", fail)
                    refused = await one.refused(ME)
                assert (refused["extensions"]["code"], refused["extensions"]["retryable"]) == (code, True)
                assert (await one.ask(ME))["data"] == {"me": {"id": "p-sample"}}

        async def test_is_asked_again_for_each_operation(self, api: Api, url: str) -> None:
            async with opened(url, api.patient().headers) as one:
                await one.ask(ME)
                api.world.clock.advance(hours=1)
                await one.subscribe(ME)
                assert await one.closed() == (4403, "Forbidden")


class TestKeys:
    async def test_a_mutation_needs_one_in_its_own_payload(self, api: Api, url: str) -> None:
        async with opened(url, api.visitor().headers, **{"Idempotency-Key": KEY}) as one:
            error = await one.refused(**holding())
        assert error["extensions"]["code"] == "IDEMPOTENCY_KEY_REQUIRED"
        assert api.world.holds.live == []

    async def test_a_mutation_over_a_socket_is_replayed_over_http(self, api: Api, url: str) -> None:
        visitor = api.visitor()
        async with opened(url, visitor.headers) as one:
            first = await one.ask(**holding(extensions={"idempotencyKey": KEY}))
        again = await visitor.hold(a_slot().id, key=KEY)
        assert "extensions" not in first
        assert again.http.headers["Idempotent-Replayed"] == "true"
        assert again.data == first["data"]["holdSlot"]
        assert len(api.world.holds.live) == 1

    async def test_a_mutation_over_http_is_replayed_over_a_socket(self, api: Api, url: str) -> None:
        visitor = api.visitor()
        first = await visitor.hold(a_slot().id, key=KEY)
        async with opened(url, visitor.headers) as one:
            again = await one.ask(**holding(extensions={"idempotencyKey": KEY}))
        assert again["extensions"] == {"idempotentReplayed": True}
        assert again["data"]["holdSlot"] == first.data

    async def test_other_input_is_refused(self, api: Api, url: str) -> None:
        async with opened(url, api.visitor().headers) as one:
            await one.ask(**holding(extensions={"idempotencyKey": KEY}))
            other = {"input": {"slotId": a_slot(hours=48).id, "timeZone": "UTC"}}
            answer = await one.ask(**holding(extensions={"idempotencyKey": KEY}, variables=other))
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"

    async def test_twins_on_one_socket_and_over_http_are_one_execution(self, api: Api, url: str) -> None:
        visitor = api.visitor()
        hold = (await visitor.hold(a_slot().id)).data["hold"]
        begun = (await visitor.do(START, holdId=hold["id"], guest=GUEST)).data
        guest = visitor.bearer(begun["guestToken"])
        given = {**guest.accepting(begun["checkout"]["id"]), "cardToken": "tok_ok_1"}
        async with opened(url, guest.headers) as one:
            names = [
                await one.subscribe(CONFIRM, {"input": given}, extensions={"idempotencyKey": KEY})
                for _ in range(5)
            ]
            over_http = await guest.do(CONFIRM, key=KEY, **given)
            heard = [await one.hear() for _ in range(2 * len(names))]
        results = [message["payload"]["data"]["confirmCheckout"] for message in heard if "payload" in message]
        assert [*results, over_http.data] == [over_http.data] * 6
        assert api.world.tape.calls().count("charge") == 1

    async def test_a_mutation_that_was_left_is_taken_up_again_under_its_key(self, api: Api, url: str) -> None:
        visitor = api.visitor()
        entered, cancelled = asyncio.Event(), asyncio.Event()

        async def hesitate() -> None:
            entered.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        api.world.offer.during_slots = hesitate
        async with opened(url, visitor.headers) as one:
            await one.subscribe(**holding(extensions={"idempotencyKey": KEY}))
            await entered.wait()
        await cancelled.wait()
        api.world.offer.during_slots = None
        again = await visitor.hold(a_slot().id, key=KEY)
        assert again.data["__typename"] == "HoldSlotSuccess"
        assert len(api.world.holds.live) == 1


class TestTrustedDocuments:
    async def test_are_run_by_name(self, sqlite_engine: AsyncEngine, rules: SocketRules) -> None:
        trusted = TrustedDocuments(mode=TrustedDocumentsMode.REQUIRE, texts=by_every_name({"hold": HOLD}))
        async with api_on(sqlite_engine, sockets=rules, trusted=trusted) as api, served(api.endpoint) as url:
            given = holding(query=None, documentId="hold", extensions={"idempotencyKey": KEY})
            async with opened(url, api.visitor().headers) as one:
                assert (await one.ask(**given))["data"]["holdSlot"]["__typename"] == "HoldSlotSuccess"
                told = [await one.refused(ME), await one.refused(None, extensions={"documentId": "none"})]
        assert [error["extensions"]["code"] for error in told] == [
            "PERSISTED_DOCUMENT_REQUIRED",
            "PERSISTED_DOCUMENT_NOT_FOUND",
        ]

    async def test_that_are_not_named_are_no_request(self, url: str) -> None:
        async with opened(url) as one:
            error = await one.refused(None, extensions={"anything": 1})
        assert error["extensions"]["code"] == "BAD_REQUEST"


BAD = [
    {"query": "query {"},
    {"query": "{ nothing }"},
    {"query": "{" + " __typename" * 3_000 + "}"},
    {"query": "{ plan { id } }"},
    {"query": "query ($a: ID!) { plan(id: $a) { id } }", "variables": {"a": {"email": "sample@example.com"}}},
    {"query": "query A { __typename } query B { __typename }"},
    {"query": "{ __typename }", "operationName": "None"},
    {"query": '{ availableDays(filter: {visitTypeId: "v", timeZone: "Mars"}, month: "2026-03-01") }'},
    {"query": "mutation ($i: HoldSlotInput!) { a: holdSlot(input: $i) { __typename } b: __typename }"},
    holding(),
    holding(extensions={"idempotencyKey": ""}),
    holding(extensions={"idempotencyKey": 7}),
    holding(extensions={"idempotencyKey": "k"}, variables={"input": {"slotId": "none", "timeZone": "UTC"}}),
]


class TestErrors:
    @pytest.mark.parametrize("payload", BAD, ids=range(len(BAD)))
    async def test_are_those_that_http_answers(self, api: Api, url: str, payload: Json) -> None:
        visitor = api.visitor()
        over_http = (await visitor.ask(payload["query"], **{"variables": None} | _rest(payload))).body
        async with opened(url, visitor.headers) as one:
            await one.say({"id": "one", "type": "subscribe", "payload": payload})
            answer = await one.hear()
            told = answer["payload"] if answer["type"] == "error" else answer["payload"]["errors"]
            assert told == over_http["errors"]
            if answer["type"] == "next":  # it was executed
                assert answer["payload"]["data"] == over_http["data"]
                assert told[0]["path"]
                assert await one.hear() == {"id": "one", "type": "complete"}
            await one.ask("{ __typename }")

    async def test_of_ours_are_masked_and_logged_without_what_was_sent(self, api: Api, url: str) -> None:
        async def fail() -> None:
            raise RuntimeError("sample.patient@example.com")

        api.world.offer.during_slots = fail
        with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
            async with opened(url, api.visitor().headers) as one:
                answer = await one.ask(**holding(extensions={"idempotencyKey": KEY}))
        (error,) = answer["errors"]
        assert error["message"] == "Something went wrong on our side."
        (fault,) = [line for line in logs if line["event"] == "graphql.field_failed"]
        assert fault["request_id"] == error["extensions"]["requestId"]
        assert "sample.patient" not in str(logs)

    async def test_of_ours_before_the_execution_are_masked_too(
        self, api: Api, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("sample.patient@example.com")

        monkeypatch.setattr(Pipeline, "stream", fail)
        with capture_logs() as logs:
            async with opened(url) as one:
                error = await one.refused("{ __typename }")
        assert error["extensions"]["code"] == "INTERNAL"
        assert "sample.patient" not in str(logs) + str(error)


@strawberry.type
class Query:
    @computed(description="Nothing.")
    async def nothing(self) -> bool:
        return False


@strawberry.type
class Line:
    """What is made of an event for one subscriber."""

    @computed(description="A text of its own.")
    async def text(self) -> str:
        text = Text("shown")
        FEED.texts.add(text)
        return text


@strawberry.type
class Subscription:
    """What a feed of events is to the transport."""

    @strawberry.subscription
    async def count(self, info: Info, to: int) -> AsyncGenerator[str, None]:
        work = current_work.get()
        for number in range(to):
            yield f"{number} {work.actor} {work.request_id == info.context.request_id}"

    @strawberry.subscription
    async def forever(self) -> AsyncGenerator[int, None]:
        FEED.opened += 1
        try:
            yield 0
            await asyncio.Event().wait()
        finally:
            FEED.closed += 1

    @strawberry.subscription
    async def lines(self) -> AsyncGenerator[list[Line], None]:
        yield [Line(), Line()]
        await asyncio.Event().wait()

    @strawberry.subscription
    async def broken(self) -> AsyncGenerator[int, None]:
        yield 1
        raise RuntimeError("sample.patient@example.com")


class Text(str):
    """A text of which it can be told whether somebody keeps it."""

    __slots__ = ("__weakref__",)


class Feed:
    """How many feeds were opened and closed, and the texts of their results that are in memory."""

    opened = closed = 0

    def __init__(self) -> None:
        self.texts: weakref.WeakSet[Text] = weakref.WeakSet()


FEED = Feed()


class TestSubscriptions:
    @pytest.fixture
    async def url(self, api: Api, rules: SocketRules) -> AsyncIterator[str]:
        requests = Requests(
            services=api.services,
            authenticator=Authenticator(tokens=api.tokens, verifier=api.sign_in),
            rates=generous_rates(),
        )
        schema = strawberry.Schema(query=Query, subscription=Subscription)
        parse_queue = ParseQueue()
        pipeline = pipeline_on(schema, parse_queue)
        FEED.opened = FEED.closed = 0
        async with served(
            SocketEndpoint(pipeline=pipeline, requests=requests, rules=rules, parse_queue=parse_queue)
        ) as address:
            yield address

    async def test_results_come_one_by_one_to_an_end_in_the_name_of_who_asked(
        self, api: Api, url: str
    ) -> None:
        async with opened(url, api.patient().headers) as one:
            name = await one.subscribe("subscription { count(to: 3) }")
            heard = [await one.hear() for _ in range(4)]
        assert [message.get("payload") for message in heard] == [
            *({"data": {"count": f"{number} patient:p-sample True"}} for number in range(3)),
            None,
        ]
        assert heard[-1] == {"id": name, "type": "complete"}

    async def test_a_feed_is_closed_when_the_client_completes_it(self, url: str) -> None:
        async with opened(url) as one:
            name = await one.subscribe("subscription { forever }")
            assert (await one.hear())["payload"] == {"data": {"forever": 0}}
            await one.say({"id": name, "type": "complete"})
            await closed_feeds(1)
            assert (await one.ask("{ nothing }"))["data"] == {"nothing": False}

    async def test_feeds_are_closed_when_the_client_leaves(self, url: str) -> None:
        async with opened(url) as one:
            for _ in range(3):
                await one.subscribe("subscription { forever }")
                await one.hear()
        await closed_feeds(3)

    async def test_feeds_are_closed_when_the_token_expires(self, api: Api, url: str) -> None:
        async with opened(url, api.patient().headers) as one:
            await one.subscribe("subscription { forever }")
            await one.hear()
            api.world.clock.advance(hours=1)
            assert await one.closed() == (4403, "Forbidden")
        await closed_feeds(1)

    async def test_nothing_is_kept_of_a_result_that_was_told(self, url: str) -> None:
        async with opened(url) as one:
            await one.subscribe("subscription { lines { text } }")
            assert (await one.hear())["payload"] == {
                "data": {"lines": [{"text": "shown"}, {"text": "shown"}]}
            }
            assert (await one.ask("{ nothing }"))["data"] == {"nothing": False}
            assert not FEED.texts

    async def test_a_feed_that_breaks_is_masked_and_ended(self, url: str) -> None:
        async with opened(url) as one:
            await one.subscribe("subscription { broken }")
            heard = [await one.hear() for _ in range(2)]
            await one.ask("{ nothing }")
        assert [message["type"] for message in heard] == ["next", "error"]
        assert heard[1]["payload"][0]["extensions"]["code"] == "INTERNAL"
        assert "sample.patient" not in str(heard)


async def closed_feeds(number: int) -> None:
    """Return once so many feeds were closed; another task's doing has no event to wait for."""
    async with asyncio.timeout(10):
        while FEED.closed < number:  # noqa: ASYNC110  # see above
            await asyncio.sleep(0.01)
    assert FEED.opened == FEED.closed == number


def _rest(payload: Json) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name != "query"}
