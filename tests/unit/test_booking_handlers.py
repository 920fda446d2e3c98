"""Handlers are others' code: whatever one does, it is an event that was not taken, and no end of the worker."""

import asyncio
import sys
from datetime import UTC, datetime

import pytest

from booking.handlers import InstalledHandler, Work, handler
from booking.happenings import Happening, Name
from booking.subscribers import NotTold
from booking.watched import Kind, Resource

EVENT = Happening(
    id="evt_0123456789abcdef",
    name=Name.APPOINTMENT_CREATED,
    at=datetime(2027, 1, 4, 15, 0, tzinfo=UTC),
    resource=Resource(kind=Kind.VISIT, id="7"),
)


async def exits(_: Happening) -> None:
    sys.exit("a command was called as if it were a function")


async def waits_for_what_was_cancelled(_: Happening) -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    task.cancel()
    await task


async def waits(_: Happening) -> None:
    await asyncio.Event().wait()


def installed(work: Work) -> InstalledHandler:
    return InstalledHandler(name="sample", handler=handler()(work))


@pytest.mark.parametrize("work", [exits, waits_for_what_was_cancelled])
async def test_what_is_no_error_to_python_is_one_here(work: Work) -> None:
    with pytest.raises(NotTold):
        await installed(work).tell(EVENT)


async def test_a_handler_can_still_be_cancelled() -> None:
    telling = asyncio.create_task(installed(waits).tell(EVENT))
    await asyncio.sleep(0)
    telling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling
