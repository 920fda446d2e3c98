"""Subscribers and the deliveries of events to them: values and ports. The dispatching itself is in events/dispatcher.py.

A subscriber is a handler (the practice's own function, called in a worker) or an endpoint (another system, called over HTTP).
Each has its own cursor in the outbox, up to which events have been fanned out to it, and one delivery for every event it wants.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from booking.events.model import DomainEvent, EventName
from booking.stored_names import Unknown

# Prefix of the ids of endpoints declared in the settings; the name that the settings give them follows.
FROM_SETTINGS = "settings:"

# Reason code of an endpoint that is disabled because the settings no longer declare it.
UNDECLARED = "undeclared"


class DeliveryFailed(Exception):
    """The subscriber did not accept the event. The text is a code and holds nothing of the subscriber's response."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class EndpointGone(DeliveryFailed):
    """The subscriber wants no more events (HTTP 410). The dispatcher disables it at once."""


class Subscriber(Protocol):
    """A receiver of events: a handler or an endpoint."""

    @property
    def id(self) -> str:
        """Stable id: the same in every process and after every restart."""

    @property
    def events(self) -> Collection[str] | None:
        """Names of the events to deliver; None means all."""

    async def deliver(self, event: DomainEvent) -> None:
        """Deliver one event; a normal return means that it was accepted.

        Raises DeliveryFailed or EndpointGone; the dispatcher treats every other exception as a failed delivery.
        """


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A signing secret of one endpoint."""

    text: str = field(repr=False)  # `whsec_` and 32 random bytes in base64
    until: datetime | None = None  # UTC; a rotated secret signs until then. None: no end


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Another system that receives events over HTTP."""

    id: str
    url: str = field(repr=False)  # it may carry a token
    events: frozenset[EventName | Unknown] | None  # None: all
    secrets: tuple[Secret, ...]  # the current one first; empty: the stored ones cannot be decrypted
    created_at: datetime  # UTC
    disabled_at: datetime | None = None  # UTC
    disabled_because: str | None = None  # a code
    failing_since: datetime | None = None  # UTC; it has accepted nothing since then

    @property
    def declared(self) -> bool:
        """Whether it comes, or came, from the settings instead of an operator command."""
        return self.id.startswith(FROM_SETTINGS)

    def live_secrets(self, now: datetime) -> Sequence[str]:
        """The secrets that sign at `now`, the current one first."""
        return [one.text for one in self.secrets if one.until is None or now < one.until]


@dataclass(frozen=True, kw_only=True)
class EventDelivery:
    """One event for one subscriber, retried until it is accepted or becomes a dead letter."""

    subscriber_id: str
    sequence: int  # the event's sequence in the outbox
    event: DomainEvent
    tries: int  # failed attempts so far
    failing_since: datetime | None  # UTC; time of the first failed attempt
    lease_owner: str | None = None


class EventDeliveries(Protocol):
    """Port: cursors and deliveries of all subscribers, inside one unit of work."""

    async def register(self, subscriber_id: str, *, now: datetime) -> None:
        """Add a subscriber with its cursor after the latest event. Idempotent: a known subscriber keeps its cursor."""

    async def pending(self, now: datetime) -> Sequence[str]:
        """Ids of enabled subscribers with events to fan out or deliveries due."""

    async def fan_out(self, subscriber_id: str, wants: Collection[str] | None, *, limit: int) -> None:
        """Create deliveries for the next `limit` events that match `wants` (None: all), and advance the cursor."""

    async def due(self, subscriber_id: str, now: datetime, *, limit: int) -> Sequence[EventDelivery]:
        """Deliveries due at `now` that are not leased, in the order of the outbox."""

    async def lease(
        self, delivery: EventDelivery, owner: str, *, now: datetime, until: datetime
    ) -> EventDelivery | None:
        """Lease the delivery; None when it is leased already, not due any more, or its subscriber is disabled."""

    async def mark_delivered(self, delivery: EventDelivery, *, now: datetime) -> bool:
        """Record that the event was accepted; True if this ended a period of failures.

        Does nothing if the lease was lost.
        """

    async def mark_failed(
        self, delivery: EventDelivery, *, due_at: datetime | None, now: datetime, why: str
    ) -> datetime | None:
        """Record a failed attempt and when the next is due (`due_at` None: never, it is a dead letter).

        Returns since when the subscriber has been failing; None when the lease was lost and nothing was written.
        """

    async def redeliver(
        self,
        subscriber_id: str,
        wants: Collection[str] | None,
        *,
        since: datetime,
        until: datetime,
        now: datetime,
    ) -> int:
        """Make the events dated in [since, until) due again, whether or not they were delivered. Returns how many."""

    async def retry_all(self, subscriber_id: str, *, now: datetime) -> int:
        """Make every undelivered event due now, dead letters included. Returns how many."""

    async def remove(self, subscriber_id: str) -> bool:
        """Delete the subscriber with all its deliveries. Returns whether it existed."""


class Endpoints(Protocol):
    """Port: the stored endpoints, inside one unit of work."""

    async def add(self, endpoint: Endpoint) -> None:
        """Store a new endpoint; it receives events that are written from now on."""

    async def declare(self, endpoints: Sequence[Endpoint], *, now: datetime) -> Sequence[str]:
        """Synchronize the endpoints from the settings with `endpoints`: create, update, and disable what is no longer declared.

        An endpoint that was disabled as undeclared is enabled when it is declared again; returns the ids of these. One that
        was disabled for another reason stays disabled.
        """

    async def get(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint; None when the id is unknown or a handler's."""

    async def rotate(self, endpoint_id: str, secrets: Sequence[Secret]) -> None:
        """Replace the secrets of the endpoint by `secrets`."""

    async def disable(self, endpoint_id: str, *, because: str, now: datetime) -> bool:
        """Stop deliveries until it is enabled; `because` is a code. Returns whether there is such an endpoint."""

    async def enable(self, endpoint_id: str) -> None:
        """Resume deliveries."""
