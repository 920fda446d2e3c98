"""The endpoint: what is genuine is kept before it is acknowledged, of anything else nothing is kept but a count."""

import asyncio
import dataclasses
import ipaddress
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from gateway.callers.client_networks import NetworkPseudonyms
from gateway.rates import BlockedSenders
from gateway.webhooks.endpoint import LARGEST_BODY, Address, WebhookEndpoint
from integrations.healthie.webhooks import HealthieWebhooks
from tests.doubles.webhook_sender import BODY, SECRET, URL, Inbox, post


class StillClock:
    def now(self) -> datetime:
        return datetime(2027, 1, 4, 15, 0, tzinfo=UTC)


SECRETS = [SECRET]


async def one_secret(*, doubted: bool = False) -> list[str]:
    return SECRETS


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def endpoint(inbox: Inbox) -> WebhookEndpoint:
    return WebhookEndpoint(source=HealthieWebhooks(), inbox=inbox, clock=StillClock(), secrets=one_secret)


async def test_a_genuine_delivery_is_kept_and_acknowledged(endpoint: WebhookEndpoint, inbox: Inbox) -> None:
    assert await post(endpoint) == 204

    (kept,) = inbox.kept
    assert (kept.event, kept.resource_id) == ("appointment.updated", "501")
    assert not endpoint.refusals


@pytest.mark.parametrize(
    ("status", "how"),
    [
        (401, {"body": BODY.replace(b"501", b"502")}),
        (401, {"signed_url": "http://gateway.invalid/elsewhere"}),
        (401, {"headers": {"Signature": "sig1=" + "0" * 64}}),
        (401, {"headers": {"Signature": ""}}),
        (400, {"body": b"[]", "signed": b"[]"}),
        (400, {"headers": {"Content-Type": "text/plain"}}),
        (413, {"body": b" " * (LARGEST_BODY + 1), "signed": b" " * (LARGEST_BODY + 1)}),
    ],
)
async def test_of_what_is_refused_nothing_is_kept_but_a_count(
    endpoint: WebhookEndpoint, inbox: Inbox, status: int, how: dict[str, Any]
) -> None:
    assert await post(endpoint, **how) == status

    assert inbox.kept == []
    assert endpoint.refusals.total() == 1


async def test_a_body_that_does_not_say_how_long_it_is_ends_at_the_limit(
    endpoint: WebhookEndpoint, inbox: Inbox
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 8192

    assert await post(endpoint, endless()) == 413
    assert sent <= LARGEST_BODY // 8192 + 2
    assert inbox.kept == []


async def test_the_largest_body_is_taken(endpoint: WebhookEndpoint, inbox: Inbox) -> None:
    body = BODY + b" " * (LARGEST_BODY - len(BODY))
    assert await post(endpoint, body, signed=body) == 204


async def test_behind_a_proxy_the_address_that_healthie_knows_counts(
    endpoint: WebhookEndpoint, inbox: Inbox
) -> None:
    behind = dataclasses.replace(endpoint, address=Address(path="/public/hooks", query="from=healthie"))
    outside = "https://frontdoor.example.com/public/hooks?from=healthie"

    assert await post(behind, signed_url=outside) == 204
    assert await post(behind) == 401


async def test_a_query_and_an_escaped_path_are_signed_as_they_stand(endpoint: WebhookEndpoint) -> None:
    assert await post(endpoint, url="http://gateway.invalid/web%20hooks/x?a=%20b&c") == 204


@pytest.mark.parametrize(
    ("client", "header", "status"),
    [
        ("52.4.158.130", {}, 204),
        ("52.4.158.131", {}, 401),
        ("testclient", {}, 401),
    ],
)
async def test_a_list_of_sources_keeps_others_out(
    endpoint: WebhookEndpoint, client: str, header: dict[str, str], status: int
) -> None:
    listed = dataclasses.replace(endpoint, sources=(ipaddress.ip_network("52.4.158.130/32"),))
    assert await post(listed, client=(client, 5), headers=header) == status


@pytest.mark.parametrize(
    ("said", "status"), [("10.0.0.1, 52.4.158.130", 204), ("52.4.158.130, 10.0.0.1", 401), ("", 401)]
)
async def test_behind_a_proxy_its_own_word_is_the_source(
    endpoint: WebhookEndpoint, said: str, status: int
) -> None:
    listed = dataclasses.replace(
        endpoint, sources=(ipaddress.ip_network("52.4.158.130/32"),), address_header="X-Forwarded-For"
    )
    assert await post(listed, client=("52.4.158.130", 5), headers={"X-Forwarded-For": said}) == status


async def test_what_cannot_be_kept_is_not_acknowledged(endpoint: WebhookEndpoint, inbox: Inbox) -> None:
    inbox.error = OSError("no database")
    assert await post(endpoint) == 503
    inbox.error = None
    assert await post(endpoint) == 204


async def test_only_posts_are_taken(endpoint: WebhookEndpoint) -> None:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=endpoint)) as http:
        assert (await http.get(URL)).status_code == 405


