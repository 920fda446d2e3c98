"""The port by which a system of record's webhooks are told genuine and read, each in the form that it sends them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from booking.sync.inbox import WebhookDelivery


class Forged(Exception):
    """Nobody who knows a secret of ours sent this. The text says what was wrong with it, never a value."""


class Malformed(Exception):
    """Genuine perhaps, and not what the source is known to send. The text as of Forged."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request as it arrived; `path` and `query` as the sender sees them, in front of any proxy."""

    path: str
    query: str  # without the question mark
    headers: Mapping[str, str]  # asked for in lower case
    body: bytes = field(repr=False)


class WebhookSource(Protocol):
    """A sender of webhooks. It asks nobody."""

    @property
    def path(self) -> str:
        """Where its webhooks arrive at this gateway; the same for good, since practices have it in their settings."""

    def verify(self, received: Received, secrets: Sequence[str]) -> None:
        """Raise Forged unless whoever knows one of the secrets sent exactly this."""

    def delivery_of(self, received: Received, *, at: datetime) -> WebhookDelivery:
        """What a verified request points at; it came in `at` (UTC). Raises Malformed."""
