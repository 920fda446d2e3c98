"""Which webhooks an emulator would send: subscribe to everything at an address where nobody answers, and look at what was tried."""

import functools

from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type

from integrations.healthie_emulator.app import schema
from tests.plugins.emulator import OWNER, EmulatorClient

NOBODY = "http://127.0.0.1:1/"
SUBSCRIBE = """mutation Subscribe($url: String, $events: [WebhookEventInput!]) {
  createWebhook(input: {url: $url, webhook_events: $events, should_retry: false}) { webhook { id } messages { message } } }"""


@functools.cache
def every_event() -> list[str]:
    """Return the events that the contract offers."""
    input_type = schema().type_map["WebhookEventInput"]
    assert isinstance(input_type, GraphQLInputObjectType)
    enum = get_named_type(input_type.fields["event_type"].type)
    assert isinstance(enum, GraphQLEnumType)
    return list(enum.values)


async def listen(emulator: EmulatorClient) -> None:
    """Subscribe to everything that happens from now on."""
    await emulator.control.deliver()
    answer = await emulator.ask(
        SUBSCRIBE, key=OWNER, url=NOBODY, events=[{"event_type": event} for event in every_event()]
    )
    assert answer["createWebhook"]["messages"] is None


async def sent(emulator: EmulatorClient) -> list[str]:
    """Return the events that were sent since `listen`, in order."""
    await emulator.control.deliver()
    return [each["event_type"] for each in (await emulator.control.books())["webhooks_sent"]]
