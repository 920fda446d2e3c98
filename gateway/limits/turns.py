"""Whose new document is looked at next.

Looking at one takes up to some 25 ms in which nobody else is served. So one is looked at after the other, and after each the
process is everybody else's for as long as that took: whoever sends nothing but new documents has half of it at most, and a
request whose document is known waits for one of them and not for one at each of its own steps. Senders take turns: a flood
waits for itself.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from schema.errors import RequestError

# Of one sender, waiting: a second or two of work. An app has some dozens of documents, and each is new once.
MOST_WAITING = 50


class TooManyWaiting(RequestError):
    """More new documents of one sender than are looked at in a moment."""

    code = "RATE_LIMITED"
    message = "Too many new documents at once. Please try again in a moment."
    status = 429
    retryable = True

    def __init__(self) -> None:
        super().__init__()
        self.headers = {"Retry-After": "1"}
        self.details = {"retryAfter": 1}


class Turns:
    """One at a time, senders in turn, and a rest after each that is as long as it took."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = (
            OrderedDict()
        )  # whose turn is next first

    @asynccontextmanager
    async def turn(self, sender: str) -> AsyncIterator[None]:
        """Inside nobody else has it; to be used without waiting for anything. Raises TooManyWaiting."""
        if self._taken:
            await self._wait(sender)
        self._taken = True
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            yield
        finally:
            loop.call_later(loop.time() - began, self._next)

    async def _wait(self, sender: str) -> None:
        line = self._waiting.setdefault(sender, deque())
        if len(line) >= MOST_WAITING:
            raise TooManyWaiting
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._next()  # it had come to them, and they were gone
            raise

    def _next(self) -> None:
        """Give the turn to the first of the sender who has waited longest for one."""
        while self._waiting:
            sender, line = self._waiting.popitem(last=False)
            place = line.popleft()
            if line:
                self._waiting[sender] = line  # behind all others
            if not place.done():  # else whoever waited has left
                place.set_result(None)
                return
        self._taken = False
