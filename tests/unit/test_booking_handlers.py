"""Handlers are others' code: whatever one does, it is an event that was not taken, and no end of the worker."""

import asyncio
import sys
from datetime import UTC, datetime

import pytest

from booking.events.deliveries import DeliveryFailed
from booking.events.handlers import HandlerFunction, InstalledHandler, handler
from booking.events.model import DomainEvent, EventName
from booking.resources import Kind, Resource

EVENT = DomainEvent(
    id="evt_0123456789abcdef",
    name=EventName.APPOINTMENT_CREATED,
    at=datetime(2027, 1, 4, 15, 0, tzinfo=UTC),
    resource=Resource(kind=Kind.VISIT, id="7"),
)


async def exits(_: DomainEvent) -> None:
    sys.exit("a command was called as if it were a function")


async def waits_for_what_was_cancelled(_: DomainEvent) -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    task.cancel()
    await task


async def waits(_: DomainEvent) -> None:
    await asyncio.Event().wait()


def installed(work: HandlerFunction) -> InstalledHandler:
    return InstalledHandler(name="sample", handler=handler()(work))


@pytest.mark.parametrize("work", [exits, waits_for_what_was_cancelled])
async def test_what_is_no_error_to_python_is_one_here(work: HandlerFunction) -> None:
    with pytest.raises(DeliveryFailed):
        await installed(work).deliver(EVENT)


async def test_a_handler_can_still_be_cancelled() -> None:
    delivering = asyncio.create_task(installed(waits).deliver(EVENT))
    await asyncio.sleep(0)
    delivering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivering
