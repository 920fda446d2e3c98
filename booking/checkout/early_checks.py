"""Checks of checkouts ahead of their time, asked for by whoever learns that something landed upstream, and waits for nothing.

A request may be lost, by a crash or by the bounds here: the row is due at its own time all the same.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog

from booking.tasks import cancel_and_wait

# Checks at once: each may go on to charge or book for a minute, and the worker's own drives go on beside them.
AT_ONCE = 8

# Checkouts that wait for a check. More than patients pay for at once in any practice; beyond it a row keeps its own time.
MOST_WAITING = 1000

log = structlog.get_logger(__name__)


class EarlyChecks:
    """Runs requested checks in the background, each checkout by one at a time."""

    def __init__(self, *, check: Callable[[str], Coroutine[Any, Any, None]], at_once: int = AT_ONCE) -> None:
        """`check` looks at the checkout of an id, and goes on with it."""
        self._check = check
        self._at_once = at_once
        self._waiting: dict[str, None] = {}  # in the order of the requests
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    def request(self, checkout_id: str) -> None:
        """Have the checkout checked soon; returns at once.

        A request while the same checkout waits for its check is that one; a request during its check means another check.
        """
        if self._closed:
            return
        if checkout_id not in self._waiting and len(self._waiting) >= MOST_WAITING:
            log.warning("checkout.early_check_dropped", checkout=checkout_id)
            return
        self._waiting[checkout_id] = None
        self._start()

    async def drain(self) -> None:
        """Wait until nothing waits and nothing is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way.values())

    async def aclose(self, *, within: float) -> None:
        """Start no further check, and let those under way end within so many seconds; the rest is cancelled.

        A checkout whose check is cancelled is taken up by a worker when its lease has run out.
        """
        self._closed = True
        self._waiting.clear()
        await cancel_and_wait([*self._under_way.values()], grace=within)

    def _start(self) -> None:
        for checkout_id in [one for one in self._waiting if one not in self._under_way]:
            if len(self._under_way) >= self._at_once:
                return
            del self._waiting[checkout_id]
            task = self._under_way[checkout_id] = asyncio.create_task(self._check(checkout_id))
            task.add_done_callback(partial(self._ended, checkout_id))

    def _ended(self, checkout_id: str, task: asyncio.Task[None]) -> None:
        del self._under_way[checkout_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("checkout.early_check_failed", checkout=checkout_id, exc_info=error)
        self._start()
