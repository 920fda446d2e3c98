"""Caller: makes one call to a system of record.

Each attempt passes the gate and is audited; failed reads are retried with backoff.
"""

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

# A patient waits for a read; an outage that fails three attempts lasts longer than they would wait.
READ_ATTEMPTS = 3

# The timeout starts anew with every byte of a slow body; this long after it the attempt is cancelled.
GRACE = 1.0

# Seconds between attempts. Short, because a patient waits; an outage that is not over by then will last.
FIRST_WAIT = 0.1
LONGEST_WAIT = 1.0


class KeyedCaller:
    """Makes calls with one API key. Cheap to create: it holds no connection."""

    def __init__(self, *, acting: str, key: str, audit: CallAudit, gate: Gate | None = None) -> None:
        """`acting` names the key's owner in the audit, which gets only the fingerprint of `key`."""
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
        """Make the call and return the decoded reply. Raises CallError.

        `send` makes one attempt; `decode` returns the result or an error. A mutation is sent once, a read up to three times
        within its budget.
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
        """Retry a read while its error may be temporary."""

        async def sent(number: int) -> T:
            send = partial(_within_budget, request, attempt, number, limit)
            return await self._gate.through(request, self._fingerprint, send)

        try:
            return await sent(1)
        except CallError as error:
            if not _may_come_right(error):
                raise
            first = error
        # Only now: nearly every first attempt succeeds, and making these costs as much as all the rest of a call's bookkeeping.
        retries = stamina.retry_context(
            on=_may_come_right,
            attempts=READ_ATTEMPTS,
            timeout=None,  # the caller enforces the budget, which also cancels an attempt under way
            wait_initial=FIRST_WAIT,
            wait_max=LONGEST_WAIT,
            wait_jitter=FIRST_WAIT,
        ).with_name(request.operation, (), {})
        async for each in retries:
            with each:
                if each.num == 1:
                    raise first
                return await sent(each.num)
        raise AssertionError("stamina raises the last error")

    async def _attempt(
        self,
        request: Request,
        send: Callable[[], Awaitable[Reply]],
        decode: Callable[[Reply], T | CallError],
        number: int,
    ) -> T:
        """Send once, audited, and decode."""
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
    """The reply of one attempt, which is cancelled after its timeout and GRACE.

    The time of the audit does not count.
    """
    try:
        async with asyncio.timeout(request.timeout + GRACE):
            return await send()
    except TimeoutError:
        return Reply(error=lost(request, "timeout"))


async def _within_budget(
    request: Request, attempt: Callable[[int], Awaitable[T]], number: int, limit: asyncio.Timeout
) -> T:
    """Make an attempt at a read. The budget starts with the first attempt, not with the wait in the queue before it."""
    end, before = _end_of_budget(request), limit.when()
    if number == 1 and (before is None or end < before):
        limit.reschedule(end)
    return await attempt(number)


def _may_come_right(error: Exception) -> bool:
    """Whether a read is worth a retry."""
    return isinstance(error, NoAnswer | NotSent) and not isinstance(error, HeldBack)


def _end_of_budget(request: Request) -> float:
    """The time by which a read that is sent now must be answered, in the event loop's time."""
    return asyncio.get_running_loop().time() + request.budget


def _given_up_at(request: Request) -> float | None:
    """When to give up a read that has not been sent yet: at its callers' deadline; without one, the wait counts against its budget."""
    work = current_work.get()
    if work.deadline is None and work.sharers is None:
        return _end_of_budget(request)
    return work.deadline


def log_retries() -> None:
    """Replace stamina's retry logging for the whole process: its default logs arguments, and it has no narrower setting."""
    stamina.instrumentation.set_on_retry_hooks([_log_retry])


def _log_retry(details: RetryDetails) -> None:
    """Log the operation, the retry and its wait; never the arguments."""
    log.warning(
        "upstream.read_retried",
        operation=details.name,
        retry=details.retry_num,
        wait_seconds=round(details.wait_for, 3),
    )
