"""Errors: what goes wrong besides an expected no to a patient, which is a refusal (refusals/).

DomainError
├── InvalidInput            the caller's mistake: which argument, and what to do
├── NotFound                no such thing for this caller (a foreign id and a missing id alike)
├── DeclaredInSettings      the practice's settings say what it is: it is changed there and nowhere else
├── Refusal                 in refusals/
├── SubscriptionLimitReached          this process watches no further thing
│   └── CallerLimitReached      or not for whoever asks
├── StaleCheckout           somebody else wrote the row first; whoever gets this stops
├── AlreadyCounted          a billing item or an appointment stands on another checkout's row
├── UnknownState            a row, or a stored outcome, of a newer version of this program, which is left to that one
├── AlertDeliveryFailed            a way to tell people failed; it is tried again
└── UpstreamError
    ├── UpstreamRefused     a certain no: nothing was done there
    ├── UpstreamUnavailable a read that failed, or a change that was not sent; nothing was changed
    │   └── AuditUnavailable    the call could not be recorded, so it was not made
    └── OutcomeUnknown      a change that may have been made: wait, look, never just send again
"""


class DomainError(Exception):
    """The root; its text never holds patient data."""


class InvalidInput(DomainError):
    """The caller's mistake."""

    def __init__(self, *, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class NotFound(DomainError):
    """No such thing for this caller."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"{kind} not found")
        self.kind = kind


class DeclaredInSettings(DomainError):
    """The practice's settings say what it is: it is changed there and nowhere else."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"{kind} is declared in the settings")
        self.kind = kind


class SubscriptionLimitReached(DomainError):
    """So many different things are watched in this process that it watches no further one."""

    message = "Too many different things are being watched at the moment. Try again later, or ask by a query."


class CallerLimitReached(SubscriptionLimitReached):
    """Whoever asks, or their network, watches so many different things that they must leave some first."""

    message = "You are watching too many different things. Complete some of them first, or ask by a query."


class StaleCheckout(DomainError):
    """The row was written by somebody else since it was read."""


class AlreadyCounted(DomainError):
    """One billing item or appointment would be counted for two checkouts."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} belongs to another checkout")
        self.what = what


class UnknownState(DomainError):
    """A row stands at a state, or holds a document, that only a newer version of this program can act on."""


class AlertDeliveryFailed(DomainError):
    """A way to tell people failed; the text names neither its address nor what it answered."""


class UpstreamError(DomainError):
    """The system of record did not do what was asked; the text names the operation only."""


class UpstreamRefused(UpstreamError):
    """A certain refusal: nothing was changed. `reason` is a code of ours, never upstream's text."""

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"{operation}: {reason}")
        self.reason = reason


class UpstreamUnavailable(UpstreamError):
    """A read failed, or a change was not sent; nothing was changed."""


class AuditUnavailable(UpstreamUnavailable):
    """The audit trail cannot be written, so the call was not sent. Never raised for a call that was."""


class OutcomeUnknown(UpstreamError):
    """A change was sent, and whether it was made is not known."""
