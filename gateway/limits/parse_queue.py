"""A fair queue in front of work that blocks the event loop: parsing new documents, and reading large bodies and messages.

Each such task blocks for up to some 20 ms. They run one at a time, and after each the queue rests for as long as the task took:
together they take at most half of the processor, and any other request waits for one task, not for one at each of its own steps. The
sender with the fewest recent turns is next, so a flood delays only its own sender (docs/requests.md).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from booking.fair_queue import Asker, FairQueue, QueueFull
from gateway.rates import TooManyRequests

# Waiting tasks per sender: a second or two of work. An app has some dozens of documents, each new once per process.
MOST_WAITING = 50

# Bytes or characters that are read without a turn: half a millisecond at 40 ns a byte. No app sends more.
SMALL = 10_000

# `Retry-After` when the sender's queue is full: part of it is done by then.
_RETRY_SECONDS = 1


class ParseQueue:
    """Runs one task at a time, fairly by sender, with a rest after each that is as long as the task."""

    def __init__(self) -> None:
        self._taken = False
        # Turns so far: the clock by which the fair queue forgets past use, so idle time does not count.
        self._given = 0
        self._queue: FairQueue[None] = FairQueue(time=lambda: self._given, most=(MOST_WAITING,))

    @asynccontextmanager
    async def turn(self, sender: str) -> AsyncIterator[None]:
        """Hold the only turn; do not await inside. Raises TooManyRequests when the sender has MOST_WAITING waiting."""
        asker = [Asker(sender=(sender,))]
        if self._taken:
            await self._wait(asker)
        self._taken = True
        self._given += 1
        self._queue.charge(asker, MOST_WAITING)
        loop = asyncio.get_running_loop()
        rest = 0.0
        try:
            await asyncio.sleep(0)  # requests that arrived at the same time and need no turn go first
            began = loop.time()
            try:
                yield
            finally:
                rest = loop.time() - began
        finally:
            loop.call_later(rest, self._next)

    @asynccontextmanager
    async def reading(self, text: str | bytes, sender: str) -> AsyncIterator[None]:
        """Hold a turn for a text longer than SMALL; enter at once for any other. Raises TooManyRequests."""
        if len(text) <= SMALL:
            yield
            return
        async with self.turn(sender):
            yield

    async def _wait(self, asker: list[Asker]) -> None:
        try:
            place = self._queue.join(lambda: asker)
        except QueueFull:
            raise TooManyRequests(_RETRY_SECONDS) from None
        try:
            await place.given
        except asyncio.CancelledError:
            if not place.given.cancelled():
                self._next()  # cancelled just as the turn was given: pass it on
            raise
        finally:
            self._queue.leave(place)

    def _next(self) -> None:
        """Give the turn to the next waiting task, if there is one."""
        place = self._queue.first()
        if place is None:
            self._taken = False
        else:
            place.given.set_result(None)
