"""ChangeSignals over a real Redis: told to the others, not to oneself, and never in anybody's way."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from redis.asyncio import Redis
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.testing import capture_logs

from booking.change_signals import Listener, LocalChangeSignals
from integrations.redis.change_signals import RedisChangeSignals
from integrations.redis.client import SHORT_SECONDS, connect_listener, connect_redis
from tests.plugins.server_process import TemporaryServer

pytestmark = pytest.mark.redis

TOPIC = "checkout:chk_1"


class Gateway:
    """One process."""

    def __init__(self, url: str, channel: str, exits: AsyncExitStack) -> None:
        self.local = LocalChangeSignals()
        client, listening = connect_redis(url, timeout=SHORT_SECONDS), connect_listener(url)
        exits.push_async_callback(client.aclose)
        exits.push_async_callback(listening.aclose)
        self.word = RedisChangeSignals(client=client, listener=listening, channel=channel, local=self.local)
        self.healed = asyncio.Event()
        self.listener = Listener([TOPIC])
        exits.enter_context(self.local.subscribe(self.listener))


@asynccontextmanager
async def gateways(url: str, channel: str) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Two processes that hear each other."""
    async with AsyncExitStack() as exits:
        both = Gateway(url, channel, exits), Gateway(url, channel, exits)
        for one in both:
            listening = asyncio.create_task(one.word.listen(healed=one.healed.set))
            exits.callback(listening.cancel)
            async with asyncio.timeout(10):
                await one.healed.wait()
        yield both
        for one in both:
            await one.word.aclose()


async def test_everybody_who_listens_is_notified_once(redis_url: str, redis_prefix: str) -> None:
    async with gateways(redis_url, f"{redis_prefix}change-signals") as (first, second):
        first.word.publish([TOPIC])
        assert await first.listener.wait_for_changes(within=0) == {TOPIC}
        assert await second.listener.wait_for_changes() == {TOPIC}
        second.word.publish([TOPIC])
        assert await first.listener.wait_for_changes() == {TOPIC}
        assert await second.listener.wait_for_changes(within=0) == {TOPIC}
        assert await second.listener.wait_for_changes(within=0.05) == frozenset(), "their own word came back"


async def test_what_goes_out_are_topics_and_many_are_one_message(redis_url: str, redis_prefix: str) -> None:
    channel = f"{redis_prefix}change-signals"
    async with (
        gateways(redis_url, channel) as (first, _),
        Redis.from_url(redis_url) as redis,
        redis.pubsub() as pubsub,
    ):
        await pubsub.subscribe(channel)
        assert (await pubsub.get_message(timeout=10))["type"] == "subscribe"
        for number in range(100):
            first.word.publish([f"clinician:{number % 3}"])
        message = await pubsub.get_message(timeout=10)
        assert json.loads(message["data"])[1:] == ["clinician:0", "clinician:1", "clinician:2"]
        assert await pubsub.get_message(timeout=0.05) is None


async def test_a_message_that_is_no_change_signal_ends_no_listening(
    redis_url: str, redis_prefix: str
) -> None:
    channel = f"{redis_prefix}change-signals"
    async with gateways(redis_url, channel) as (first, second), Redis.from_url(redis_url) as redis:
        for text in ("not JSON", "1", "[]", '["other", {}]'):
            second.healed.clear()
            await redis.publish(channel, text)
            async with asyncio.timeout(10):
                await second.healed.wait()
        first.word.publish([TOPIC])
        assert await second.listener.wait_for_changes(within=10) == {TOPIC}


async def test_what_could_not_be_said_is_logged_in_nobodys_name() -> None:
    """Else its record would name the request that came first, whichever signal it was."""
    url = "redis://127.0.0.1:1"  # where nothing listens
    client, listening = connect_redis(url, timeout=SHORT_SECONDS), connect_listener(url)
    word = RedisChangeSignals(
        client=client, listener=listening, channel="change-signals", local=LocalChangeSignals()
    )
    with capture_logs(processors=[merge_contextvars]) as events:
        with bound_contextvars(request_id="of-the-first"):
            word.publish([TOPIC])
        await word.aclose()
    assert [(event["event"], "request_id" in event) for event in events] == [
        ("change_signals.not_published", False)
    ]
    await client.aclose()
    await listening.aclose()


async def test_without_redis_the_process_itself_is_notified_and_nobody_waits(
    temporary_redis: Callable[[], TemporaryServer],
) -> None:
    server = temporary_redis()
    async with gateways(server.url, "change-signals") as (first, second):
        for one in (first, second):
            one.healed.clear()
        await asyncio.to_thread(server.kill)
        first.word.publish([TOPIC])
        assert await first.listener.wait_for_changes(within=0) == {TOPIC}
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(20):
            await asyncio.gather(first.healed.wait(), second.healed.wait())
            # The first connection of the pool is found to be broken, and what it was to say is lost.
            while not await second.listener.wait_for_changes(within=0.05):
                first.word.publish([TOPIC])
