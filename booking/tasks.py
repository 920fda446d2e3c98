"""Structured task shutdown: cancel tasks and wait for their end, since a cancelled task holds its resources until then."""

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any, TypeVar, overload

A = TypeVar("A")
B = TypeVar("B")


async def cancel_and_wait(tasks: Collection["asyncio.Task[Any]"], *, grace: float = 0.0) -> None:
    """Give the tasks `grace` seconds to end, cancel the rest, and return when all have ended.

    Never raises a task's exception; it stays on the task and counts as retrieved. If the caller is cancelled while it waits,
    the tasks are left cancelled and the wait ends.
    """
    for task in tasks:
        task.add_done_callback(_retrieve)
    try:
        if tasks and grace:
            await asyncio.wait(tasks, timeout=grace)
    finally:
        running = [task for task in tasks if not task.done()]
        for task in running:
            task.cancel()
    if running:
        await asyncio.wait(running)


@overload
async def gather_or_cancel(
    first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B], /
) -> tuple[A, B]: ...
@overload
async def gather_or_cancel(*work: Coroutine[Any, Any, A]) -> tuple[A, ...]: ...
async def gather_or_cancel(*work: Coroutine[Any, Any, Any]) -> tuple[Any, ...]:
    """Run the coroutines concurrently and return their results in order.

    Like `asyncio.gather`, except that nothing outlives the call: when one fails, or the caller is cancelled, the others are
    cancelled and have ended before this raises. Raises the first failure itself, not an exception group.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return tuple(task.result() for task in tasks)


def _retrieve(task: "asyncio.Task[Any]") -> None:
    """Retrieve the exception, so that asyncio does not log it as never retrieved."""
    if not task.cancelled():
        task.exception()
