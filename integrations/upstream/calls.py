"""One call to a system of record: each attempt passes the gate and is on record; a read is repeated where that may help."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import stamina
import stamina.instrumentation
import structlog
from stamina.instrumentation import RetryDetails

from booking.work_context import current_work
from integrations.upstream.audit import Answer, Call, CallAudit, fingerprint
from integrations.upstream.errors import CallError, HeldBack, NoAnswer, NotSent
from integrations.upstream.gate import Gate
from integrations.upstream.transport import Reply, Request, lost

log = structlog.get_logger(__name__)

T = TypeVar("T")

# A patient waits for a read; what fails three times fails for longer than they do.
READ_ATTEMPTS = 3

# A body that trickles in resets the timeout with every byte; this much later it is as good as none.
GRACE = 1.0

# Seconds between attempts: a patient is waiting, and a short outage is over by then or will not be soon.
FIRST_WAIT = 0.1
LONGEST_WAIT = 1.0


class Caller:
    """Makes calls on one key. Cheap: it holds no connection."""

    def __init__(self, *, acting: str, key: str, audit: CallAudit, gate: Gate | None = None) -> None:
        """`acting` is what the records call whoever acts, `key` what tells their keys apart: records have its fingerprint."""
        self._acting = acting
        self._fingerprint = fingerprint(key)
        self._audit = audit
        self._gate = gate or Gate()

    async def call(
        self,
        request: Request,
        *,
        send: Callable[[], Awaitable[Reply]],
        decode: Callable[[Reply], T | CallError],
    ) -> T:
        """What `decode` makes of a reply. A change is sent once, a read up to three times and within its budget.

        `send` makes one attempt. Raises CallError.
        """
        attempt = partial(self._attempt, request, send, decode)
        if request.mutation:
            return await self._gate.through(request, self._fingerprint, partial(attempt, 1))
        try:
            async with asyncio.timeout_at(_given_up_at(request)) as limit:
                return await self._repeat(request, attempt, limit)
        except TimeoutError:
            raise NoAnswer(request.operation, "timeout") from None

    async def _repeat(
        self, request: Request, attempt: Callable[[int], Awaitable[T]], limit: asyncio.Timeout
    ) -> T:
        """Repeat a read that brought nothing usable."""
        retries = stamina.retry_context(
            on=_may_come_right,
            attempts=READ_ATTEMPTS,
            timeout=None,  # the budget cuts off what is under way, too
            wait_initial=FIRST_WAIT,
            wait_max=LONGEST_WAIT,
            wait_jitter=FIRST_WAIT,
        ).with_name(request.operation, (), {})
        async for each in retries:
            with each:
                send = partial(_within_budget, request, attempt, each.num, limit)
                return await self._gate.through(request, self._fingerprint, send)
        raise AssertionError("stamina raises the last error")

    async def _attempt(
        self,
        request: Request,
        send: Callable[[], Awaitable[Reply]],
        decode: Callable[[Reply], T | CallError],
        number: int,
    ) -> T:
        """Send once, under the audit's eyes, and decode."""
        call = Call(
            operation=request.operation,
            kind="mutation" if request.mutation else "query",
            acting=self._acting,
            key_fingerprint=self._fingerprint,
            attempt=number,
            public=request.public,
            patient_id=request.patient_id,
            variables=request.variables,
        )
        await self._audit.attempted(call)
        started = time.perf_counter()
        reply, error = Reply(), "cancelled"
        try:
            reply = await _sent(request, send)
            decoded = decode(reply)
            error = decoded.code if isinstance(decoded, CallError) else ""
        finally:
            await self._audit.answered(
                call,
                Answer(
                    duration_ms=(time.perf_counter() - started) * 1000,
                    status=reply.status,
                    error=error or None,
                    request_id=reply.request_id,
                ),
            )
        if isinstance(decoded, CallError):
            raise decoded
        return decoded


async def _sent(request: Request, send: Callable[[], Awaitable[Reply]]) -> Reply:
    """What one attempt brought back; one that goes on and on is given up. The audit's time is not counted."""
    try:
        async with asyncio.timeout(request.timeout + GRACE):
            return await send()
    except TimeoutError:
        return Reply(error=lost(request, "timeout"))


async def _within_budget(
    request: Request, attempt: Callable[[int], Awaitable[T]], number: int, limit: asyncio.Timeout
) -> T:
    """An attempt at a read; with the first its budget begins, however long it had waited for its turn."""
    end, before = _end_of_budget(request), limit.when()
    if number == 1 and (before is None or end < before):
        limit.reschedule(end)
    return await attempt(number)


def _may_come_right(error: Exception) -> bool:
    """Whether a read is worth repeating."""
    return isinstance(error, NoAnswer | NotSent) and not isinstance(error, HeldBack)


def _end_of_budget(request: Request) -> float:
    """When a read that is sent now must be answered, in the event loop's time."""
    return asyncio.get_running_loop().time() + request.budget


def _given_up_at(request: Request) -> float | None:
    """When a read is given up though it was not sent yet: at its askers' deadline, or else its wait is a part of its budget."""
    work = current_work.get()
    if work.deadline is None and work.sharers is None:
        return _end_of_budget(request)
    return work.deadline


def log_retries() -> None:
    """Have repetitions logged in our words, for the whole process: stamina knows no other way, and its default logs arguments."""
    stamina.instrumentation.set_on_retry_hooks([_log_retry])


def _log_retry(details: RetryDetails) -> None:
    """Say what is sent again and after which wait; never with which arguments."""
    log.warning(
        "upstream.read_retried",
        operation=details.name,
        retry=details.retry_num,
        wait_seconds=round(details.wait_for, 3),
    )
