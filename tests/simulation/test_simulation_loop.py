"""Time that is virtual: it jumps, and it stands when somebody waits for nothing."""

import asyncio
import time

import pytest

from tests.simulation.fate import Fate, Killed, Trace, task_factory
from tests.simulation.plans import Scripted
from tests.simulation.virtual_loop import BEGINNING, NothingLeftToDo, VirtualLoop, run


def test_a_day_passes_at_once() -> None:
    loop, began = VirtualLoop(), time.monotonic()
    run(asyncio.sleep(86_400.0), loop)
    assert (loop.now() - BEGINNING).total_seconds() == pytest.approx(86_400)
    assert time.monotonic() - began < 1


def test_timers_ring_in_the_order_of_their_time() -> None:
    rang: list[int] = []

    async def notify(seconds: int) -> None:
        await asyncio.sleep(seconds)
        rang.append(seconds)

    async def main() -> None:
        await asyncio.gather(notify(3), notify(1), notify(2))

    run(main(), VirtualLoop())
    assert rang == [1, 2, 3]


def test_waiting_for_what_never_comes_is_an_error_and_not_a_hang() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingLeftToDo):
        run(main(), VirtualLoop())


def test_a_killed_process_gets_no_further_whatever_its_handlers_try() -> None:
    loop = VirtualLoop()
    loop.set_task_factory(task_factory)
    fate = Fate("sample", loop=loop, plan=Scripted({}), trace=Trace(loop=loop))
    done: list[str] = []

    async def stubborn() -> None:
        try:
            await fate.meet("before")
            fate.kill()
            await fate.meet("after")
        finally:
            await fate.meet("in a handler")
            done.append("the handler's effect")

    with pytest.raises(Killed):
        run(stubborn(), loop)
    assert done == []
