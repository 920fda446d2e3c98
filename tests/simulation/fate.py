"""What can happen to a process: it is killed, or frozen and goes on later; and the plan that says when.

A process is nothing to the world but what it writes and sends. Each of these goes through `Fate.meet`, before and
after; a killed process gets no further there, ever, whatever its handlers try, and a frozen one waits there.
"""

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from booking.errors import UpstreamUnavailable
from tests.simulation.virtual_loop import VirtualLoop


class Killed(BaseException):
    """The process is no more. Not an Exception: nobody handles it."""


class Trouble(StrEnum):
    """What can go wrong at a point."""

    KILL = "kill"
    FREEZE = "freeze"  # and thaw after the lease has run out
    # of an upstream call
    LOST_REQUEST = "lost_request"  # not executed; the connection breaks
    NO_CONNECTION = "no_connection"  # not executed; nothing was sent
    SWALLOWED = "swallowed"  # not executed; no answer ever
    LOST_ANSWER = "lost_answer"  # executed; the connection breaks
    SILENCE = "silence"  # executed; no answer ever
    LATE = "late"  # executed after the caller gave up, before it looks
    VERY_LATE = "very_late"  # executed minutes to hours after the caller gave up
    SERVER_ERROR = "server_error"  # not executed; 503
    GATEWAY_ERROR = "gateway_error"  # executed; 502
    THROTTLED = "throttled"  # not executed; TOO_MANY_REQUESTS
    NOT_JSON = "not_json"  # not executed; 404 in plain text
    TRUNCATED = "truncated"  # executed; half an answer
    SLOW = "slow"  # executed at once; answered just before the caller gives up
    KEY_IN_USE = "key_in_use"  # Stripe says so; not executed
    LOCK_TIMEOUT = "lock_timeout"  # Stripe says so; not executed
    # of the hold store
    HOLDS_EMPTIED = "holds_emptied"
    HOLDS_DOWN = "holds_down"  # it does not answer: what was asked was not done, or was done all the same
    # of the process's clock
    CLOCK_JUMP = "clock_jump"


class Plan(Protocol):
    """Says what happens where."""

    def trouble(self, process: str, point: str) -> Trouble | None:
        """What happens to this process at this point now."""

    def seconds(self, low: float, high: float) -> float:
        """How long something takes, between these bounds."""


@dataclass(kw_only=True)
class Trace:
    """Everything that happened, in order: two runs of one seed have the same."""

    loop: VirtualLoop
    lines: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def say(self, who: str, what: str) -> None:
        self.lines.append(f"{self.loop.elapsed:12.6f} {who}: {what}")

    def trouble(self, who: str, what: Trouble, point: str) -> None:
        self.troubles.append(what)
        self.say(who, f"TROUBLE {what} at {point}")


current: contextvars.ContextVar["Fate | None"] = contextvars.ContextVar("process", default=None)

# Longer than a lease, so that somebody else has taken over when the process goes on.
FROZEN = (95.0, 200.0)

# Clocks that are synchronised at all differ by less.
LARGEST_JUMP = 120.0


class Fate:
    """One process: its name, its tasks, its clock, and what it has met."""

    def __init__(self, name: str, *, loop: VirtualLoop, plan: Plan, trace: Trace) -> None:
        self.name = name
        self.loop = loop
        self.plan = plan
        self.trace = trace
        self.alive = True
        self.ended: asyncio.Future[None] = loop.create_future()
        self.tasks: set[asyncio.Task[Any]] = set()
        self.thaws_at = 0.0
        self.clock_ahead = timedelta()
        self.empty_holds: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        """Answer what the process's clock shows: the port Clock."""
        return self.loop.now() + self.clock_ahead

    def assert_alive(self) -> None:
        """Raise Killed in a process that is no more."""
        if not self.alive:
            raise Killed

    async def meet(self, point: str) -> None:
        """Pass a point at which the process touches the world, if it may."""
        self.assert_alive()
        trouble = self.plan.trouble(self.name, point)
        if trouble is not None:
            self.strike(trouble, point)
        await asyncio.sleep(self.plan.seconds(0.0005, 0.01))
        await self.thawed()

    def strike(self, trouble: Trouble, point: str) -> None:
        """Let it happen. Raises Killed, UpstreamUnavailable."""
        self.trace.trouble(self.name, trouble, point)
        if trouble is Trouble.KILL:
            self.kill()
            raise Killed
        if trouble is Trouble.FREEZE:
            self.thaws_at = self.loop.time() + self.plan.seconds(*FROZEN)
        elif trouble is Trouble.CLOCK_JUMP:
            self.clock_ahead = timedelta(seconds=round(self.plan.seconds(-LARGEST_JUMP, LARGEST_JUMP), 3))
        elif trouble is Trouble.HOLDS_EMPTIED:
            self.empty_holds()
        elif trouble is Trouble.HOLDS_DOWN:
            raise UpstreamUnavailable("hold store")  # as the Redis adapter says it

    async def thawed(self) -> None:
        """Wait while the process is frozen. Raises Killed."""
        while self.loop.time() < self.thaws_at:  # noqa: ASYNC110 - it may be frozen anew, and virtual time costs nothing
            await asyncio.sleep(self.thaws_at - self.loop.time())
        self.assert_alive()

    def kill(self) -> None:
        """End the process: nothing of it has an effect any more."""
        self.alive = False
        self.trace.say(self.name, "is killed")
        for task in list(self.tasks):
            task.cancel()
        if not self.ended.done():
            self.ended.set_result(None)


def task_factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    """Make a task and count it to its process."""
    task = asyncio.Task(coroutine, loop=loop, **options)
    context = options.get("context")
    process = context.get(current) if context is not None else current.get()
    if process is not None:
        process.tasks.add(task)
        task.add_done_callback(process.tasks.discard)
    return task
