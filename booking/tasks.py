"""Ending tasks together with what they stand on: a cancelled task has given back what it had open only when it has ended, too."""

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any, TypeVar, overload

A = TypeVar("A")
B = TypeVar("B")


async def cancel_and_wait(tasks: Collection["asyncio.Task[Any]"], *, grace: float = 0.0) -> None:
    """Cancel the tasks that do not end by themselves within `grace` seconds, and return when all have ended.

    Raises nothing of theirs: each task tells what it raised, and nobody has to ask it. Who is cancelled while they wait here leaves
    the tasks cancelled, and waits no longer.
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
    """The results of work that is done at the same time, in its order.

    `asyncio.gather`, except that none of it outlives this: when one fails, or the caller is cancelled, the others are cancelled and have
    ended before this raises. Raises the first failure as it is, without the group around it.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return tuple(task.result() for task in tasks)


def _retrieve(task: "asyncio.Task[Any]") -> None:
    """Take the exception, so that asyncio does not report it as one that was never retrieved."""
    if not task.cancelled():
        task.exception()
