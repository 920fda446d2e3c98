"""Handlers: functions of the practice's own that workers call with what happened. How they are installed: docs/events.md."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from booking.events.deliveries import DeliveryFailed
from booking.events.model import DomainEvent, EventName

# What packages with handlers may import; the rest of this module is for the program.
__all__ = ["Handler", "HandlerFunction", "handler"]

HandlerFunction = Callable[[DomainEvent], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Handler:
    """A function that wants to be told."""

    work: HandlerFunction
    events: frozenset[EventName] | None  # None: everything

    async def __call__(self, event: DomainEvent) -> None:
        """Do the function's work."""
        await self.work(event)


def handler(*events: EventName) -> Callable[[HandlerFunction], Handler]:
    """Mark a function as a handler of these events, or of all when none is named.

    It is called at least once for each event, may be called twice for the same `event.id`, and has 30 seconds. An error that it
    raises means that it is called again later; of the error no more than its type is kept.
    """
    return lambda work: Handler(work=work, events=frozenset(events) or None)


@dataclass(frozen=True, kw_only=True)
class InstalledHandler:
    """A handler by the name that it is installed under; a subscriber."""

    name: str
    handler: Handler

    @property
    def id(self) -> str:
        """Where it has got to is kept under this."""
        return f"handler:{self.name}"

    @property
    def events(self) -> frozenset[EventName] | None:
        """What it wants to be told."""
        return self.handler.events

    async def deliver(self, event: DomainEvent) -> None:
        """Call it. Raises whatever it raises; DeliveryFailed for what would otherwise end the worker, or be no failure at all."""
        try:
            await self.handler(event)
        except SystemExit:
            raise DeliveryFailed("SystemExit") from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # it is we who end it
            raise DeliveryFailed("CancelledError") from None  # of something that it waited for
