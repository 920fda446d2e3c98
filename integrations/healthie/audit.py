"""Who sees the calls: every attempt, before it is sent and after it ended. Never variables, never a key."""

import hashlib
from dataclasses import dataclass
from typing import Protocol

import structlog

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


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How an attempt ended."""

    duration_ms: float
    status: int | None  # HTTP; None: no answer came
    error: str | None  # a code of ours; None: a usable answer
    request_id: str | None  # Healthie's, from its answer


class CallAudit(Protocol):
    """Sees every attempt. An exception from `attempted` stops the call: nothing is sent unseen."""

    async def attempted(self, call: Call) -> None:
        """The attempt is about to be sent."""

    async def answered(self, call: Call, answer: Answer) -> None:
        """The attempt ended."""


class LoggedCalls:
    """The plain audit: one log record before and one after."""

    async def attempted(self, call: Call) -> None:
        """Log `healthie.call_attempted`."""
        log.debug("healthie.call_attempted", **_fields(call))

    async def answered(self, call: Call, answer: Answer) -> None:
        """Log `healthie.call_answered`, as a warning when it failed."""
        write = log.info if answer.error is None else log.warning
        write(
            "healthie.call_answered",
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