FORGED = {"Signature": "sig1=" + "0" * 64, "X-Forwarded-For": "203.0.113.9"}


class TestForgeries:
    """Of a network that sends many, nothing more is read, and nothing more is logged."""

    @pytest.fixture
    def endpoint(self, inbox: Inbox) -> WebhookEndpoint:
        networks = NetworkPseudonyms(header="X-Forwarded-For", key=b"only for tests")
        return WebhookEndpoint(
            source=HealthieWebhooks(),
            inbox=inbox,
            clock=StillClock(),
            secrets=one_secret,
            blocked_senders=BlockedSenders(networks=networks, clock=StillClock()),
        )

    async def flood(self, endpoint: WebhookEndpoint, **headers: str) -> list[int]:
        return [await post(endpoint, headers=FORGED | headers) for _ in range(62)]

    async def test_are_not_even_read_beyond_the_bound(self, endpoint: WebhookEndpoint) -> None:
        assert await self.flood(endpoint) == [401] * 60 + [429] * 2
        assert endpoint.refusals == {"signature": 60}
        received: list[str] = []

        async def receive() -> dict[str, Any]:
            received.append("asked for the body")
            return {"type": "http.request"}

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "headers": [(b"x-forwarded-for", b"203.0.113.9")]}
        await endpoint(scope, receive, send)
        assert (sent[0]["status"], received) == (429, [])
        assert (b"retry-after", b"60") in sent[0]["headers"]

    async def test_of_one_network_keep_no_other_out(self, endpoint: WebhookEndpoint, inbox: Inbox) -> None:
        await self.flood(endpoint)
        assert await post(endpoint, headers={"X-Forwarded-For": "198.51.100.7"}) == 204
        assert len(inbox.kept) == 1

    async def test_from_nowhere_in_particular_keep_nobody_out(self, endpoint: WebhookEndpoint) -> None:
        assert set(await self.flood(endpoint, **{"X-Forwarded-For": ""})) == {401}
        assert await post(endpoint) == 204

    async def test_whoever_knows_the_secret_is_never_kept_out_whatever_they_say(
        self, endpoint: WebhookEndpoint
    ) -> None:
        sender = {"X-Forwarded-For": "203.0.113.9"}
        answers = [await post(endpoint, b"[]", signed=b"[]", headers=sender) for _ in range(62)]
        assert set(answers) == {400}
        assert await post(endpoint, headers=sender) == 204

    async def test_what_is_genuine_is_never_counted(self, endpoint: WebhookEndpoint) -> None:
        for _ in range(62):
            assert await post(endpoint, headers={"X-Forwarded-For": "203.0.113.9"}) == 204


async def test_a_body_that_does_not_come_is_not_waited_for(
    endpoint: WebhookEndpoint, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield BODY[:5]
        await asyncio.Event().wait()

    monkeypatch.setattr("gateway.webhooks.endpoint.KEEP_SECONDS", 0.05)
    async with asyncio.timeout(5):
        assert await post(endpoint, stalled()) == 503
    assert inbox.kept == []
