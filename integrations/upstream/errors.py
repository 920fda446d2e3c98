"""CallError: errors between an adapter and any system of record.

CallError
├── NotDone                 certain: nothing was changed
│   ├── Unrecorded          the audit could not be written, so the call was not made
│   ├── NotSent             no connection was made
│   │   └── HeldBack        held back by this program: rate limit, back-off or open breaker
│   ├── RateLimited         too many requests; may last an hour
│   ├── Unauthorized        the key is unknown, or lacks the permission
│   └── InvalidRequest      the request was refused before it was executed
├── NoAnswer                a read had no usable response: timeout, reset, 5xx, not JSON
├── ContractBroken          the response to a read does not match the contract
└── UnknownOutcome          a mutation was sent, and it is unknown whether it was executed
    ├── UnreadableAnswer    there was a response that cannot be decoded; the outcome can be looked up at once
    └── SilentNoOp          the response is no refusal, but the result differs from the request

Adapter families derive their own errors (`integrations.healthie.errors`). The context managers `reading`, `changing` and
`reading_back` translate all of them to domain errors (`booking.errors`), so none of them leaves `integrations`.
The text of an error never holds values of a request or response: either may be patient data.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from booking.errors import AuditUnavailable, OutcomeUnknown, UpstreamRefused, UpstreamUnavailable


class CallError(Exception):
    """The root. `code` is ours and short enough for a log field or a metric's label."""

    code = "call_error"

    def __init__(self, operation: str, code: str | None = None) -> None:
        self.operation = operation
        self.code = code or type(self).code
        super().__init__(f"{operation}: {self.code}")


class NotDone(CallError):
    """Certain: nothing was changed."""


class Unrecorded(NotDone):
    """The audit could not be written, so the call was not made.

    Not retried here: the audit trail has retried already.
    """

    code = "audit_unavailable"


class NotSent(NotDone):
    """No connection was made."""

    code = "not_sent"


class HeldBack(NotSent):
    """Held back by this program. An immediate retry would not help."""

    code = "held_back"


class RateLimited(NotDone):
    """Too many requests. Not retried here: Healthie has answered rapid requests with lockouts of 30 to 60 minutes."""

    code = "rate_limited"


class Unauthorized(NotDone):
    """The key is unknown, or was refused in a form that may mean so."""

    code = "unauthorized"


class NotPermitted(Unauthorized):
    """The owner of the key lacks a permission. A retry would not help before somebody grants it.

    `permission` is upstream's name of the one that the operation needs, `acting` whose key it was.
    """

    code = "not_permitted"

    def __init__(self, operation: str, *, permission: str, acting: str) -> None:
        super().__init__(operation, f"{type(self).code}: {permission}")
        self.permission = permission
        self.acting = acting


class InvalidRequest(NotDone):
    """The request was refused before it was executed: the contract and the actual API differ."""

    code = "invalid_request"


class NoAnswer(CallError):
    """A read had no usable response. It may be retried."""

    code = "no_answer"


class ContractBroken(CallError):
    """The response to a read does not match the contract."""

    code = "contract_broken"


class UnknownOutcome(CallError):
    """A mutation was sent, and it is unknown whether it was executed."""

    code = "unknown_outcome"


class UnreadableAnswer(UnknownOutcome):
    """The response to a mutation cannot be decoded. `record_id` is the id of the record in it, if that much is readable."""

    code = "undecodable_answer"

    def __init__(self, operation: str, code: str | None = None, *, record_id: str | None = None) -> None:
        super().__init__(operation, code)
        self.record_id = record_id


class SilentNoOp(UnknownOutcome):
    """The response to a mutation is no refusal, but the result differs from the request. `parts` names the differences."""

    code = "silent_no_op"

    def __init__(self, operation: str, parts: Sequence[str]) -> None:
        super().__init__(operation, f"{type(self).code} at {', '.join(parts)}")
        self.parts = tuple(parts)


@contextmanager
def reading() -> Iterator[None]:
    """Translate a read's CallError to UpstreamUnavailable (AuditUnavailable is a subclass)."""
    try:
        yield
    except Unrecorded as error:
        raise AuditUnavailable(str(error)) from error
    except CallError as error:
        raise UpstreamUnavailable(str(error)) from error


@contextmanager
def reading_back() -> Iterator[None]:
    """Translate any CallError of the read-back after a mutation to OutcomeUnknown: the mutation was sent."""
    try:
        yield
    except CallError as error:
        raise OutcomeUnknown(str(error)) from error


@contextmanager
def changing() -> Iterator[None]:
    """Translate a mutation's CallError.

    To UpstreamUnavailable when nothing was done and a later retry may work (AuditUnavailable is a subclass), to
    UpstreamRefused for a certain refusal, and to OutcomeUnknown in every other case.
    """
    try:
        yield
    except Unrecorded as error:
        raise AuditUnavailable(str(error)) from error
    except (NotSent, RateLimited) as error:
        raise UpstreamUnavailable(str(error)) from error
    except NotPermitted as error:
        raise UpstreamRefused(error.operation, error.code, permission=error.permission) from error
    except NotDone as error:
        raise UpstreamRefused(error.operation, error.code) from error
    except CallError as error:
        raise OutcomeUnknown(str(error)) from error
