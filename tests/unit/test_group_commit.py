"""Writing together: many share a write, and what becomes of it."""

import asyncio
from collections.abc import Sequence

import pytest
from structlog.contextvars import bound_contextvars, get_contextvars

from integrations.database.group_commit import GroupCommit


class Book:
    """What is written, a list for each write; a write begins when it is `open`, and fails on a negative number."""

    def __init__(self) -> None:
        self.writes: list[list[int]] = []
        self.names: list[dict[str, object]] = []
        self.open = asyncio.Event()
        self.group_commit = GroupCommit(self._write, most=3)

    async def _write(self, numbers: Sequence[int]) -> None:
        self.names.append(get_contextvars())
        await self.open.wait()
        if min(numbers) < 0:
            raise OSError("cannot be written")
        self.writes.append(list(numbers))

    async def bring(self, *numbers: int) -> list[asyncio.Task[None]]:
        """Have them written by as many callers, in this order; return when all of them wait."""
        tasks = [asyncio.create_task(self.group_commit(number)) for number in numbers]
        await asyncio.sleep(0)
        return tasks


async def test_what_comes_during_a_write_shares_the_next_in_its_order_so_many_at_a_time() -> None:
    book = Book()
    first = await book.bring(1)
    await asyncio.sleep(0)  # it is being written
    others = await book.bring(2, 3, 4, 5)
    book.open.set()
    assert await asyncio.gather(*first, *others) == [None] * 5
    assert book.writes == [[1], [2, 3, 4], [5]]


async def test_who_shares_a_write_shares_its_failure_and_the_next_is_written() -> None:
    book = Book()
    book.open.set()
    tasks = await book.bring(1, -2, 3, 4)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [OSError, OSError, OSError, type(None)]
    await book.group_commit(5)
    assert book.writes == [[4], [5]]


async def test_whoever_waited_in_vain_leaves_nothing_behind() -> None:
    """They come again: a database that hangs must not fill the memory meanwhile."""
    book = Book()
    waiting = await book.bring(*range(200))
    await asyncio.sleep(0)
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    book.open.set()
    await book.group_commit(1000)
    assert book.writes == [[0, 1, 2], [1000]]  # what was under way, and the last


async def test_a_write_is_in_nobodys_name() -> None:
    """It goes on with what others bring, long after the caller who started it was answered."""
    book = Book()
    book.open.set()
    with bound_contextvars(request_id="of-the-first"):
        await book.group_commit(1)
    assert book.names == [{}]


async def test_nobody_hears_of_a_failure_after_they_left() -> None:
    book = Book()
    (leaving,) = await book.bring(-1)
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    book.open.set()
    with pytest.raises(OSError, match="cannot be written"):
        await book.group_commit(-2)
