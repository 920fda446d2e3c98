import asyncio
from typing import Any

import pytest

from booking.single_flight import SingleFlight


class Flight(SingleFlight[str, str]):
    pass


class Work:
    def __init__(self, result: Any = "answer") -> None:
        self.begun = 0
        self.go_on = asyncio.Event()
        self.result = result

    async def __call__(self) -> Any:
        self.begun += 1
        await self.go_on.wait()
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


async def test_calls_with_the_same_key_share_one_piece_of_work() -> None:
    flight, work = Flight(), Work()
    callers = [asyncio.create_task(flight("key", work)) for _ in range(5)]
    await asyncio.sleep(0)
    work.go_on.set()

    assert await asyncio.gather(*callers) == ["answer"] * 5
    assert work.begun == 1


async def test_other_keys_and_later_calls_do_their_own() -> None:
    flight, work = Flight(), Work()
    work.go_on.set()

    await asyncio.gather(flight("key", work), flight("other", work))
    await flight("key", work)

    assert work.begun == 3


async def test_a_caller_that_leaves_does_not_take_the_answer_from_the_others() -> None:
    flight, work = Flight(), Work()
    first = asyncio.create_task(flight("key", work))
    second = asyncio.create_task(flight("key", work))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    work.go_on.set()

    assert await second == "answer"
    assert first.cancelled()


async def test_an_error_reaches_every_caller_and_is_not_kept() -> None:
    flight, work = Flight(), Work(result=ValueError("no"))
    work.go_on.set()

    answers = await asyncio.gather(flight("key", work), flight("key", work), return_exceptions=True)
    work.result = "answer"

    assert [type(each) for each in answers] == [ValueError, ValueError]
    assert await flight("key", work) == "answer"


async def test_an_error_that_nobody_waited_for_is_no_noise() -> None:
    flight, work = Flight(), Work(result=ValueError("no"))
    caller = asyncio.create_task(flight("key", work))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    work.go_on.set()
    await asyncio.sleep(0)  # warnings are errors: an unretrieved exception would fail this run

    with pytest.raises(ValueError, match="no"):
        await flight("key", work)
