"""Shared reads: each subscribed thing has one task that reads its state and wakes all of its subscribers.

So any number of subscribers to the same thing cost one read for each change.
"""

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable, Collection, Hashable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import structlog

from booking.change_signals import Listener, LocalChangeSignals
from booking.errors import SubscriptionLimitReached
from booking.work_context import WorkContext, current_work, shared_by

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# A topic that no change signal carries: a new subscriber has come, and must get a reading that began after it did.
NEWCOMER = "newcomer"

# Seconds to wait after a reading that failed: doubled each time (exponential backoff).
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0

# Seconds for which readings may fail before subscribers that already have a state get the error.
_PATIENCE = 60.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Reading(Generic[V]):
    """A state that was read."""

    state: V
    again: float | None = None  # seconds after which to read again without a change signal


class Source(Protocol[V]):
    """Reads the state of one thing."""

    @property
    def topics(self) -> Collection[str]:
        """The topics of change signals after which the state may differ."""

    async def read(self, changed_topics: Collection[str]) -> Reading[V]:
        """Read its present state; `changed_topics` were signalled since the last successful read, perhaps with NEWCOMER."""


@dataclass(kw_only=True, eq=False)
class _SharedRead(Generic[V]):
    source: Source[V]
    listener: Listener
    begun: int = 0  # the number of the reading that began last
    latest: Reading[V] | None = None
    latest_number: int = 0  # of the reading that `latest` came from
    error: Exception | None = None  # of the last reading
    failing_since: float | None = None  # the event loop's time
    # What wakes each, and who it is.
    subscribers: dict[asyncio.Event, WorkContext] = field(default_factory=dict)


class SharedReads(Generic[K, V]):
    """The subscribed things of one kind in this process."""

    def __init__(self, *, change_signals: LocalChangeSignals, most: int) -> None:
        """At most `most` distinct things at once, each with any number of subscribers."""
        self._change_signals = change_signals
        self._most = most
        self._things: dict[K, _SharedRead[V]] = {}
        self._tasks: dict[K, asyncio.Task[None]] = {}

    async def watch(self, key: K, source: Callable[[], Source[V]]) -> AsyncGenerator[V, None]:
        """The state of a reading that began after this call, then each further state that differs from the last one yielded.

        A slow consumer gets the latest state and not all of them. Raises what the reading raises: at once for the first reading, later
        only when the state could not be read for a minute. Raises SubscriptionLimitReached.
        """
        thing = self._join(key, source)
        wake = asyncio.Event()
        thing.subscribers[wake] = current_work.get()
        try:
            wanted = thing.begun + 1
            thing.listener.notify(NEWCOMER)
            yielded: tuple[V] | None = None
            while True:
                await wake.wait()
                wake.clear()
                if thing.latest is not None and thing.latest_number >= wanted:
                    if yielded != (thing.latest.state,):
                        yielded = (thing.latest.state,)
                        yield thing.latest.state
                elif thing.error is not None and thing.begun >= wanted:
                    raise thing.error
                if thing.error is not None and _has_failed_long(thing):
                    raise thing.error
        finally:
            del thing.subscribers[wake]
            if not thing.subscribers and self._things.get(key) is thing:
                del self._things[key]
                self._tasks.pop(key).cancel()

    def _join(self, key: K, source: Callable[[], Source[V]]) -> _SharedRead[V]:
        if key not in self._things:
            if len(self._things) >= self._most:
                raise SubscriptionLimitReached
            made = source()
            self._things[key] = thing = _SharedRead(source=made, listener=Listener(made.topics))
            # In an empty context: the task outlives the subscriber that started it.
            self._tasks[key] = asyncio.create_task(self._read(thing), context=contextvars.Context())
        return self._things[key]

    async def _read(self, thing: _SharedRead[V]) -> None:
        """Read at every change signal, and when the last reading asked for it, until cancelled."""
        unread: frozenset[str] = frozenset()
        again: float | None = None
        wait = _FIRST_WAIT
        with self._change_signals.subscribe(thing.listener), shared_by(thing.subscribers.values()):
            while True:
                unread |= await thing.listener.wait_for_changes(within=again)
                thing.begun += 1
                begun = thing.begun
                try:
                    reading = await thing.source.read(unread)
                except Exception as error:  # noqa: BLE001  # raised to subscribers; only its type is logged, its text may quote parameters
                    log.warning("live_query.read_failed", error=type(error).__name__)
                    thing.error = error
                    thing.failing_since = thing.failing_since or _time()
                    again, wait = wait, min(2 * wait, _LONGEST_WAIT)
                else:
                    thing.latest, thing.latest_number = reading, begun
                    thing.error, thing.failing_since = None, None
                    unread, again, wait = frozenset(), reading.again, _FIRST_WAIT
                for wake in thing.subscribers:
                    wake.set()


def _time() -> float:
    return asyncio.get_running_loop().time()


def _has_failed_long(thing: _SharedRead[V]) -> bool:
    return thing.failing_since is not None and _time() - thing.failing_since > _PATIENCE
