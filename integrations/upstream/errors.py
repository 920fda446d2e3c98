"""What can go wrong between an adapter and its system of record, whichever it is.

CallError
├── NotDone                 it is certain that nothing was changed
│   ├── Unrecorded          the audit cannot be written, so the call was not made
│   ├── NotSent             no connection was made
│   │   └── HeldBack        kept back by ourselves: pace, back-off or an open breaker
│   ├── RateLimited         too many requests; may last an hour
│   ├── Unauthorized        the key is unknown, or may not do this
│   └── InvalidRequest      the request was refused before it was executed
├── NoAnswer                a read brought nothing usable: timeout, reset, 5xx, not JSON
├── ContractBroken          a read was answered in a shape that the contract does not have
└── UnknownOutcome          a change was sent, and whether it was executed is not known
    ├── UnreadableAnswer    it was answered, and the answer cannot be read: what came of it can be looked up at once
    └── SilentNoOp          it was answered without a no, and what came back is not what was asked

A family of adapters derives its own from these (`integrations.healthie.errors`). `reading`, `changing` and `reading_back` tell
the domain of any of them in its own errors (`booking.errors`): none of them is raised out of `integrations`.
No text of these holds a request's values or what was answered: either may be patient data.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from booking.errors import AuditUnavailable, OutcomeUnknown, UpstreamRefused, UpstreamUnavailable


class CallError(Exception):
    """The root. `code` is ours and short: a log field, a metric's label."""

    code = "call_error"

    def __init__(self, operation: str, code: str | None = None) -> None:
        self.operation = operation
        self.code = code or type(self).code
        super().__init__(f"{operation}: {self.code}")


class NotDone(CallError):
    """Certain: nothing was changed."""


class Unrecorded(NotDone):
    """The audit cannot be written, so the call was not made. Not retried here: whoever keeps the audit has tried."""

    code = "audit_unavailable"


class NotSent(NotDone):
    """No connection was made."""

    code = "not_sent"


class HeldBack(NotSent):
    """Kept back by ourselves. Asking again at once would not help."""

    code = "held_back"


class RateLimited(NotDone):
    """Too many requests. Not repeated here: Healthie has answered rapid requests with lockouts of 30 to 60 minutes."""

    code = "rate_limited"


class Unauthorized(NotDone):
    """The key is unknown, or may not do this."""

    code = "unauthorized"


class InvalidRequest(NotDone):
    """The request was refused before it was executed: our contract and what is there differ."""

    code = "invalid_request"


class NoAnswer(CallError):
    """A read brought nothing usable; it may be repeated."""

    code = "no_answer"


class ContractBroken(CallError):
    """A read was answered in a shape that the contract does not have."""

    code = "contract_broken"


class UnknownOutcome(CallError):
    """A change was sent, and whether it was executed is not known."""

    code = "unknown_outcome"


class UnreadableAnswer(UnknownOutcome):
    """A change was answered, and the answer cannot be read. `record_id` names the record that it showed, if that can be."""

    code = "undecodable_answer"

    def __init__(self, operation: str, code: str | None = None, *, record_id: str | None = None) -> None:
        super().__init__(operation, code)
        self.record_id = record_id


class SilentNoOp(UnknownOutcome):
    """A change was answered without a no, and what came back is not what was asked. `parts` names the differences."""

    code = "silent_no_op"

    def __init__(self, operation: str, parts: Sequence[str]) -> None:
        super().__init__(operation, f"{type(self).code} at {', '.join(parts)}")
        self.parts = tuple(parts)


@contextmanager
def reading() -> Iterator[None]:
    """Tell the domain about a read's failure: UpstreamUnavailable, of which AuditUnavailable is one."""
    try:
        yield
    except Unrecorded as error:
        raise AuditUnavailable(str(error)) from error
    except CallError as error:
        raise UpstreamUnavailable(str(error)) from error


@contextmanager
def reading_back() -> Iterator[None]:
    """Tell the domain that a change was sent and cannot be seen: OutcomeUnknown, whatever the read met."""
    try:
        yield
    except CallError as error:
        raise OutcomeUnknown(str(error)) from error


@contextmanager
def changing() -> Iterator[None]:
    """Tell the domain about a change's failure.

    UpstreamUnavailable when nothing was done and the same may work later (AuditUnavailable is one), UpstreamRefused for a
    certain no, OutcomeUnknown in every other case.
    """
    try:
        yield
    except Unrecorded as error:
        raise AuditUnavailable(str(error)) from error
    except (NotSent, RateLimited) as error:
        raise UpstreamUnavailable(str(error)) from error
    except NotDone as error:
        raise UpstreamRefused(error.operation, error.code) from error
    except CallError as error:
        raise OutcomeUnknown(str(error)) from error
