"""Webhooks over real sockets: the emulator posts to an address, and lists what became of it."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.plugins.emulator import CLINICIAN_1, OWNER, EmulatorClient

SUBSCRIBE = """mutation Subscribe($url: String) {
  createWebhook(input: {url: $url, webhook_events: [{event_type: STRIPE_CUSTOMER_DETAIL_CREATED}]}) {
    webhook { id signature_secret } messages { message } } }"""


@dataclass
class Inbox:
    """An HTTP server that answers `status` to everything."""

    status: int = 200
    port: int = 0
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        self.received.append((headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(f"HTTP/1.1 {self.status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        self.arrived.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/healthie"


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    made = Inbox()
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


async def subscribe(emulator: EmulatorClient, inbox: Inbox) -> dict[str, Any]:
    answer = await emulator.ask(SUBSCRIBE, key=OWNER, url=inbox.url)
    return dict(answer["createWebhook"]["webhook"])


async def add_card(emulator: EmulatorClient) -> str:
    patient = (await emulator.control.seed())["patients"][1]["id"]
    answer = await emulator.ask(
        """mutation Attach($patient: ID) { createStripeCustomerDetail(input: {user_id: $patient, token: "tok_visa"}) {
          stripe_customer_detail { id } } }""",
        key=CLINICIAN_1,
        patient=patient,
    )
    return str(answer["createStripeCustomerDetail"]["stripe_customer_detail"]["id"])


async def test_an_event_reaches_its_address_by_itself(emulator_server: EmulatorClient, inbox: Inbox) -> None:
    webhook = await subscribe(emulator_server, inbox)
    card = await add_card(emulator_server)
    async with asyncio.timeout(5):
        await inbox.arrived.wait()
    ((headers, body),) = inbox.received
    digest = headers["content-digest"].partition("=")[2]
    signed = f"post /hooks/healthie  {digest} application/json {len(body)}"
    expected = hmac.new(webhook["signature_secret"].encode(), signed.encode(), hashlib.sha256).hexdigest()
    assert headers["signature"] == f"sig1={expected}"
    told = json.loads(body)
    assert (str(told["resource_id"]), told["resource_id_type"]) == (card, "StripeCustomerDetail")


async def test_a_failure_is_listed_and_tried_again_when_the_clock_comes_to_it(
    emulator: EmulatorClient, inbox: Inbox
) -> None:
    await subscribe(emulator, inbox)
    inbox.status = 503
    card = await add_card(emulator)
    await emulator.control.deliver()
    inbox.status = 200
    await emulator.control.deliver()
    assert len(inbox.received) == 1, "not due yet"
    await emulator.control.clock(advance=60)
    await emulator.control.deliver()
    answer = await emulator.ask(
        "query Sent($id: ID) { sentWebhooks(resource_id: $id, order_by: CREATED_AT_ASC) { nodes { http_response_status } } }",
        key=OWNER,
        id=card,
    )
    statuses = [node["http_response_status"] for node in answer["sentWebhooks"]["nodes"]]
    books = await emulator.control.books()
    assert statuses == [told["http_response_status"] for told in books["webhooks_sent"]] == ["503", "200"]


async def test_an_address_where_nobody_listens_is_a_failure_without_status(
    emulator: EmulatorClient, inbox: Inbox
) -> None:
    free = inbox.port
    inbox.port = 1  # nobody may listen there
    await subscribe(emulator, inbox)
    inbox.port = free
    await add_card(emulator)
    await emulator.control.deliver()
    books = await emulator.control.books()
    assert [told["http_response_status"] for told in books["webhooks_sent"]] == [None]
