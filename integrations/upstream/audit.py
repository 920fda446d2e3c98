"""Who sees the calls: every attempt, before it is sent and after it ended. No value of a variable, no key."""

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

# Enough to tell the keys of a practice apart, too little to find a key from.
FINGERPRINT_LENGTH = 8


def fingerprint(key: str) -> str:
    """The first characters of the key's SHA-256, in hex."""
    return hashlib.sha256(key.encode()).hexdigest()[:FINGERPRINT_LENGTH]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One attempt, about to be sent."""

    operation: str
    kind: str  # query | mutation
    acting: str  # a clinician's id, or "organization"
    key_fingerprint: str
    attempt: int  # from 1
    public: bool = False  # neither what is asked nor what comes back holds patient data
    patient_id: str | None = None  # upstream's id of the patient whom the variables name
    variables: Mapping[str, object] = field(repr=False)  # as JSON has them; nobody keeps them
    id: str = field(default_factory=lambda: uuid.uuid4().hex)  # pairs the two ends of the attempt


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How an attempt ended."""

    duration_ms: float
    status: int | None  # HTTP; None: no answer came
    error: str | None  # a code of ours; None: a usable answer
    request_id: str | None  # upstream's, from its answer


class CallAudit(Protocol):
    """Sees every attempt. An exception from `attempted` stops the call: nothing is sent unseen.

    `answered` is called whatever became of an attempt, also when its caller has left, and must neither wait nor raise.
    """

    async def attempted(self, call: Call) -> None:
        """The attempt is about to be sent."""

    async def answered(self, call: Call, answer: Answer) -> None:
        """The attempt ended."""


class AuditedCalls:
    """Keeps every attempt in the audit trail; `inner` sees it too.

    A call that carries or brings back patient data is sent when its record is durable, and not before. Of a public read
    the record follows within about a second; when calls come faster than they can be recorded, they wait for it. How an
    attempt ended follows likewise: by then the outcome stands, and nobody loses it over its record. A process that is killed
    in that second leaves an attempt without an end.
    """

    def __init__(self, *, inner: CallAudit, trail: AuditTrail, clock: Clock, key: bytes) -> None:
        """`key` makes the digests of the variables: with it they could be guessed."""
        self._inner = inner
        self._trail = trail
        self._clock = clock
        self._key = key

    async def attempted(self, call: Call) -> None:
        """Record that the attempt is about to be sent. Raises Unrecorded: do not send it."""
        entry = self._entry(call, AuditKind.ATTEMPTED)
        try:
            if call.public:
                await self._trail.record_soon(entry)
            else:
                await self._trail.record(entry)
        except AuditUnavailable as error:
            log.error("upstream.call_not_recorded", **_fields(call))  # noqa: TRY400 - whoever keeps the trail says why
            raise Unrecorded(call.operation) from error
        await self._inner.attempted(call)

    async def answered(self, call: Call, answer: Answer) -> None:
        """Record how the attempt ended."""
        self._trail.later(
            replace(
                self._entry(call, AuditKind.ANSWERED),
                duration_ms=round(answer.duration_ms),
                status=answer.status,
                error=answer.error,
                upstream_request_id=answer.request_id,
            )
        )
        await self._inner.answered(call, answer)

    def _entry(self, call: Call, kind: AuditKind) -> AuditEntry:
        work = current_work.get()
        return AuditEntry(
            kind=kind,
            call_id=call.id,
            at=self._clock.now(),
            actor=work.told_as,
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
    """The plain audit: one log record before and one after."""

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
