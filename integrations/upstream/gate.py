"""Gate: every attempt passes it before it is sent. First the send queue of its key (rate limit), then the breaker of its kind.

A call that is held back here was certainly not sent. Calls of a checkout (mutations, and reads while one is driven) have
priority over everything else, bookings over browsing, and senders within their share over those in excess.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from booking.fair_queue import Asker, QueueFull
from booking.pacing import Lane, Pace, Pacer, Turn
from booking.work_context import current_work, note_send
from integrations.upstream.breaker import Breaker, Breakers, unanswered
from integrations.upstream.errors import CallError, HeldBack, RateLimited, Unrecorded
from integrations.upstream.send_queue import BackedOff, Connections, SendQueue
from integrations.upstream.transport import Request

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Seconds that an attempt waits for its turn when its callers have no deadline. A read waits within its budget and must still be
# answered in it. A mutation waits before its timeout begins; with both, and the reads around it, a step of a checkout still
# ends within its budget.
READ_PATIENCE = 5.0
MUTATION_PATIENCE = 2.0

# Called with the fingerprint of a locked-out key and the start of the lockout, which is the same for all its refusals.
Alarm = Callable[[str, datetime], Awaitable[None]]


class Gate:
    """Lets attempts pass. Without `pacer` there is no rate limit, without `breakers` no circuit breaker."""

    def __init__(
        self, *, pacer: Pacer | None = None, breakers: Breakers | None = None, alarm: Alarm | None = None
    ) -> None:
        self._pacer = pacer
        self._breakers = breakers
        self._alarm = alarm
        self._connections = Connections()
        self._queues: dict[str, SendQueue] = {}  # as many as the practice has keys
        self._told: dict[str, float] = {}  # the rate of each key when it was last logged, or first seen

    async def through(self, request: Request, key: str, send: Callable[[], Awaitable[T]]) -> T:
        """Wait until the call may be sent on this key (its fingerprint), and return the result of `send`.

        Raises HeldBack, and what `send` raises.
        """
        breaker = self._breakers.of(request) if self._breakers is not None else None
        if breaker is not None:  # fail fast instead of waiting in the queue for a refusal
            breaker.check(request.operation, urgent=_is_urgent(request))
        turn = await self._turn(self._pacer, request, key) if self._pacer is not None else None
        sending = self._sent(request, key, send, breaker=breaker, turn=turn)
        if (turn and turn.is_probe) or (breaker and not breaker.closed):
            # A probe on behalf of all callers: it goes on when its own caller is cancelled.
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
        """Send, and report the outcome to the breaker and the pacer."""
        passing = breaker.passing(request.operation, urgent=_is_urgent(request)) if breaker else nullcontext()
        try:
            with passing:
                note_send(is_scarce=turn is not None and turn.is_scarce)
                result = await send()
        except CallError as error:
            await self._report(key, turn, error)
            raise
        finally:
            if turn is not None:
                self._connections.free()
        await self._report(key, turn, None)
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
            turn = await self._queues[key].turn(askers, end=end)
        except BackedOff:
            raise HeldBack(request.operation, "backed_off") from None
        except (QueueFull, TimeoutError):
            raise HeldBack(request.operation, "no_turn") from None
        self._note(key, turn.pace)
        return turn

    async def _report(self, key: str, turn: Turn | None, error: CallError | None) -> None:
        """Update the back-off: RateLimited starts or lengthens it, any other answer to a probe ends it."""
        pacer = self._pacer
        if pacer is None or turn is None:
            return
        if isinstance(error, RateLimited):
            await self._back_off(pacer, key, turn)
        elif (
            turn.is_probe
            and not isinstance(error, Unrecorded | HeldBack)
            and not (error and unanswered(error))
        ):
            log.info("upstream.back_off_over", key=key)
            await pacer.recovered(key)

    async def _back_off(self, pacer: Pacer, key: str, turn: Turn) -> None:
        """Back off; a lockout raises the alarm, a refusal that may be over in a moment does not."""
        off = await pacer.back_off(key, turn)
        if not off.times:
            return
        until = datetime.fromtimestamp(off.until, UTC).isoformat(timespec="seconds")
        rate = round(off.per_second, 2)
        log.warning("upstream.backed_off", key=key, times=off.times, until=until, per_second=rate)
        if off.lockout and self._alarm is not None:
            await self._alarm(key, datetime.fromtimestamp(off.since, UTC))

    def _note(self, key: str, pace: Pace | None) -> None:
        """Log a rate that has doubled since it was last told, so that a rise of many steps makes few lines."""
        if pace is None:
            return
        told = self._told.setdefault(key, pace.per_second)
        if pace.per_second >= 2 * told:
            log.info("upstream.pace_raised", key=key, per_second=round(pace.per_second, 2), burst=pace.burst)
        if not told <= pace.per_second < 2 * told:
            self._told[key] = pace.per_second


def _is_urgent(request: Request) -> bool:
    return request.mutation or current_work.get().urgent
