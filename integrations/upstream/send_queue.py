"""SendQueue: decides which request is sent next on one API key, and when.

The only queue before upstream, so that lanes and fairness hold for all requests. A request gets its turn when the rate limit and
the connections have room for its lane; one whose callers have all left is dropped. Processes that share a rate limit are fair
each by itself.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection

from booking.fair_queue import Asker, FairQueue, QueueFull, Ticket
from booking.pacing import SHORTEST_SLEEP, Lane, Pace, Pacer, Turn, open_to
from integrations.upstream.transport import MAX_CONNECTIONS

# The most waiting requests of one block of addresses (or of all anonymous callers without one), of one network in it, and of one
# caller in that: three networks, what the usual rate sends in two minutes, and nearly four months of free time. Beyond that a wait is
# in vain.
MOST_WAITING = (768, 256, 64)

# The most waiting requests in all. The next one is chosen about ten times a second, at about 10 us per request: with more of them
# the process would do little else, and their wait would be in vain.
MOST_IN_ALL = 1_000

# A sender's share is half of the bucket, refilled at half of the rate; use beyond it is excess. So a sender who never stops is
# seldom mistaken for one who has just arrived.
SHARE = 2

# Seconds after which the next request is chosen again: debts drain, and a caller may have joined another's request.
CHECK_AGAIN = 0.1


class BackedOff(Exception):
    """The key is backed off: nothing is sent on it for a while."""


class Connections:
    """Counts the requests under way in this process, on all keys.

    Each lane leaves part of the limit to those before it.
    """

    def __init__(self, most: int = MAX_CONNECTIONS) -> None:
        self._most = most
        self._used = 0
        self._freed: set[asyncio.Event] = set()

    def has_room(self, lane: Lane) -> bool:
        """Whether one more of this lane may be sent. Always true for checkouts, whose patience is short."""
        return lane is Lane.CHECKOUT or self._used < open_to(lane, self._most)

    def subscribe(self, event: asyncio.Event) -> None:
        """Set the event whenever a connection is freed."""
        self._freed.add(event)

    def take(self) -> None:
        """Count one more request."""
        self._used += 1

    def free(self) -> None:
        """Count one request less."""
        self._used -= 1
        for event in self._freed:
            event.set()


class SendQueue:
    """The requests of this process that wait to be sent on one key."""

    def __init__(self, key: str, *, pacer: Pacer, connections: Connections) -> None:
        self._key = key
        self._pacer = pacer
        self._connections = connections
        # For one event loop, which is running now.
        self._queue: FairQueue[Turn] = FairQueue(time=asyncio.get_running_loop().time, most=MOST_WAITING)
        self._follow(pacer.pace)
        self._next = Lane.CHECKOUT  # the lane of the request that `_serve` waits for
        self._changed = asyncio.Event()
        connections.subscribe(self._changed)
        self._serving: asyncio.Task[None] | None = None
        self._giving = False  # a request that is alone asks for its turn itself

    async def turn(self, askers: Callable[[], Collection[Asker]], *, end: float | None) -> Turn:
        """Wait for the right to send one request. Takes a connection, which the caller frees afterwards.

        Raises TimeoutError at `end` (in the event loop's time), QueueFull, BackedOff.
        """
        ticket = self._queue.join(askers)
        try:
            async with asyncio.timeout_at(end):
                await self._serve_soon(self._queue.lane_of(ticket))
                return await ticket.given
        except BaseException:
            if _was_given(ticket):  # the turn came together with the timeout or cancellation
                self._connections.free()
            raise
        finally:
            self._queue.leave(ticket)

    async def _serve_soon(self, lane: Lane) -> None:
        """Have a new request of this lane served: at once when it is alone and there is room, else in its order."""
        if self._giving or (self._serving is not None and not self._serving.done()):
            if lane < self._next:
                self._changed.set()
            return
        try:
            if len(self._queue.waiting()) == 1 and self._connections.has_room(lane):
                self._giving = True
                await self._give(lane)
        finally:
            self._giving = False
            if self._queue.waiting():  # there was none for it, or others have come meanwhile
                self._serving = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        """Give turns until nobody waits."""
        try:
            while (ticket := self._queue.first()) is not None:
                self._refuse(self._queue.beyond(MOST_IN_ALL), QueueFull())
                self._next = self._queue.lane_of(ticket)
                self._changed.clear()
                wait = await self._give(self._next) if self._connections.has_room(self._next) else CHECK_AGAIN
                if wait:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(min(max(wait, SHORTEST_SLEEP), CHECK_AGAIN)):
                            await self._changed.wait()
        except Exception as error:  # noqa: BLE001  # raised to every waiting caller
            self._refuse(self._queue.waiting(), error)

    async def _give(self, lane: Lane) -> float:
        """Give the next request its turn if the rate allows one for this lane; returns the seconds to wait, or 0."""
        turn = await self._pacer.turn(self._key, lane=lane)
        if turn.pace is not None and turn.pace != self._pace:
            self._follow(turn.pace)
        if turn.backed_off:
            self._refuse(self._queue.waiting(), BackedOff())
        elif not turn.wait and (ticket := self._queue.first()) is not None:
            self._queue.charge(ticket.askers(), self._cost)
            self._connections.take()
            ticket.given.set_result(turn)
        return 0.0 if turn.backed_off else turn.wait

    def _follow(self, pace: Pace) -> None:
        """Charge by this pace: a call costs the less, the more of them a second has."""
        self._pace = pace
        self._cost = SHARE * pace.interval
        self._queue.share = SHARE * max(pace.tolerance(Lane.EXCESS), 0.0)

    @staticmethod
    def _refuse(tickets: Collection[Ticket[Turn]], error: Exception) -> None:
        for ticket in tickets:
            ticket.given.set_exception(error)


def _was_given(ticket: Ticket[Turn]) -> bool:
    return ticket.given.done() and not ticket.given.cancelled() and ticket.given.exception() is None
