"""What many watch is read once, and everybody has the present state first."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from booking.change_signals import LocalChangeSignals
from booking.errors import SubscriptionLimitReached, UpstreamUnavailable
from booking.live.shared_reads import Reading, SharedReads


class Number:
    """A source whose state is set by the test; it can be made to wait, and to fail."""

    topics = frozenset({"number"})

    def __init__(self) -> None:
        self.state = 0
        self.readings = 0
        self.changed_topics: list[Collection[str]] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.error: Exception | None = None

    async def read(self, changed_topics: Collection[str]) -> Reading[int]:
        self.readings += 1
        self.changed_topics.append(changed_topics)
        state = self.state  # as a database has it at the begin of a transaction
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        return Reading(state=state)


class Room:
    """People who watch one number."""

    def __init__(self, *, most: int = 10) -> None:
        self.change_signals = LocalChangeSignals()
        self.shared_reads: SharedReads[str, int] = SharedReads(change_signals=self.change_signals, most=most)
        self.number = Number()

    @asynccontextmanager
    async def subscribed(self, key: str = "it") -> AsyncIterator[Any]:
        async with aclosing(self.shared_reads.watch(key, lambda: self.number)) as states:
            yield states

    def becomes(self, state: int) -> None:
        self.number.state = state
        self.change_signals.publish(["number"])


@pytest.fixture
def room() -> Room:
    return Room()


async def a_moment() -> None:
    """Let every task do what it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_present_state_comes_first_and_then_each_other(room: Room) -> None:
    async with room.subscribed() as states:
        assert await anext(states) == 0
        room.becomes(1)
        assert await anext(states) == 1


async def test_a_state_that_is_as_before_is_not_sent(room: Room) -> None:
    async with room.subscribed() as states:
        await anext(states)
        room.becomes(0)
        await a_moment()
        room.becomes(2)
        assert await anext(states) == 2
        assert room.number.readings == 3


async def test_many_live_queries_cost_one_reading(room: Room) -> None:
    async with room.subscribed() as first, room.subscribed() as second, room.subscribed() as third:
        assert [await anext(one) for one in (first, second, third)] == [0, 0, 0]
        before = room.number.readings
        room.becomes(1)
        assert await asyncio.gather(*map(anext, (first, second, third))) == [1, 1, 1]
        assert room.number.readings == before + 1


async def test_a_newcomer_is_given_nothing_that_was_read_before_they_came(room: Room) -> None:
    async with room.subscribed() as first:
        assert await anext(first) == 0
        room.number.state = 1  # and the change signal is lost
        async with room.subscribed() as second:
            assert await anext(second) == 1


async def test_nor_what_was_being_read(room: Room) -> None:
    async with room.subscribed() as first:
        assert await anext(first) == 0
        room.number.may_end.clear()
        room.change_signals.publish(["number"])
        await a_moment()
        room.number.state = 1
        async with room.subscribed() as second:
            coming = asyncio.ensure_future(anext(second))
            await a_moment()
            room.number.may_end.set()
            assert await coming == 1


async def test_a_change_signal_during_a_reading_is_followed_by_another_reading(room: Room) -> None:
    async with room.subscribed() as states:
        await anext(states)
        room.number.may_end.clear()
        room.becomes(1)
        await a_moment()
        room.becomes(2)
        room.number.may_end.set()
        await a_moment()
        assert await anext(states) == 2


async def test_who_is_slow_gets_the_latest_and_nothing_is_kept_for_them(room: Room) -> None:
    async with room.subscribed() as slow:
        await anext(slow)
        for state in range(1, 100):
            room.becomes(state)
            await a_moment()
        assert await anext(slow) == 99


async def test_change_signals_that_nobody_took_up_are_one(room: Room) -> None:
    async with room.subscribed() as states:
        await anext(states)
        before = room.number.readings
        for state in range(1, 1000):
            room.becomes(state)
        assert await anext(states) == 999
        assert room.number.readings == before + 1


async def test_nobody_is_read_for_when_everybody_has_left(room: Room) -> None:
    async with room.subscribed() as first:
        async with room.subscribed() as second:
            await anext(second)
        await anext(first)
        room.becomes(1)
        assert await anext(first) == 1
    readings = room.number.readings
    room.becomes(2)
    await a_moment()
    assert room.number.readings == readings
    assert room.change_signals.listened("number") == []


async def test_what_cannot_be_read_at_first_is_told(room: Room) -> None:
    room.number.error = UpstreamUnavailable("sample")
    async with room.subscribed() as states:
        with pytest.raises(UpstreamUnavailable):
            await anext(states)


async def test_who_has_a_state_keeps_it_for_a_while_and_what_was_notified_is_not_forgotten(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("booking.live.shared_reads._FIRST_WAIT", 0.001)
    async with room.subscribed() as states:
        await anext(states)
        room.number.error = UpstreamUnavailable("sample")
        room.becomes(1)
        await a_moment()
        async with room.subscribed() as newcomer:
            with pytest.raises(UpstreamUnavailable):
                await anext(newcomer)
        room.number.error = None
        assert await anext(states) == 1
        assert "number" in room.number.changed_topics[-1]


async def test_what_cannot_be_read_for_long_is_told(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("booking.live.shared_reads._FIRST_WAIT", 0.001)
    monkeypatch.setattr("booking.live.shared_reads._PATIENCE", 0.01)
    async with room.subscribed() as states:
        await anext(states)
        room.number.error = UpstreamUnavailable("sample")
        room.becomes(1)
        with pytest.raises(UpstreamUnavailable):
            await anext(states)


async def test_different_things_are_bounded_and_watchers_of_one_are_not() -> None:
    room = Room(most=2)
    async with room.subscribed("a") as first:
        await anext(first)
        async with (
            room.subscribed("b") as second,
            room.subscribed("a") as more,
            room.subscribed("c") as third,
        ):
            assert [await anext(second), await anext(more)] == [0, 0]
            with pytest.raises(SubscriptionLimitReached):
                await anext(third)
        async with room.subscribed("c") as third:
            assert await anext(third) == 0
