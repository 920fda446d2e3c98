"""Through the socket: a caller with many live queries of free times leaves room for others."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import date, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.doubles.booking_world import a_slot
from tests.integration.graphql_world import Api, api_on
from tests.integration.socket_client import Json, Socket, connected, served

WATCH = """subscription ($from: Date!, $until: Date!) {
  slotsChanged(filter: {visitTypeId: "v-priced", timeZone: "America/New_York"}, from: $from, until: $until) { date }
}"""
FIRST: date = a_slot().start.date()

# As docs/subscriptions.md has it.
OF_CALLER, OF_NETWORK = 20, 100


@pytest.fixture
async def api(sqlite_engine: AsyncEngine) -> AsyncIterator[Api]:
    async with api_on(sqlite_engine) as one:
        yield one


class Visitors:
    """People who watch, each on a socket."""

    def __init__(self, api: Api, url: str, exits: AsyncExitStack) -> None:
        self._api = api
        self._url = url
        self._exits = exits

    async def another(self, address: str | None = None) -> Socket:
        headers = {"X-Forwarded-For": address} if address else {}
        socket = await self._exits.enter_async_context(connected(self._url, headers=headers))
        return await socket.open(self._api.visitor().headers)


@pytest.fixture
async def visitors(api: Api) -> AsyncIterator[Visitors]:
    async with served(api.endpoint) as url, AsyncExitStack() as exits:
        yield Visitors(api, url, exits)


async def asks(visitor: Socket, question: int) -> Json:
    """Begin to watch: each number is another question; answers the first message."""
    day = (FIRST + timedelta(days=question)).isoformat()
    await visitor.subscribe(WATCH, {"from": day, "until": day})
    return await visitor.hear()


async def subscribes(visitor: Socket, questions: range) -> str:
    """Watch all of these; answers the name of the last subscription."""
    for question in questions:
        answer = await asks(visitor, question)
        assert answer["type"] == "next", answer
    return str(answer["id"])


def is_too_much(answer: Json) -> bool:
    """Whether it is refused to whoever asks, and not because nobody is taken on."""
    if answer["type"] != "error":
        return False
    (error,) = answer["payload"]
    assert error["extensions"] == {"code": "TOO_MUCH_WATCHED", "retryable": True}
    return str(error["message"]).startswith("You are watching too many different things.")


async def test_one_visitor_is_refused_and_others_go_on(visitors: Visitors) -> None:
    greedy, other = await visitors.another(), await visitors.another()
    await subscribes(greedy, range(OF_CALLER))
    assert is_too_much(await asks(greedy, OF_CALLER))
    await subscribes(other, range(OF_CALLER, OF_CALLER + 2))
    await subscribes(greedy, range(1))  # the same once more takes no place


async def test_who_completes_one_may_watch_another(visitors: Visitors) -> None:
    visitor = await visitors.another()
    last = await subscribes(visitor, range(OF_CALLER))
    await visitor.say({"id": last, "type": "complete"})
    await subscribes(visitor, range(OF_CALLER, OF_CALLER + 1))


async def test_one_network_is_refused_however_many_visitors_it_has_and_others_go_on(
    visitors: Visitors,
) -> None:
    for first in range(0, OF_NETWORK, OF_CALLER):
        await subscribes(await visitors.another("203.0.113.9"), range(first, first + OF_CALLER))
    assert is_too_much(await asks(await visitors.another("203.0.113.9"), OF_NETWORK))
    await subscribes(await visitors.another("198.51.100.7"), range(OF_NETWORK, OF_NETWORK + 1))
