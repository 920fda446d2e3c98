"""Callers that ask at about the same time share one read, and nobody's answer is older than their question."""

import asyncio
from collections.abc import Collection

import pytest

from booking.joined_reads import AT_ONCE, JoinedReads


class Store:
    """Answers with everything that it holds at that moment, once it is let."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.asked: list[list[str]] = []
        self.ended = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def read(self, questions: Collection[str]) -> frozenset[str]:
        self.asked.append([*questions])
        held = frozenset(self.held)
        try:
            await self.may_answer.wait()
        finally:
            await asyncio.sleep(0)  # a connection is given back
            self.ended += 1
        return held


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_all_who_ask_before_it_begins_are_answered_by_one_read() -> None:
    store = Store()
    reads = JoinedReads(store.read)
    store.held = {"a", "b"}
    answers = await asyncio.gather(reads("a"), reads("b"), reads("a"))
    assert all(answer == {"a", "b"} for answer in answers)
    assert store.asked == [["a", "b", "a"]]


async def test_who_asks_after_it_has_begun_sees_what_was_done_before_they_asked() -> None:
    store = Store()
    reads = JoinedReads(store.read)
    store.may_answer.clear()
    early = asyncio.create_task(reads("a"))
    await settled()
    store.held = {"a"}
    late = asyncio.create_task(reads("a"))
    await settled()
    store.may_answer.set()
    assert await early == frozenset()
    assert await late == {"a"}


async def test_so_many_are_out_at_once_and_all_others_share_the_next() -> None:
    store = Store()
    reads = JoinedReads(store.read)
    store.may_answer.clear()
    callers = []
    for number in range(AT_ONCE + 3):
        callers.append(asyncio.create_task(reads(str(number))))
        await settled()
    assert len(store.asked) == AT_ONCE
    store.may_answer.set()
    await asyncio.gather(*callers)
    assert [len(questions) for questions in store.asked] == [1] * AT_ONCE + [3]


async def test_a_read_that_hangs_keeps_nobody_else_waiting() -> None:
    store = Store()
    reads = JoinedReads(store.read)
    store.may_answer.clear()
    hanging = asyncio.create_task(reads("a"))
    await settled()
    store.may_answer = asyncio.Event()
    store.may_answer.set()
    assert await reads("b") == frozenset()
    assert not hanging.done()
    hanging.cancel()


async def test_a_caller_who_leaves_takes_the_answer_from_nobody() -> None:
    store = Store()
    reads = JoinedReads(store.read)
    store.may_answer.clear()
    leaves, stays = asyncio.create_task(reads("a")), asyncio.create_task(reads("b"))
    await settled()
    leaves.cancel()
    await settled()
    assert leaves.cancelled()
    store.may_answer.set()
    assert await stays == frozenset()


async def test_with_its_last_caller_it_ends_and_is_waited_for() -> None:
    store = Store()
    reads = JoinedReads(store.read)
    store.may_answer.clear()
    caller = asyncio.create_task(reads("a"))
    await settled()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert store.ended == 1


async def test_one_that_nobody_waits_for_any_more_does_not_begin() -> None:
    store = Store()
    reads = JoinedReads(store.read)
    store.may_answer.clear()
    others = []
    for _ in range(AT_ONCE):
        others.append(asyncio.create_task(reads("others")))
        await settled()
    caller = asyncio.create_task(reads("a"))
    await settled()
    caller.cancel()
    await settled()
    store.may_answer.set()
    await asyncio.gather(*others, reads("later"))
    assert store.asked == [["others"]] * AT_ONCE + [["later"]]


async def test_its_error_is_everybodys() -> None:
    async def fail(_: Collection[str]) -> None:
        raise ConnectionError("sample")

    reads = JoinedReads(fail)
    outcomes = await asyncio.gather(reads("a"), reads("b"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionError] * 2
