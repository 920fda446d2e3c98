"""What can go wrong between us and Healthie besides what can with any system of record (`integrations.upstream.errors`).

CallError
├── NotDone                 it is certain that nothing was changed
│   ├── UnsupportedVersion  the API version is no longer, or not yet, answered
│   ├── Refused             a mutation answered with messages: its own no
│   └── …
├── GraphQLErrors           a read was answered with errors instead of data; asking again would not help
└── …

No text of these holds variables or what Healthie wrote: either may be patient data.
"""

from collections.abc import Sequence

from integrations.upstream.errors import CallError, NotDone


class UnsupportedVersion(NotDone):
    """Healthie does not answer the API version that we ask for."""

    code = "unsupported_version"


class Refused(NotDone):
    """A mutation's own no. `messages` and `stripe_error` are Healthie's words: matched, never logged or shown."""

    code = "refused"

    def __init__(self, operation: str, messages: Sequence[str], stripe_error: str | None = None) -> None:
        super().__init__(operation)
        self.messages = tuple(messages)
        self.stripe_error = stripe_error

    @property
    def words(self) -> tuple[str, ...]:
        """Everything that was said, messages and the card processor's error alike."""
        return (*self.messages, *([self.stripe_error] if self.stripe_error else []))


class GraphQLErrors(CallError):
    """A read was answered with errors instead of data."""

    code = "graphql_errors"
