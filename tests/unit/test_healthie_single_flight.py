import asyncio
from typing import Any

import pytest

from booking.errors import UpstreamUnavailable
from booking.fair_queue import Asker
from booking.pacing import Lane
from booking.single_flight import SingleFlight
from booking.work_context import asked_by, current_work, waiting


class Flight(SingleFlight[str, str]):
    pass


class WorkContext:
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
    flight, work = Flight(), WorkContext()
    callers = [asyncio.create_task(flight("key", work)) for _ in range(5)]
    await asyncio.sleep(0)
    work.go_on.set()

    assert await asyncio.gather(*callers) == ["answer"] * 5
    assert work.begun == 1


async def test_other_keys_and_later_calls_do_their_own() -> None:
    flight, work = Flight(), WorkContext()
    work.go_on.set()

    await asyncio.gather(flight("key", work), flight("other", work))
    await flight("key", work)

    assert work.begun == 3


async def test_a_caller_that_leaves_does_not_take_the_answer_from_the_others() -> None:
    flight, work = Flight(), WorkContext()
    first = asyncio.create_task(flight("key", work))
    second = asyncio.create_task(flight("key", work))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    work.go_on.set()

    assert await second == "answer"
    assert first.cancelled()


async def test_an_error_reaches_every_caller_and_is_not_kept() -> None:
    flight, work = Flight(), WorkContext(result=ValueError("no"))
    work.go_on.set()

    answers = await asyncio.gather(flight("key", work), flight("key", work), return_exceptions=True)
    work.result = "answer"

    assert [type(each) for each in answers] == [ValueError, ValueError]
    assert await flight("key", work) == "answer"


async def test_an_error_that_nobody_waited_for_is_no_noise() -> None:
    flight, work = Flight(), WorkContext(result=ValueError("no"))
    caller = asyncio.create_task(flight("key", work))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    work.go_on.set()
    await asyncio.sleep(0)  # warnings are errors: an unretrieved exception would fail this run

    with pytest.raises(ValueError, match="no"):
        await flight("key", work)


async def test_the_last_caller_leaves_once_the_work_has_given_back_what_it_had_open() -> None:
    closed = False

    async def work() -> None:
        nonlocal closed
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # as a connection that is closed
            closed = True

    caller = asyncio.create_task(SingleFlight[str, None]()("key", work))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    assert closed


async def test_when_the_last_caller_has_left_the_work_is_cancelled_and_the_next_begins_anew() -> None:
    flight, work = Flight(), WorkContext()
    callers = [asyncio.create_task(flight("key", work)) for _ in range(2)]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    assert asyncio.all_tasks() == {asyncio.current_task()}, "the work has ended by then"

    next_one = asyncio.create_task(flight("key", work))
    await asyncio.sleep(0)
    work.go_on.set()
    assert await next_one == "answer"
    assert work.begun == 2


async def test_what_is_finished_in_any_case_is() -> None:
    flight, work = Flight(finished=True), WorkContext()
    caller = asyncio.create_task(flight("key", work))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    later = asyncio.create_task(flight("key", work))
    await asyncio.sleep(0)
    work.go_on.set()
    assert await later == "answer"
    assert work.begun == 1


async def test_a_caller_waits_until_their_own_deadline_whoever_asked_first() -> None:
    flight, work = Flight(), WorkContext()

    async def ask(seconds: float | None) -> str:
        with waiting(lane=None, seconds=seconds):
            return await flight("key", work)

    hurried, patient = asyncio.create_task(ask(0.01)), asyncio.create_task(ask(None))
    with pytest.raises(UpstreamUnavailable):
        await hurried
    work.go_on.set()
    assert await patient == "answer"
    assert work.begun == 1


async def test_of_one_requests_two_readings_the_one_that_is_given_up_leaves_what_both_wait_for() -> None:
    flight = Flight()
    looked, go_on = asyncio.Event(), asyncio.Event()

    async def work() -> str:
        looked.set()
        await go_on.wait()
        return str([asker.sender[-1] for asker in current_work.get().askers()])

    async def ask(actor: str, key: str) -> str:
        with asked_by(actor, request_id="a-request"):
            return await flight(key, lambda: flight("what both need", work))

    request = [asyncio.create_task(ask("visitor:v1", key)) for key in ("one", "other")]
    await looked.wait()
    somebody = asyncio.create_task(ask("visitor:v2", "one"))
    await asyncio.sleep(0)
    for task in request:
        task.cancel()
    await asyncio.gather(*request, return_exceptions=True)
    await asyncio.sleep(0)
    go_on.set()
    assert await somebody == "['visitor:v2']"


async def test_the_work_is_asked_for_by_those_who_wait_for_it_at_this_moment() -> None:
    flight = Flight()
    seen: list[set[Asker]] = []
    looked, go_on = asyncio.Event(), asyncio.Event()

    async def work() -> str:
        seen.append(set(current_work.get().askers()))
        looked.set()
        await go_on.wait()
        seen.append(set(current_work.get().askers()))
        return "answer"

    async def ask(client: str, lane: Lane) -> str:
        with asked_by("visitor:v1", client=client), waiting(lane=lane):
            return await flight("outer", lambda: flight("inner", work))

    first = asyncio.create_task(ask("a", Lane.BROWSING))
    await looked.wait()
    second = asyncio.create_task(ask("b", Lane.BOOKING))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    go_on.set()
    await second
    assert seen == [
        {Asker(sender=("block:a", "network:a", "visitor:v1"), lane=Lane.BROWSING)},
        {Asker(sender=("block:b", "network:b", "visitor:v1"), lane=Lane.BOOKING)},
    ]
