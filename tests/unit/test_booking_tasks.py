"""Tasks that are ended are over when that returns, with what they had open given back."""

import asyncio
import gc

import pytest

from booking.tasks import cancel_and_wait, gather_or_cancel


class Opened:
    """Work that has something open until it ends, and takes a moment to close it."""

    def __init__(self) -> None:
        self.closed = False
        self.go_on = asyncio.Event()

    async def work(self) -> None:
        try:
            await self.go_on.wait()
        finally:
            await asyncio.sleep(0)
            self.closed = True


async def test_what_is_late_is_cancelled_and_has_closed_what_it_had_open() -> None:
    opened = Opened()
    task = asyncio.create_task(opened.work())
    await asyncio.sleep(0)
    await cancel_and_wait([task])
    assert task.cancelled()
    assert opened.closed


async def test_what_ends_in_time_is_not_cancelled() -> None:
    opened = Opened()
    task = asyncio.create_task(opened.work())
    asyncio.get_running_loop().call_soon(opened.go_on.set)
    await cancel_and_wait([task], grace=10)
    assert task.done()
    assert not task.cancelled()


async def test_a_failure_stays_the_tasks_own_and_nothing_is_nothing() -> None:
    async def fail() -> None:
        raise ValueError("sample")

    task = asyncio.create_task(fail())
    await cancel_and_wait([task], grace=10)
    assert isinstance(task.exception(), ValueError)
    await cancel_and_wait([])


async def test_nobody_has_to_ask_for_the_failure_of_a_task_that_was_ended() -> None:
    """Warnings are errors here, but a task that is collected tells the loop: it is asked what it was told."""
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["message"]))

    async def fail(*, at_its_end: bool) -> None:
        try:
            if at_its_end:
                await asyncio.Event().wait()
        finally:
            raise ValueError("sample")

    tasks = [asyncio.create_task(fail(at_its_end=one)) for one in (False, True)]
    await asyncio.sleep(0)
    await cancel_and_wait(tasks)
    await asyncio.sleep(0)
    assert all(task.done() for task in tasks)
    tasks.clear()
    gc.collect()
    assert reported == []


async def test_who_is_cancelled_while_it_waits_leaves_nothing_running() -> None:
    opened = Opened()
    task = asyncio.create_task(opened.work())
    ending = asyncio.create_task(cancel_and_wait([task], grace=10))
    await asyncio.sleep(0)
    ending.cancel()
    await asyncio.wait([task, ending], timeout=5)
    assert task.cancelled()
    assert opened.closed


class TestGatherOrCancel:
    async def test_answers_what_all_answer_in_their_order(self) -> None:
        async def answer(what: str, *, switches: int) -> str:
            for _ in range(switches):
                await asyncio.sleep(0)
            return what

        assert await gather_or_cancel(answer("late", switches=3), answer("early", switches=0)) == (
            "late",
            "early",
        )
        assert await gather_or_cancel(*(answer(str(n), switches=n) for n in range(3))) == ("0", "1", "2")

    async def test_when_one_fails_the_others_have_closed_what_they_had_open(self) -> None:
        opened = Opened()

        async def fail() -> None:
            raise ValueError("sample")

        with pytest.raises(ValueError, match="sample"):
            await gather_or_cancel(opened.work(), fail())
        assert opened.closed

    async def test_they_end_with_their_caller(self) -> None:
        one, other = Opened(), Opened()
        caller = asyncio.create_task(gather_or_cancel(one.work(), other.work()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert (one.closed, other.closed) == (True, True)
