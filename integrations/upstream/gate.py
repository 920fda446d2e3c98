"""What every attempt passes before it is sent: the queue in front of the pace of its key, then the breaker of its kind.

What is held back here was not sent, for certain. Calls of a checkout (mutations, and reads while one is driven) come
before everything else, a booking before browsing, and whoever has had their share before whoever has had more.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from booking.fair_queue import Asker, QueueFull
from booking.pacing import Lane, Pacer, Turn
from booking.work_context import current_work
from integrations.upstream.breaker import Breaker, Breakers, unanswered
from integrations.upstream.errors import CallError, HeldBack, RateLimited, Unrecorded
from integrations.upstream.send_queue import BackedOff, Connections, SendQueue
from integrations.upstream.transport import Request

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Seconds that an attempt waits for its turn where nobody has a deadline for it. A read waits inside its budget and must still be
# answered in it. A mutation waits before its timeout begins: with it, and the reads around it, a step of a checkout still ends
# within its budget.
READ_PATIENCE = 5.0
MUTATION_PATIENCE = 2.0

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
        self._connections = Connections()
        self._queues: dict[str, SendQueue] = {}  # as many as the practice has keys

    async def through(self, request: Request, key: str, send: Callable[[], Awaitable[T]]) -> T:
        """What `send` brings, once it may be sent on the key of this fingerprint. Raises HeldBack, and what `send` does."""
        breaker = self._breakers.of(request) if self._breakers is not None else None
        if breaker is not None:  # nobody waits for a turn to be told no
            breaker.check(request.operation, urgent=_is_urgent(request))
        turn = await self._turn(self._pacer, request, key) if self._pacer is not None else None
        sending = self._sent(request, key, send, breaker=breaker, turn=turn)
        if (turn and turn.asks) or (breaker and not breaker.closed):
            # It finds out for everybody: whoever hangs up meanwhile is not to keep them from the answer.
            return await asyncio.shield(asyncio.ensure_future(sending))
        return await sending

    async def _sent(
        self,
        request: Request,
        key: str,
        send: Callable[[], Awaitable[T]],
        *,
        breaker: Breaker | None,
        turn: Turn | None,
    ) -> T:
        """What `send` brings, heard by whoever learns from it."""
        passing = breaker.passing(request.operation, urgent=_is_urgent(request)) if breaker else nullcontext()
        try:
            with passing:
                result = await send()
        except CallError as error:
            await self._heard(key, turn, error)
            raise
        finally:
            if turn is not None:
                self._connections.free()
        await self._heard(key, turn, None)
        return result

    async def _turn(self, pacer: Pacer, request: Request, key: str) -> Turn:
        """Wait in the queue. Raises HeldBack."""
        if key not in self._queues:
            self._queues[key] = SendQueue(key, pacer=pacer, connections=self._connections)
        work, now = current_work.get(), asyncio.get_running_loop().time()
        askers, end = work.askers, work.deadline
        if request.mutation:
            checkout = [Asker(sender=work.sender, lane=Lane.CHECKOUT)]
            askers, end = lambda: checkout, now + MUTATION_PATIENCE
        elif end is None and work.sharers is None:
            end = now + READ_PATIENCE
        try:
            return await self._queues[key].turn(askers, end=end)
        except BackedOff:
            raise HeldBack(request.operation, "backed_off") from None
        except (QueueFull, TimeoutError):
            raise HeldBack(request.operation, "no_turn") from None

    async def _heard(self, key: str, turn: Turn | None, error: CallError | None) -> None:
        """Learn from an answer: too many requests begin or lengthen a back-off, any other ends it."""
        pacer = self._pacer
        if pacer is None or turn is None:
            return
        if isinstance(error, RateLimited):
            off = await pacer.back_off(key)
            until = datetime.fromtimestamp(off.until, UTC).isoformat(timespec="seconds")
            log.warning("upstream.backed_off", key=key, times=off.times, until=until)
            if self._alarm is not None:
                await self._alarm(key, datetime.fromtimestamp(off.since, UTC))
        elif turn.asks and not isinstance(error, Unrecorded | HeldBack) and not (error and unanswered(error)):
            log.info("upstream.back_off_over", key=key)
            await pacer.recovered(key)


def _is_urgent(request: Request) -> bool:
    return request.mutation or current_work.get().urgent
