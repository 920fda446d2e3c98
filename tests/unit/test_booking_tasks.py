"""Tasks that are ended are over when that returns, with what they had open given back."""

import asyncio

from booking.tasks import end


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
    await end([task])
    assert task.cancelled()
    assert opened.closed


async def test_what_ends_in_time_is_not_cancelled() -> None:
    opened = Opened()
    task = asyncio.create_task(opened.work())
    asyncio.get_running_loop().call_soon(opened.go_on.set)
    await end([task], within=10)
    assert task.done()
    assert not task.cancelled()


async def test_a_failure_stays_the_tasks_own_and_nothing_is_nothing() -> None:
    async def fail() -> None:
        raise ValueError("sample")

    task = asyncio.create_task(fail())
    await end([task], within=10)
    assert isinstance(task.exception(), ValueError)
    await end([])
