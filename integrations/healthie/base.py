"""What the generated client stands on: one call with its audit, its retries (reads only) and its decoding."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import TypeVar

import stamina
from pydantic_core import to_jsonable_python

from booking.work_context import current_work
from integrations.healthie.audit import Answer, Call, CallAudit, fingerprint
from integrations.healthie.decoding import decode
from integrations.healthie.errors import (
    HealthieError,
    HeldBack,
    NoAnswer,
    NotSent,
    UnknownOutcome,
)
from integrations.healthie.gate import Gate
from integrations.healthie.generated.base_model import UNSET, BaseModel
from integrations.healthie.transport import (
    MUTATION_TIMEOUT,
    READ_TIMEOUT,
    SLOW_READ_TIMEOUT,
    Acting,
    Connection,
    Reply,
    Request,
)

M = TypeVar("M", bound=BaseModel)

SLOW_READS = frozenset({"AvailableSlots", "AvailableDays", "IntrospectionQuery"})

# A read is sent at most three times, and all of them together take no longer than its budget. For a checkout the wait for its
# turn is in it: a step of a checkout is one mutation and up to three reads (whose key it is, what stands, what came of it), and
# must end within its budget.
READ_ATTEMPTS = 3
READ_BUDGET = 12.0
SLOW_READ_BUDGET = 18.0

# A body that trickles in resets the timeout with every byte; this much later it is as good as none.
GRACE = 1.0

# Seconds between attempts: a patient is waiting, and a short outage is over by then or will not be soon.
FIRST_WAIT = 0.1
LONGEST_WAIT = 1.0


class TagForbidden(Exception):
    """The document or its variables name a tag. Practices wire tags to billing: applying one can charge a patient."""


_NAME = re.compile(r"[A-Za-z_]\w*")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def _names_a_tag(name: str) -> bool:
    words = {word.lower() for word in _WORD.findall(name)}
    return bool(words & {"tag", "tags", "tagged", "tagging"}) or name.lower() == "bulkapply"


@cache
def forbid_tags(document: str) -> None:
    """Raise TagForbidden when a GraphQL document names a tag mutation, field or argument. Documents are constants."""
    if any(_names_a_tag(name) for name in _NAME.findall(document)):
        raise TagForbidden("a document names a tag")


def _forbid_tags_in(value: object) -> None:
    if isinstance(value, Mapping):
        if any(_names_a_tag(str(key)) for key in value):
            raise TagForbidden("a variable names a tag")
        for inner in value.values():
            _forbid_tags_in(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for inner in value:
            _forbid_tags_in(inner)


class Base:
    """Calls made on one key. Cheap: it holds no connection of its own."""

    def __init__(
        self, *, connection: Connection, acting: Acting, audit: CallAudit, gate: Gate | None = None
    ) -> None:
        self._gate = gate or Gate()
        self._connection = connection
        self._acting = acting
        self._audit = audit
        self._fingerprint = fingerprint(acting.key)

    async def execute(
        self,
        result: type[M],
        *,
        query: str,
        operation_name: str,
        mutation: bool,
        variables: dict[str, object],
    ) -> M:
        """Send an operation and decode its answer. A mutation is sent once, a read up to three times.

        Raises HealthieError; TagForbidden before anything is sent.
        """
        forbid_tags(query)
        sent = {name: to_jsonable_python(value) for name, value in variables.items() if value is not UNSET}
        _forbid_tags_in(sent)
        request = Request(
            operation=operation_name,
            mutation=mutation,
            document=query,
            variables=sent,
            timeout=_timeout(operation_name, mutation=mutation),
        )
        if mutation:
            send = partial(self._attempt, result, request, 1)
            return await self._gate.through(request, self._fingerprint, send)
        try:
            async with asyncio.timeout_at(_given_up_at(request)) as limit:
                return await self._repeat(result, request, limit)
        except TimeoutError:
            raise NoAnswer(operation_name, "timeout") from None

    async def _repeat(self, result: type[M], request: Request, limit: asyncio.Timeout) -> M:
        """Repeat a read that brought nothing usable."""
        retries = stamina.retry_context(
            on=_may_come_right,
            attempts=READ_ATTEMPTS,
            timeout=None,  # the budget cuts off what is under way, too
            wait_initial=FIRST_WAIT,
            wait_max=LONGEST_WAIT,
            wait_jitter=FIRST_WAIT,
        ).with_name(request.operation, (), {})
        async for attempt in retries:
            with attempt:
                send = partial(self._read, result, request, attempt.num, limit)
                return await self._gate.through(request, self._fingerprint, send)
        raise AssertionError("stamina raises the last error")

    async def _read(self, result: type[M], request: Request, number: int, limit: asyncio.Timeout) -> M:
        """An attempt at a read; with the first its budget begins, however long it had waited for its turn."""
        end, before = _end_of_budget(request), limit.when()
        if number == 1 and (before is None or end < before):
            limit.reschedule(end)
        return await self._attempt(result, request, number)

    async def _attempt(self, result: type[M], request: Request, number: int) -> M:
        """Send once, under the audit's eyes, and decode."""
        call = Call(
            operation=request.operation,
            kind="mutation" if request.mutation else "query",
            acting=self._acting.name,
            key_fingerprint=self._fingerprint,
            attempt=number,
            variables=request.variables,
        )
        await self._audit.attempted(call)
        started = time.perf_counter()
        reply, error = Reply(), "cancelled"
        try:
            reply = await self._send(request)
            decoded = decode(result, request, reply)
            error = decoded.code if isinstance(decoded, HealthieError) else ""
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
        if isinstance(decoded, HealthieError):
            raise decoded
        return decoded

    async def _send(self, request: Request) -> Reply:
        """What one attempt brought back; one that goes on and on is given up. The audit's time is not counted."""
        try:
            async with asyncio.timeout(request.timeout + GRACE):
                return await self._connection.send(request, self._acting)
        except TimeoutError:
            lost = UnknownOutcome if request.mutation else NoAnswer
            return Reply(error=lost(request.operation, "timeout"))


def _may_come_right(error: Exception) -> bool:
    """Whether a read is worth repeating."""
    return isinstance(error, NoAnswer | NotSent) and not isinstance(error, HeldBack)


def _timeout(operation: str, *, mutation: bool) -> float:
    if mutation:
        return MUTATION_TIMEOUT
    return SLOW_READ_TIMEOUT if operation in SLOW_READS else READ_TIMEOUT


def _end_of_budget(request: Request) -> float:
    """When a read that is sent now must be answered, in the event loop's time."""
    budget = SLOW_READ_BUDGET if request.operation in SLOW_READS else READ_BUDGET
    return asyncio.get_running_loop().time() + budget


def _given_up_at(request: Request) -> float | None:
    """When a read is given up though it was not sent yet: at its askers' deadline, or else its wait is a part of its budget."""
    work = current_work.get()
    if work.deadline is None and work.sharers is None:
        return _end_of_budget(request)
    return work.deadline
