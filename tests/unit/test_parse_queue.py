"""New documents: one at a time, senders in turn, and a rest after each in which everybody else goes on."""

import asyncio
import time
from collections.abc import Awaitable

import pytest

from gateway.limits.parse_queue import MOST_WAITING, ParseQueue
from gateway.rates import TooManyRequests


class WorkContext:
    """Notes whose turn it was, and when."""

    def __init__(self, *, seconds: float = 0) -> None:
        self.parse_queue = ParseQueue()
        self.done: list[str] = []
        self.began: list[float] = []
        self.ended: list[float] = []
        self._seconds = seconds

    async def do(self, sender: str) -> None:
        async with self.parse_queue.turn(sender):
            self.began.append(time.monotonic())
            while time.monotonic() - self.began[-1] < self._seconds:
                pass
            self.ended.append(time.monotonic())
            self.done.append(sender)


async def left(task: "asyncio.Future[None]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def begun(*work: Awaitable[None]) -> "list[asyncio.Future[None]]":
    return [asyncio.ensure_future(one) for one in work]


async def test_a_flood_of_one_sender_waits_for_itself_and_the_others_for_the_one_that_is_looked_at() -> None:
    work = WorkContext()
    await asyncio.gather(*(work.do("flood") for _ in range(6)), work.do("a"), work.do("b"), work.do("a"))
    assert work.done == ["flood", "a", "b", "flood", "a", "flood", "flood", "flood", "flood"]


async def test_after_each_the_process_is_everybody_elses_for_as_long_as_it_took() -> None:
    work = WorkContext(seconds=0.03)
    await asyncio.gather(*(work.do("flood") for _ in range(3)))
    assert [later - before >= 0.03 for before, later in zip(work.ended, work.began[1:], strict=False)] == [
        True
    ] * 2


async def test_one_sender_has_so_many_waiting_and_no_more_and_others_are_still_taken() -> None:
    work = WorkContext()
    waiting = begun(*(work.do("flood") for _ in range(1 + MOST_WAITING)))
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests) as refused:
        await work.do("flood")
    assert refused.value.headers == {"Retry-After": "1"}
    await work.do("a")
    await asyncio.gather(*waiting)
    assert work.done.count("flood") == 1 + MOST_WAITING
    await work.do("flood")


async def test_who_leaves_while_waiting_is_passed_over() -> None:
    work = WorkContext()
    first, second, third = begun(work.do("a"), work.do("b"), work.do("c"))
    await asyncio.sleep(0)
    await left(second)
    await asyncio.gather(first, third)
    assert work.done == ["a", "c"]


async def test_who_leaves_in_the_moment_of_their_turn_gives_it_on() -> None:
    parse_queue = ParseQueue()
    held = asyncio.Event()

    async def hold() -> None:
        async with parse_queue.turn("a"):
            held.set()

    holder, leaving = begun(hold(), hold())
    await held.wait()
    await holder
    async with asyncio.timeout(10):
        while parse_queue._queue.waiting():  # noqa: ASYNC110  # until it is given; who has it does not know of it yet
            await asyncio.sleep(0)
    await left(leaving)
    async with asyncio.timeout(10), parse_queue.turn("b"):
        pass


async def test_who_fails_gives_it_on() -> None:
    parse_queue = ParseQueue()
    with pytest.raises(ValueError, match="unreadable"):
        async with parse_queue.turn("a"):
            raise ValueError("unreadable")
    async with asyncio.timeout(10), parse_queue.turn("b"):
        pass
