"""Call audit: records every attempt before it is sent and after it ended. Never records a variable's value or a key."""

import hashlib
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from booking.audit.model import AuditEntry, AuditKind, AuditTrail
from booking.errors import AuditUnavailable
from booking.ports import Clock
from booking.work_context import current_work
from integrations.upstream.errors import Unrecorded
from integrations.upstream.redaction import digest, shape

log = structlog.get_logger(__name__)

# Enough to tell the keys of a practice apart, too little to derive a key from.
FINGERPRINT_LENGTH = 8


def fingerprint(key: str) -> str:
    """The first eight characters of the key's SHA-256, in hex."""
    return hashlib.sha256(key.encode()).hexdigest()[:FINGERPRINT_LENGTH]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One attempt that is about to be sent."""

    operation: str
    kind: str  # query | mutation
    acting: str  # a clinician's id, or "organization"
    key_fingerprint: str
    attempt: int  # from 1
    public: bool = False  # neither request nor response holds patient data
    patient_id: str | None = None  # upstream's id of the patient whom the variables name
    variables: Mapping[str, object] = field(repr=False)  # JSON values; never stored
    id: str = field(default_factory=lambda: uuid.uuid4().hex)  # joins the attempt's two audit entries


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How an attempt ended."""

    duration_ms: float
    status: int | None  # HTTP; None: no answer came
    error: str | None  # a code of ours; None: a usable answer
    request_id: str | None  # upstream's, from its answer


class CallAudit(Protocol):
    """Receives every attempt. An exception from `attempted` prevents the call: nothing is sent unrecorded.

    `answered` is called however the attempt ended, also when its caller was cancelled. It must neither block nor raise.
    """

    async def attempted(self, call: Call) -> None:
        """The attempt is about to be sent."""

    async def answered(self, call: Call, answer: Answer) -> None:
        """The attempt ended."""


class AuditedCalls:
    """Writes every attempt to the audit trail, and passes it on to `inner`.

    A call that sends or returns patient data is sent only once its record is durable. The record of a public read is written
    within about a second; calls that come faster than they can be recorded wait. The end of an attempt is recorded in the
    same delayed way, so that a failure to record it never loses the outcome. A process that is killed within that second
    leaves an attempt without an end.
    """

    def __init__(self, *, inner: CallAudit, trail: AuditTrail, clock: Clock, key: bytes) -> None:
        """`key` is the secret of the variables' digests: whoever has it can guess values by trial."""
        self._inner = inner
        self._trail = trail
        self._clock = clock
        self._key = key
        # The attempts' entries by the call's id, until each has ended: making one costs more than keeping it.
        self._under_way: dict[str, AuditEntry] = {}

    async def attempted(self, call: Call) -> None:
        """Record the attempt before it is sent. Raises Unrecorded when it must not be sent."""
        entry = self._entry(call)
        try:
            if call.public:
                await self._trail.record_soon(entry)
            else:
                await self._trail.record(entry)
        except AuditUnavailable as error:
            log.error("upstream.call_not_recorded", **_fields(call))  # noqa: TRY400 - the trail logs the cause
            raise Unrecorded(call.operation) from error
        await self._inner.attempted(call)
        self._under_way[call.id] = entry

    async def answered(self, call: Call, answer: Answer) -> None:
        """Record how the attempt ended."""
        attempted = self._under_way.pop(call.id, None) or self._entry(call)
        self._trail.later(
            replace(
                attempted,
                kind=AuditKind.ANSWERED,
                at=self._clock.now(),
                duration_ms=round(answer.duration_ms),
                status=answer.status,
                error=answer.error,
                upstream_request_id=answer.request_id,
            )
        )
        await self._inner.answered(call, answer)

    def _entry(self, call: Call) -> AuditEntry:
        work = current_work.get()
        return AuditEntry(
            kind=AuditKind.ATTEMPTED,
            call_id=call.id,
            at=self._clock.now(),
            actor=work.audited_as,
            operation=call.operation,
            operation_kind=call.kind,
            attempt=call.attempt,
            acting=call.acting,
            key_fingerprint=call.key_fingerprint,
            patient=call.patient_id or work.patient_id,
            checkout_id=work.checkout_id,
            request_id=work.request_id,
            shape=shape(call.variables),
            digest=digest(call.operation, call.variables, key=self._key),
        )


class LoggedCalls:
    """An audit that only logs: one record before and one after each attempt."""

    async def attempted(self, call: Call) -> None:
        """Log `upstream.call_attempted`."""
        log.debug("upstream.call_attempted", **_fields(call))

    async def answered(self, call: Call, answer: Answer) -> None:
        """Log `upstream.call_answered`, as a warning when it failed."""
        log.log(
            logging.INFO if answer.error is None else logging.WARNING,
            "upstream.call_answered",
            **_fields(call),
            duration_ms=round(answer.duration_ms, 1),
            status=answer.status,
            error=answer.error,
            request_id=answer.request_id,
        )


def _fields(call: Call) -> dict[str, object]:
    return {
        "operation": call.operation,
        "kind": call.kind,
        "acting": call.acting,
        "key_fingerprint": call.key_fingerprint,
        "attempt": call.attempt,
    }
