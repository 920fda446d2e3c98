"""A request that is alone asks the pacer itself, in its own task; whoever comes meanwhile loses nothing by it. On virtual time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from booking.fair_queue import Asker
from booking.pacing import BackOff, Lane, Pace, Turn
from integrations.upstream.send_queue import Connections, SendQueue
from tests.simulation.virtual_loop import VirtualLoop, run

ALICE, BOB, CAROL = (
    Asker(sender=("alice",)),
    Asker(sender=("bob",)),
    Asker(sender=("carol",), lane=Lane.CHECKOUT),
)


class SlowPacer:
    """Answers after a second, what the test says, and then that the call may be sent."""

    pace = Pace(per_second=10, burst=10)

    def __init__(self, *answers: Turn | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def turn(self, key: str, *, lane: Lane) -> Turn:
        self.asked += 1
        await asyncio.sleep(1)
        answer = self.answers.pop(0) if self.answers else Turn()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def back_off(self, key: str, turn: Turn | None = None) -> BackOff:
        raise AssertionError

    async def recovered(self, key: str) -> None:
        raise AssertionError


def on_a_queue(
    pacer: SlowPacer, play: Callable[[SendQueue, Connections], Awaitable[None]], *, room: int = 20
) -> None:
    async def played() -> None:
        connections = Connections(room)
        await play(SendQueue("key", pacer=pacer, connections=connections), connections)

    run(played(), VirtualLoop())


def asking(queue: SendQueue, asker: Asker, *, until: float | None = None) -> "asyncio.Task[Turn]":
    return asyncio.create_task(queue.turn(lambda: [asker], end=until))


def test_one_that_is_alone_makes_no_task_and_asks_once() -> None:
    pacer = SlowPacer()

    async def play(queue: SendQueue, _: Connections) -> None:
        tasks = asyncio.all_tasks()
        asked = asyncio.create_task(queue.turn(lambda: [ALICE], end=None))
        await asyncio.sleep(0.5)
        assert asyncio.all_tasks() - tasks == {asked}
        await asked

    on_a_queue(pacer, play)
    assert pacer.asked == 1


def test_who_comes_while_it_asks_is_served_after_it_and_a_checkout_before_it() -> None:
    given: list[str] = []

    async def play(queue: SendQueue, _: Connections) -> None:
        async def has_its_turn(asker: Asker) -> None:
            await queue.turn(lambda: [asker], end=None)
            given.append(asker.sender[0])

        async with asyncio.TaskGroup() as group:
            for asker in (ALICE, BOB, CAROL):
                group.create_task(has_its_turn(asker))
                await asyncio.sleep(0.1)

    on_a_queue(SlowPacer(), play)
    assert given == ["carol", "alice", "bob"]


@pytest.mark.parametrize("how", ["cancelled", "out of time"])
def test_when_it_leaves_while_it_asks_the_next_one_is_served(how: str) -> None:
    async def play(queue: SendQueue, connections: Connections) -> None:
        now = asyncio.get_running_loop().time()
        first = asking(queue, ALICE, until=now + 0.5 if how == "out of time" else None)
        await asyncio.sleep(0.1)
        second = asking(queue, BOB)
        await asyncio.sleep(0.1)
        if how == "cancelled":
            first.cancel()
        with pytest.raises(asyncio.CancelledError if how == "cancelled" else TimeoutError):
            await first
        async with asyncio.timeout(3):
            await second
        connections.free()
        assert all(connections.has_room(lane) for lane in Lane)

    on_a_queue(SlowPacer(), play, room=1)


def test_a_fault_of_the_pacer_is_its_own_and_the_next_one_is_served() -> None:
    async def play(queue: SendQueue, _: Connections) -> None:
        first = asking(queue, ALICE)
        await asyncio.sleep(0.1)
        second = asking(queue, BOB)
        with pytest.raises(ZeroDivisionError):
            await first
        async with asyncio.timeout(3):
            await second

    on_a_queue(SlowPacer(ZeroDivisionError()), play)


def test_when_there_is_no_turn_yet_it_waits_in_the_queue() -> None:
    pacer = SlowPacer(Turn(wait=0.05))

    async def play(queue: SendQueue, _: Connections) -> None:
        async with asyncio.timeout(3):
            await asking(queue, ALICE)

    on_a_queue(pacer, play)
    assert pacer.asked == 2


def test_without_a_free_connection_it_waits_for_one() -> None:
    pacer = SlowPacer()

    async def play(queue: SendQueue, connections: Connections) -> None:
        connections.take()
        asked = asking(queue, ALICE)
        await asyncio.sleep(2)
        assert (pacer.asked, asked.done()) == (0, False)
        connections.free()
        async with asyncio.timeout(3):
            await asked

    on_a_queue(pacer, play, room=1)
