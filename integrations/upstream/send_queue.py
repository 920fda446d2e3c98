"""The queue in front of the pace: which request is sent next on one API key, and when.

It stands here and nowhere else: nothing waits before it, so that lanes and fairness hold for everything that is asked. A request
is given its turn when the pace and the connections have room for its lane; one whose askers have left is dropped. Processes
that share a pace are fair each by itself.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection

from booking.fair_queue import Asker, FairQueue, QueueFull, Ticket
from booking.pacing import SHORTEST_SLEEP, Lane, Pacer, Turn, open_to
from integrations.upstream.transport import MAX_CONNECTIONS

# Waiting, of one block of addresses (or of all strangers without an address), of one network in it, and of one caller in that: three networks,
# what the usual pace sends in two minutes, and four months of free time. Who waits longer than that waits in vain.
MOST_WAITING = (768, 256, 64)

# Waiting in all. Some ten times a second it is looked who is next, at some 10 us each: with more the process would do nothing else. Who is
# behind so many waits in vain.
MOST_IN_ALL = 1_000

# A sender's own share is half of the bucket, and half of the rate fills it again: who has had more is in excess. So one who never
# stops is seldom taken for somebody who has just come.
SHARE = 2

# Seconds after which it is looked again who is next: debts wear off, and somebody may have joined a request of another's.
CHECK_AGAIN = 0.1


class BackedOff(Exception):
    """Nothing is sent on this key for a while."""


class Connections:
    """How many requests are under way in this process, on all keys; each lane leaves a part of them to those before it."""

    def __init__(self, most: int = MAX_CONNECTIONS) -> None:
        self._most = most
        self._used = 0
        self._freed: set[asyncio.Event] = set()

    def has_room(self, lane: Lane) -> bool:
        """Whether one more of this lane may be sent. A checkout waits for nobody here: its own patience is short."""
        return lane is Lane.CHECKOUT or self._used < open_to(lane, self._most)

    def tell(self, event: asyncio.Event) -> None:
        """Set it whenever one is freed."""
        self._freed.add(event)

    def take(self) -> None:
        """One more is under way."""
        self._used += 1

    def free(self) -> None:
        """One of those is over."""
        self._used -= 1
        for event in self._freed:
            event.set()


class SendQueue:
    """Those who wait to send on one key, of this process."""

    def __init__(self, key: str, *, pacer: Pacer, connections: Connections) -> None:
        pace = pacer.pace
        self._key = key
        self._pacer = pacer
        self._connections = connections
        self._cost = SHARE * pace.interval
        self._queue: FairQueue[Turn] = FairQueue(
            time=lambda: asyncio.get_running_loop().time(),
            most=MOST_WAITING,
            share=SHARE * pace.tolerance(Lane.EXCESS),
        )
        self._next = Lane.CHECKOUT  # of whom it is waited for
        self._changed = asyncio.Event()
        connections.tell(self._changed)
        self._serving: asyncio.Task[None] | None = None

    async def turn(self, askers: Callable[[], Collection[Asker]], *, end: float | None) -> Turn:
        """Wait for the right to send one request; it takes a connection, to be freed after it.

        Raises TimeoutError at `end` (of the loop's time), QueueFull, BackedOff.
        """
        place = self._queue.join(askers)
        try:
            if self._queue.lane_of(place) < self._next:
                self._changed.set()
            if self._serving is None or self._serving.done():
                self._serving = asyncio.create_task(self._serve())
            async with asyncio.timeout_at(end):
                return await place.given
        except BaseException:
            if _was_given(place):  # in the same moment
                self._connections.free()
            raise
        finally:
            self._queue.leave(place)

    async def _serve(self) -> None:
        """Give turns as long as anybody waits for one."""
        try:
            while (place := self._queue.first()) is not None:
                self._refuse(self._queue.beyond(MOST_IN_ALL), QueueFull())
                self._next = self._queue.lane_of(place)
                self._changed.clear()
                wait = await self._give(self._next) if self._connections.has_room(self._next) else CHECK_AGAIN
                if wait:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(min(max(wait, SHORTEST_SLEEP), CHECK_AGAIN)):
                            await self._changed.wait()
        except Exception as error:  # noqa: BLE001  # told to everybody who waits
            self._refuse(self._queue.waiting(), error)

    async def _give(self, lane: Lane) -> float:
        """Give a turn of this lane to whoever is next when it has come, or answer in how many seconds it may come."""
        turn = await self._pacer.turn(self._key, lane=lane)
        if turn.backed_off:
            self._refuse(self._queue.waiting(), BackedOff())
        elif not turn.wait and (place := self._queue.first()) is not None:
            self._queue.charge(place.askers(), self._cost)
            self._connections.take()
            place.given.set_result(turn)
        return 0.0 if turn.backed_off else turn.wait

    @staticmethod
    def _refuse(places: Collection[Ticket[Turn]], error: Exception) -> None:
        for place in places:
            place.given.set_exception(error)


def _was_given(place: Ticket[Turn]) -> bool:
    return place.given.done() and not place.given.cancelled() and place.given.exception() is None
