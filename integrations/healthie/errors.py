"""Errors specific to Healthie, beside those of any system of record (`integrations.upstream.errors`).

CallError
├── NotDone                 certain: nothing was changed
│   ├── UnsupportedVersion  Healthie does not, or no longer, support the API version
│   ├── Refused             a mutation returned messages: its refusal
│   └── …
├── GraphQLErrors           a read returned errors instead of data; a retry would not help
└── …

The text of an error never holds variables or Healthie's own texts: either may be patient data.
"""

from collections.abc import Sequence

from integrations.upstream.errors import CallError, NotDone


class UnsupportedVersion(NotDone):
    """Healthie does not support the requested API version."""

    code = "unsupported_version"


class Refused(NotDone):
    """A mutation's refusal. `messages` and `stripe_error` are Healthie's texts: only matched, never logged or shown."""

    code = "refused"

    def __init__(self, operation: str, messages: Sequence[str], stripe_error: str | None = None) -> None:
        super().__init__(operation)
        self.messages = tuple(messages)
        self.stripe_error = stripe_error

    @property
    def words(self) -> tuple[str, ...]:
        """All texts of the refusal: the messages and the card processor's error."""
        return (*self.messages, *([self.stripe_error] if self.stripe_error else []))


class GraphQLErrors(CallError):
    """A read returned errors instead of data."""

    code = "graphql_errors"
