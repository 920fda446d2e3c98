"""Port of a webhook source: verifies and parses a system of record's webhooks, in its own format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from booking.sync.inbox import WebhookDelivery


class Forged(Exception):
    """The signature does not match any of our secrets. The text says what was wrong, and never quotes a value."""


class Malformed(Exception):
    """The content is not what the source is known to send, whatever its signature. The text as of Forged."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """A webhook request; `path` and `query` are those that the sender signed, before any proxy rewrote them."""

    path: str
    query: str  # without the question mark
    headers: Mapping[str, str]  # looked up in lower case
    body: bytes = field(repr=False)


class WebhookSource(Protocol):
    """A sender of webhooks. Its methods do no I/O."""

    @property
    def path(self) -> str:
        """The path of its webhook endpoint at this gateway. Never changes: practices have configured it upstream."""

    def verify(self, received: Received, secrets: Sequence[str]) -> None:
        """Raise Forged unless the request is signed with one of the secrets, unaltered."""

    def delivery_of(self, received: Received, *, at: datetime) -> WebhookDelivery:
        """Parse a verified request that was received `at` (UTC). Raises Malformed."""
