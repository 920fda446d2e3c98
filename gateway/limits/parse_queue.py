"""Whose new document is looked at next, and whose large body or message is read.

That takes up to some 20 ms in which nobody else is served. So one is done after the other, and after each the process is
everybody else's for as long as that took: all who send such things have half of it at most, and any other request waits for
one of them, not for one at each of its own steps. Whose sender has had least of the last turns is next: a flood waits for itself.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from booking.fair_queue import Asker, FairQueue, QueueFull
from booking.work_context import current_work
from gateway.rates import TooManyRequests

# Of one sender, waiting: a second or two of work. An app has some dozens of documents, and each is new once.
MOST_WAITING = 50

# What is read within half a millisecond needs no turn. No app sends more than this; much of it can be read at 40 ns a byte.
SMALL = 10_000

# Whoever is one too many may try again when a part of that is done.
_RETRY_SECONDS = 1


class ParseQueue:
    """One at a time, senders fairly, and a rest after each that is as long as it took."""

    def __init__(self) -> None:
        self._taken = False
        self._given = 0  # turns: the time by which debts wear off, so that it stands still while nobody comes
        self._queue: FairQueue[None] = FairQueue(time=lambda: self._given, most=(MOST_WAITING,))

    @asynccontextmanager
    async def turn(self, sender: str) -> AsyncIterator[None]:
        """Inside nobody else has it; what is done there waits for nothing. Raises TooManyRequests."""
        asker = [Asker(sender=(sender,))]
        if self._taken:
            await self._wait(asker)
        self._taken = True
        self._given += 1
        self._queue.charge(asker, MOST_WAITING)
        loop = asyncio.get_running_loop()
        rest = 0.0
        try:
            await asyncio.sleep(0)  # whoever arrived with it and needs no turn goes first
            began = loop.time()
            try:
                yield
            finally:
                rest = loop.time() - began
        finally:
            loop.call_later(rest, self._next)

    @asynccontextmanager
    async def reading(self, text: str | bytes, sender: str) -> AsyncIterator[None]:
        """A turn for what is large; the rest is read at once. Raises TooManyRequests."""
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
                self._next()  # it had come to them in the same moment
            raise
        finally:
            self._queue.leave(place)

    def _next(self) -> None:
        """Give it to whoever is next."""
        place = self._queue.first()
        if place is None:
            self._taken = False
        else:
            place.given.set_result(None)


def sender() -> str:
    """Whose flood waits for itself in the present request: the network's, or where that is not known the caller's.

    Those of whom neither is known are one.
    """
    work = current_work.get()
    return work.client or work.actor
