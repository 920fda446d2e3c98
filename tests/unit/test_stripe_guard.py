"""Every request that the SDK can make is tried: reads may leave, and nothing else does."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
import stripe
from stripe._stripe_service import StripeService

from integrations.stripe.reading import ReadOnlyHttp, WriteRefused


class ResourceReader(ReadOnlyHttp):
    """The guard, which also notes with which method it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sent: list[httpx2.Request] = []
        super().__init__(httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer)))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        return httpx2.Response(200, json={"id": "sample", "object": "sample", "data": [], "has_more": False})

    async def request_async(self, method: str, *args: Any, **kwargs: Any) -> Any:
        self.asked.append(method)
        return await super().request_async(method, *args, **kwargs)


@pytest.fixture
def guard() -> ResourceReader:
    return ResourceReader()


@pytest.fixture
def client(guard: ResourceReader) -> stripe.StripeClient:
    return stripe.StripeClient("rk_test_sample", http_client=guard, client_id="ca_sample")


def services(of: Any) -> Iterator[StripeService]:
    """A service and all below it; the SDK makes them when they are first named."""
    yield of
    module = inspect.getmodule(type(of))
    for name in getattr(module, "_subservices", {}):
        yield from services(getattr(of, name))


def requests(client: stripe.StripeClient) -> Iterator[tuple[str, Callable[..., Any]]]:
    """All methods of all services, blocking ones too."""
    for root in (client.v1, client.v2, client.oauth):
        for service in services(root):
            for name, method in inspect.getmembers(service, inspect.ismethod):
                if not name.startswith("_") and name not in {"request", "request_async"}:
                    yield f"{type(service).__name__}.{name}", method


def called(method: Callable[..., Any]) -> Any:
    """The method called with something for each argument that must be given."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for each in inspect.signature(method).parameters.values():
        if each.default is not each.empty or each.kind in {each.VAR_KEYWORD, each.VAR_POSITIONAL}:
            continue
        value: Any = {} if each.name == "params" else "sample"
        if each.kind is each.KEYWORD_ONLY:
            named[each.name] = value
        else:
            positional.append(value)
    return method(*positional, **named)


async def outcome(method: Callable[..., Any]) -> str:
    try:
        answer = called(method)
        if inspect.isawaitable(answer):
            await answer
    except WriteRefused:
        return "refused"
    return "read"


async def test_no_method_of_the_sdk_sends_anything_but_a_plain_read(
    client: stripe.StripeClient, guard: ResourceReader
) -> None:
    outcomes: Counter[tuple[str, str]] = Counter()
    for name, method in requests(client):
        before, sent = len(guard.asked), len(guard.sent)
        kind = "async" if name.endswith("_async") else "blocking"
        result = await outcome(method)
        outcomes[kind, result] += 1
        wrote = any(asked.lower() != "get" for asked in guard.asked[before:])
        assert (result == "refused") or not wrote, name
        assert result == "read" or len(guard.sent) == sent, name

    assert {request.method for request in guard.sent} == {"GET"}
    # The walk reached the SDK's breadth, and both kinds of it: an empty walk would prove nothing.
    assert outcomes["async", "refused"] > 200
    assert outcomes["async", "read"] > 100
    assert outcomes["blocking", "refused"] > 300


@pytest.mark.parametrize("method", ["post", "delete", "POST", "patch", "put"])
async def test_the_guard_itself_lets_no_other_method_through(guard: ResourceReader, method: str) -> None:
    with pytest.raises(WriteRefused):
        await guard.request_async(method, "https://stripe.invalid/v1/charges", {}, None)
    assert guard.sent == []


async def test_a_read_that_carries_a_body_is_refused(guard: ResourceReader) -> None:
    with pytest.raises(WriteRefused):
        await guard.request_async("get", "https://stripe.invalid/v1/charges", {}, "amount=1")
    assert guard.sent == []


async def test_a_raw_request_is_guarded_too(client: stripe.StripeClient, guard: ResourceReader) -> None:
    with pytest.raises(WriteRefused):
        await client.raw_request_async("post", "/v1/refunds", charge="ch_sample")
    await client.raw_request_async("get", "/v1/charges/ch_sample")

    assert [request.method for request in guard.sent] == ["GET"]


@pytest.mark.parametrize("name", ["request", "request_stream"])
def test_a_blocking_request_is_refused_whatever_it_asks(guard: ResourceReader, name: str) -> None:
    with pytest.raises(WriteRefused):
        getattr(guard, name)("get", "https://stripe.invalid/v1/charges", {})


def test_a_refused_write_says_that_nothing_was_sent_and_no_more() -> None:
    assert str(WriteRefused("post")) == "Stripe is only read here: POST refused"
