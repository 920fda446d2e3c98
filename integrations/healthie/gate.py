"""What every attempt passes before it is sent: the breaker of its kind, then the pace of its key.

What is held back here was not sent, for certain. Calls of a checkout (mutations, and reads while one is driven) come
before browsing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from booking.current import current_work
from booking.pacing import Pacer, Turn
from integrations.healthie.breaker import Breakers, unanswered
from integrations.healthie.errors import HealthieError, HeldBack, RateLimited, Unrecorded
from integrations.healthie.transport import Request

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Seconds that an attempt waits for its turn. A read waits inside its budget and must still be answered in it. A mutation waits
# before its timeout begins: with it, and the reads around it, a step of a checkout still ends within its budget.
READ_PATIENCE = 5.0
MUTATION_PATIENCE = 2.0

# Clocks round: a wait of less could end before its time, and ask again and again.
SHORTEST_SLEEP = 0.001

# Told that a key is locked out, and since when: the same moment for every refusal of one lockout.
Alarm = Callable[[str, datetime], Awaitable[None]]


class Gate:
    """Lets attempts through. Without `pacer` or `breakers` that part is off."""

    def __init__(
        self, *, pacer: Pacer | None = None, breakers: Breakers | None = None, alarm: Alarm | None = None
    ) -> None:
        self._pacer = pacer
        self._breakers = breakers
        self._alarm = alarm
        self._queues: dict[
            tuple[str, bool], asyncio.Lock
        ] = {}  # in each, one asks and the others stand behind

    async def through(self, request: Request, key: str, send: Callable[[], Awaitable[T]]) -> T:
        """What `send` brings, once it may be sent on the key of this fingerprint. Raises HeldBack, and what `send` does."""
        urgent = request.mutation or current_work.get().urgent
        breaker = (
            self._breakers.of(request).passing(request.operation, urgent=urgent) if self._breakers else None
        )
        with breaker or nullcontext():
            if self._pacer is None:
                return await send()
            turn = await self._turn(self._pacer, request, key, urgent=urgent)
            try:
                result = await send()
            except HealthieError as error:
                await self._heard(self._pacer, key, turn, error)
                raise
            await self._heard(self._pacer, key, turn, None)
            return result

    async def _turn(self, pacer: Pacer, request: Request, key: str, *, urgent: bool) -> Turn:
        """Stand in the queue, and wait for the pace. Raises HeldBack."""
        loop = asyncio.get_running_loop()
        end = loop.time() + (MUTATION_PATIENCE if request.mutation else READ_PATIENCE)
        queue = self._queues.setdefault((key, urgent), asyncio.Lock())
        try:
            async with asyncio.timeout_at(end), queue:
                while (turn := await pacer.turn(key, urgent=urgent)).wait > 0:
                    if turn.backed_off:
                        raise HeldBack(request.operation, "backed_off")
                    if loop.time() + turn.wait > end:
                        raise HeldBack(request.operation, "no_turn")
                    await asyncio.sleep(max(turn.wait, SHORTEST_SLEEP))
        except TimeoutError:
            raise HeldBack(request.operation, "no_turn") from None
        return turn

    async def _heard(self, pacer: Pacer, key: str, turn: Turn, error: HealthieError | None) -> None:
        """Learn from an answer: too many requests begin or lengthen a back-off, any other ends it."""
        if isinstance(error, RateLimited):
            off = await pacer.back_off(key)
            until = datetime.fromtimestamp(off.until, UTC).isoformat(timespec="seconds")
            log.warning("healthie.backed_off", key=key, times=off.times, until=until)
            if self._alarm is not None:
                await self._alarm(key, datetime.fromtimestamp(off.since, UTC))
        elif turn.asks and not isinstance(error, Unrecorded) and not (error and unanswered(error)):
            log.info("healthie.back_off_over", key=key)
            await pacer.recovered(key)
