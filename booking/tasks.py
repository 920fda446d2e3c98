"""How tasks end with what they stand on: a cancelled task has given back what it had open only when it has ended, too."""

import asyncio
from collections.abc import Collection
from typing import Any


async def end(tasks: Collection["asyncio.Task[Any]"], *, within: float = 0.0) -> None:
    """Let the tasks end by themselves within so many seconds, cancel those that have not, and wait until these have ended.

    What they raise stays theirs.
    """
    if tasks and within:
        await asyncio.wait(tasks, timeout=within)
    late = [task for task in tasks if not task.done()]
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late)
