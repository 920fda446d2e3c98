"""Errors of the domain. Expected refusals to patients are in refusals/.

DomainError
├── InvalidInput                the caller's mistake: names the argument and how to fix it
├── NotFound                    not there for this caller (a foreign id and a missing one alike)
├── DeclaredInSettings          declared in the practice's settings, and changed only there
├── Refusal                     in refusals/
├── SubscriptionLimitReached    this process has reached its subscription quota
│   └── CallerLimitReached      the caller or their network has
├── StaleRow                    another writer changed the row first (optimistic locking); the receiver stops
│   ├── StaleCheckout           a checkout's
│   └── StaleChange             a requested change's
├── AlreadyCounted              a billing item or an appointment belongs to another checkout
├── UnknownState                a row or stored outcome of a newer version of this program, left to that version
├── AlertDeliveryFailed         an alert channel failed; the delivery is retried
└── UpstreamError
    ├── UpstreamRefused         a certain refusal: nothing was changed upstream
    ├── UpstreamUnavailable     a read failed, or a change was not sent: nothing was changed upstream
    │   └── AuditUnavailable    the call could not be recorded, so it was not made
    └── OutcomeUnknown          a change may have been made: wait and look it up, never just resend
"""


class DomainError(Exception):
    """The root. The text of a domain error never holds patient data."""


class InvalidInput(DomainError):
    """The caller's mistake in one argument; `reason` says how to fix it."""

    def __init__(self, *, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class NotFound(DomainError):
    """Not there for this caller. A foreign id and a missing one raise the same error."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"{kind} not found")
        self.kind = kind


class DeclaredInSettings(DomainError):
    """The object is declared in the practice's settings, and can be changed only there."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"{kind} is declared in the settings")
        self.kind = kind


class SubscriptionLimitReached(DomainError):
    """The process has reached its quota of live queries on different resources."""

    message = "Too many different things are being watched at the moment. Try again later, or ask by a query."


class CallerLimitReached(SubscriptionLimitReached):
    """The caller, or their network, has reached the quota and must complete some live queries first."""

    message = "You are watching too many different things. Complete some of them first, or ask by a query."


class StaleRow(DomainError):
    """The row was written by another writer since it was read (optimistic locking)."""


class StaleCheckout(StaleRow):
    """A checkout's row is stale."""


class StaleChange(StaleRow):
    """The row of a requested change is stale."""


class StaleOffer(StaleRow):
    """The row of an offer of the waitlist is stale."""


class AlreadyCounted(DomainError):
    """A billing item or appointment already belongs to another checkout."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} belongs to another checkout")
        self.what = what


class UnknownState(DomainError):
    """A row has a state, or holds a document, that only a newer version of this program can act on."""


class AlertDeliveryFailed(DomainError):
    """An alert channel failed. The text contains neither its address nor its response."""


class UpstreamError(DomainError):
    """The system of record did not do what was asked. The text names only the operation."""


class UpstreamRefused(UpstreamError):
    """Upstream certainly refused: nothing was changed. `reason` is a code of ours, never upstream's text.

    `permission` is upstream's name of the permission that the API key lacks; None: the refusal has another cause.
    """

    def __init__(self, operation: str, reason: str, *, permission: str | None = None) -> None:
        super().__init__(f"{operation}: {reason}")
        self.reason = reason
        self.permission = permission


class UpstreamUnavailable(UpstreamError):
    """A read failed, or a change was not sent; nothing was changed."""


class AuditUnavailable(UpstreamUnavailable):
    """The audit trail cannot be written, so the call was not sent. Never raised for a call that was sent."""


class OutcomeUnknown(UpstreamError):
    """A change was sent, and it is unknown whether it was made."""
