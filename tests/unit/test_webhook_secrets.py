"""The secrets that count: those of the settings and those that are kept, asked anew when one is doubted, and not too often."""

import asyncio
from datetime import UTC, datetime, timedelta

from booking.sync.inbox import WebhookDelivery
from gateway.webhooks.endpoint import Address, WebhookEndpoint
from gateway.webhooks.secrets import WebhookSecrets
from integrations.healthie.webhooks import HealthieWebhooks
from tests.doubles.webhook_sender import Inbox, post


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class Stored:
    """What the database has."""

    def __init__(self, *secrets: str) -> None:
        self.secrets = secrets
        self.asked = 0

    async def __call__(self) -> tuple[str, ...]:
        self.asked += 1
        await asyncio.sleep(0)
        return self.secrets


def of(stored: Stored, clock: Clock) -> WebhookSecrets:
    return WebhookSecrets(configured=["whsec_old"], stored=stored, clock=clock)


async def test_those_of_the_settings_count_beside_those_that_are_kept() -> None:
    assert await of(Stored("whsec_sample"), Clock())() == ("whsec_old", "whsec_sample")


async def test_deliveries_at_once_ask_the_database_once_and_not_again_within_a_minute() -> None:
    stored, clock = Stored(), Clock()
    secrets = of(stored, clock)
    await asyncio.gather(*(secrets() for _ in range(20)))
    clock.at += timedelta(seconds=59)
    await secrets()
    assert stored.asked == 1


async def test_one_that_is_gone_counts_no_longer_than_a_minute() -> None:
    stored, clock = Stored("whsec_sample"), Clock()
    secrets = of(stored, clock)
    await secrets()
    stored.secrets = ()
    clock.at += timedelta(minutes=1)
    assert await secrets() == ("whsec_old",)


async def test_doubt_asks_anew_and_forgeries_do_not_make_it_more_than_once_a_second() -> None:
    stored, clock = Stored(), Clock()
    secrets = of(stored, clock)
    before = await secrets()
    clock.at += timedelta(seconds=2)
    for _ in range(20):
        assert await secrets(doubted=True) is before
    assert stored.asked == 2


async def test_a_webhook_that_was_just_made_is_believed_at_its_first_delivery() -> None:
    stored, clock, inbox = Stored(), Clock(), Inbox()
    endpoint = WebhookEndpoint(
        source=HealthieWebhooks(),
        inbox=inbox,
        clock=clock,
        secrets=of(stored, clock),
        address=Address(path="/webhooks/healthie", query=""),
    )
    assert await post(endpoint) == 401
    stored.secrets = ("whsec_sample",)
    clock.at += timedelta(seconds=1)
    assert await post(endpoint) == 204
    kept: list[WebhookDelivery] = inbox.kept
    assert len(kept) == 1
    assert sum(endpoint.refusals.values()) == 1
