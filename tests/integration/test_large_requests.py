"""What takes long to read takes its turn, over HTTP and over sockets; nothing else waits for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.limits.parse_queue import MOST_WAITING, SMALL, ParseQueue
from tests.integration.graphql_world import Api, api_on
from tests.integration.socket_client import connected, served

PLANS = "{ plans { totalCount } }"
ELSEWHERE = {"X-Forwarded-For": "198.51.100.7"}
LARGE: Any = {"unused": "x" * SMALL}


@pytest.fixture
async def api(sqlite_engine: AsyncEngine) -> AsyncIterator[Api]:
    async with api_on(sqlite_engine) as one:
        assert (await one.ask(PLANS)).data == {"totalCount": 4}  # from now on it is known
        yield one


@pytest.fixture
def parse_queue(api: Api) -> ParseQueue:
    return api.endpoint.parse_queue


async def waits(parse_queue: ParseQueue, large: Awaitable[Any], small: Awaitable[Any]) -> tuple[Any, Any]:
    """What the large one and the small one are answered; the small one first, while somebody has the turn."""
    async with asyncio.timeout(20):
        async with parse_queue.turn("somebody"):
            task = asyncio.ensure_future(large)
            while not parse_queue._queue.waiting():  # noqa: ASYNC110  # nobody is told who waits
                await asyncio.sleep(0.001)
            quick = await small
            assert not task.done()
        return await task, quick


async def test_a_large_body_waits_and_a_small_one_does_not(api: Api, parse_queue: ParseQueue) -> None:
    large, small = await waits(parse_queue, api.ask(PLANS, LARGE), api.ask(PLANS))
    assert large.data == small.data == {"totalCount": 4}


async def test_a_large_message_waits_and_a_small_one_does_not(api: Api, parse_queue: ParseQueue) -> None:
    async with (
        served(api.endpoint) as url,
        connected(url, headers=api.headers) as first,
        connected(url, headers=api.headers) as second,
    ):
        await first.open()
        await second.open()
        await first.say({"type": "ping", "payload": LARGE})
        large, small = await waits(parse_queue, first.hear(), second.ask(PLANS))
    assert large == {"type": "pong", "payload": LARGE}
    assert small == {"data": {"plans": {"totalCount": 4}}}


async def test_who_has_too_many_waiting_is_told_so_over_http_and_others_are_not(
    api: Api, parse_queue: ParseQueue
) -> None:
    async with asyncio.timeout(20):
        async with parse_queue.turn("somebody"):
            crowd = [asyncio.ensure_future(api.ask(PLANS, LARGE)) for _ in range(MOST_WAITING)]
            while len(parse_queue._queue.waiting()) < MOST_WAITING:  # noqa: ASYNC110  # as above
                await asyncio.sleep(0.001)
            refused = await api.ask(PLANS, LARGE)
            elsewhere = asyncio.ensure_future(api.ask(PLANS, LARGE, headers=ELSEWHERE))
        assert (refused.http.status_code, refused.code) == (429, "RATE_LIMITED")
        assert refused.http.headers["Retry-After"] == "1"
        assert (await elsewhere).data == {"totalCount": 4}
        assert {answer.http.status_code for answer in await asyncio.gather(*crowd)} == {200}
