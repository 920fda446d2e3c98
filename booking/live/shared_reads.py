"""What many watch is read once: each thing has one task that reads its present state, and tells all who watch it."""

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

# A topic that no poke has: somebody new watches, and is to have the state of this moment.
NEWCOMER = "newcomer"

# After a reading that failed, doubled each time.
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0

# Who has a state keeps it for so long while it cannot be read anew; then they are told.
_PATIENCE = 60.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Reading(Generic[V]):
    """A state that was read."""

    state: V
    again: float | None = None  # seconds after which to read again though nobody poked


class Source(Protocol[V]):
    """Reads one thing."""

    @property
    def topics(self) -> Collection[str]:
        """What of it may be poked."""

    async def read(self, changed_topics: Collection[str]) -> Reading[V]:
        """Its present state; `rung` are the topics that were poked since it was last read, and perhaps NEWCOMER."""


@dataclass(kw_only=True, eq=False)
class _Thing(Generic[V]):
    source: Source[V]
    listener: Listener
    begun: int = 0  # readings
    seen: Reading[V] | None = None
    read: int = 0  # the reading that saw it
    error: Exception | None = None  # of the last reading
    failing_since: float | None = None
    watchers: dict[asyncio.Event, WorkContext] = field(default_factory=dict)  # their bells, and who they are


class SharedReads(Generic[K, V]):
    """The things of one kind that are watched in this process."""

    def __init__(self, *, change_signals: LocalChangeSignals, most: int) -> None:
        """`most` things are watched at once, by any number each."""
        self._change_signals = change_signals
        self._most = most
        self._things: dict[K, _Thing[V]] = {}
        self._tasks: dict[K, asyncio.Task[None]] = {}

    async def watch(self, key: K, source: Callable[[], Source[V]]) -> AsyncGenerator[V, None]:
        """The state of a reading that began after this call, then each further state that differs from the last one given.

        Who takes them slowly is given the latest and not all of them. Raises what the reading raises: at once the first time, and later
        when the state cannot be read for a minute. Raises SubscriptionLimitReached.
        """
        thing = self._joined(key, source)
        bell = asyncio.Event()
        thing.watchers[bell] = current_work.get()
        try:
            wanted = thing.begun + 1
            thing.listener.notify(NEWCOMER)
            given: tuple[V] | None = None
            while True:
                await bell.wait()
                bell.clear()
                if thing.seen is not None and thing.read >= wanted:
                    if given != (thing.seen.state,):
                        given = (thing.seen.state,)
                        yield thing.seen.state
                elif thing.error is not None and thing.begun >= wanted:
                    raise thing.error
                if thing.error is not None and _has_failed_long(thing):
                    raise thing.error
        finally:
            del thing.watchers[bell]
            if not thing.watchers and self._things.get(key) is thing:
                del self._things[key]
                self._tasks.pop(key).cancel()

    def _joined(self, key: K, source: Callable[[], Source[V]]) -> _Thing[V]:
        if key not in self._things:
            if len(self._things) >= self._most:
                raise SubscriptionLimitReached
            made = source()
            self._things[key] = thing = _Thing(source=made, listener=Listener(made.topics))
            # Nobody's in particular: who asked first may leave first.
            self._tasks[key] = asyncio.create_task(self._read(thing), context=contextvars.Context())
        return self._things[key]

    async def _read(self, thing: _Thing[V]) -> None:
        """Read when there is word, until cancelled."""
        missed: frozenset[str] = frozenset()
        again: float | None = None
        wait = _FIRST_WAIT
        with self._change_signals.subscribe(thing.listener), shared_by(thing.watchers.values()):
            while True:
                missed |= await thing.listener.heard(within=again)
                thing.begun += 1
                begun = thing.begun
                try:
                    seen = await thing.source.read(missed)
                except Exception as error:  # noqa: BLE001  # told to those who watch; its text may hold what was asked
                    log.warning("live_query.read_failed", error=type(error).__name__)
                    thing.error = error
                    thing.failing_since = thing.failing_since or _time()
                    again, wait = wait, min(2 * wait, _LONGEST_WAIT)
                else:
                    thing.seen, thing.read, thing.error, thing.failing_since = seen, begun, None, None
                    missed, again, wait = frozenset(), seen.again, _FIRST_WAIT
                for bell in thing.watchers:
                    bell.set()


def _time() -> float:
    return asyncio.get_running_loop().time()


def _has_failed_long(thing: _Thing[V]) -> bool:
    return thing.failing_since is not None and _time() - thing.failing_since > _PATIENCE
