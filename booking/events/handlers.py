"""Event handlers: the practice's own async functions, which workers call with each event.

docs/events.md says how to install them.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from booking.events.deliveries import DeliveryFailed
from booking.events.model import DomainEvent, EventName

# What packages with handlers may import; the rest of this module is for the program.
__all__ = ["Handler", "HandlerFunction", "handler"]

HandlerFunction = Callable[[DomainEvent], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Handler:
    """A function with the events that it wants, as made by `@handler`."""

    work: HandlerFunction
    events: frozenset[EventName] | None  # None: all

    async def __call__(self, event: DomainEvent) -> None:
        """Call the function."""
        await self.work(event)


def handler(*events: EventName) -> Callable[[HandlerFunction], Handler]:
    """Decorate an async function as a handler of these events, or of all when none is named.

    Delivery is at least once: the function may be called twice with the same `event.id`, so make it idempotent. A call has 30
    seconds. If it raises, it is called again later; of the exception only the type is stored. Raises TypeError for a function
    that is not async.
    """

    def decorate(work: HandlerFunction) -> Handler:
        # A decorator between the two may return a plain function that gives the coroutine.
        if inspect.isfunction(inspect.unwrap(work)) and not inspect.iscoroutinefunction(inspect.unwrap(work)):
            raise TypeError(f"{work.__name__} must be async: write `async def {work.__name__}`")
        return Handler(work=work, events=frozenset(events) or None)

    return decorate


@dataclass(frozen=True, kw_only=True)
class InstalledHandler:
    """A handler under the name of its entry point; implements Subscriber."""

    name: str
    handler: Handler

    @property
    def id(self) -> str:
        """The subscriber id; its cursor is stored under it."""
        return f"handler:{self.name}"

    @property
    def events(self) -> frozenset[EventName] | None:
        """Names of the events to deliver; None means all."""
        return self.handler.events

    async def deliver(self, event: DomainEvent) -> None:
        """Call the handler. Raises what it raises.

        SystemExit and a CancelledError of its own become DeliveryFailed: the first would end the worker, the second would pass
        for a cancellation of the dispatcher's task.
        """
        try:
            await self.handler(event)
        except SystemExit:
            raise DeliveryFailed("SystemExit") from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # the dispatcher cancels this task
            raise DeliveryFailed("CancelledError") from None  # of a task that the handler awaited
