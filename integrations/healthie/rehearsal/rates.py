"""How fast a key may ask: steps of a rising rate until one request is refused.

Asked last, when everything was given back: a refusal may begin a lockout of an hour.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from integrations.healthie.rehearsal.asking import LockedOut, Unknown

FIRST = 2.0  # requests a second
FACTOR = 2.0
SECONDS = 3.0  # of each step
NEARLY = 0.9  # of a rate is that rate: sleeping is not exact
REST = 5.0  # seconds after a refusal: a longer one is a lockout

Look = Callable[
    [], Awaitable[object]
]  # one cheap request, not held back by our own pace; raises LockedOut, Unknown
Sleep = Callable[[float], Awaitable[object]]


async def measure(
    look: Look, up_to: float, *, sleep: Sleep = asyncio.sleep, clock: Callable[[], float] = time.monotonic
) -> dict[str, Any]:
    """Ask faster and faster, at most `up_to` requests a second.

    Returns `held`, the highest rate without a refusal (None: even the first was refused), `refused`, the rate that was (None:
    none), and `lockout`, whether requests were still refused afterwards. Ends where Healthie does not answer, which is no rate
    that held, and where this machine asks no faster.
    """
    held: float | None = None
    for rate in _steps(up_to):
        try:
            reached = await _step(look, rate, sleep, clock)
        except LockedOut:
            return {"held": held, "refused": rate, "lockout": await _is_locked_out(look, sleep)}
        except Unknown:
            break
        held = max(reached, held or 0.0)
        if reached < rate:
            break
    return {"held": held, "refused": None, "lockout": False}


def _steps(up_to: float) -> Iterator[float]:
    rate = min(FIRST, up_to)
    while rate < up_to:
        yield rate
        rate *= FACTOR
    yield up_to


async def _step(look: Look, rate: float, sleep: Sleep, clock: Callable[[], float]) -> float:
    """Send at this rate for a while. Returns the rate that was reached. Raises LockedOut, and Unknown, at the first refusal."""
    sent: set[asyncio.Future[object]] = set()
    count, began = max(1, round(rate * SECONDS)), clock()
    try:
        for _ in range(count):
            sent.add(asyncio.ensure_future(look()))
            await sleep(1 / rate)
            for done in [each for each in sent if each.done()]:
                sent.discard(done)
                done.result()
        took = clock() - began
        for each in sent:
            await each
    finally:
        for each in sent:
            each.cancel()
        await asyncio.gather(*sent, return_exceptions=True)
    return rate if took * rate * NEARLY <= count else count / took


async def _is_locked_out(look: Look, sleep: Sleep) -> bool:
    await sleep(REST)
    try:
        await look()
    except LockedOut:
        return True
    except Unknown:
        pass
    return False
