"""Early checks: runs `Saga.check_early` in the background for a parked checkout, when a webhook names its payment or visit.

The caller does not wait. A request may be lost in a crash, or dropped when too many wait; the row is then driven when it is due.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog

from booking.tasks import cancel_and_wait

# Concurrent checks: each may go on to charge or book for a minute, beside the drives of the worker.
AT_ONCE = 8

# Queued checkouts: more than are paid for at once in any practice. Beyond it a request is dropped, and the row waits
# until it is due.
MOST_WAITING = 1000

log = structlog.get_logger(__name__)


class EarlyChecks:
    """Runs requested checks in the background, at most one at a time for each checkout."""

    def __init__(self, *, check: Callable[[str], Coroutine[Any, Any, None]], at_once: int = AT_ONCE) -> None:
        """`check` is called with a checkout's id; `at_once` bounds the concurrent checks."""
        self._check = check
        self._at_once = at_once
        self._waiting: dict[str, None] = {}  # in the order of the requests
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    def request(self, checkout_id: str) -> None:
        """Queue a check and return at once.

        A request for a checkout that is queued already is merged with it; one for a checkout that is being checked queues
        another.
        """
        if self._closed:
            return
        if checkout_id not in self._waiting and len(self._waiting) >= MOST_WAITING:
            log.warning("checkout.early_check_dropped", checkout=checkout_id)
            return
        self._waiting[checkout_id] = None
        self._start()

    async def drain(self) -> None:
        """Wait until no check is queued or running."""
        while self._under_way:
            await asyncio.wait(self._under_way.values())

    async def aclose(self, *, within: float) -> None:
        """Start no further check, wait `within` seconds for the running ones, and cancel the rest.

        A worker takes up a checkout whose check was cancelled, when its lease has run out.
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
