"""Who is told of events, and what each of them is still to be told: values and ports. What is made of them is in events/dispatcher.py.

A subscriber is a handler (a function of the practice's own, in a worker) or an endpoint (another system, over HTTP). Each
has a place in the outbox of its own, up to which letters were written to it, and a letter for every event that it wants.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from booking.events.model import DomainEvent, EventName
from booking.stored_names import Unknown

# How the ids of endpoints begin that the practice's settings declare; the name that they have there follows.
FROM_SETTINGS = "settings:"

# Why such an endpoint is disabled that is declared no longer.
UNDECLARED = "undeclared"


class DeliveryFailed(Exception):
    """The subscriber did not take the event; the text is a code, without anything of the subscriber's answer."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class EndpointGone(DeliveryFailed):
    """The subscriber says that it wants no more events."""


class Subscriber(Protocol):
    """Somebody who is told."""

    @property
    def id(self) -> str:
        """The same in every process and for ever."""

    @property
    def events(self) -> Collection[str] | None:
        """What they want to be told; None: everything."""

    async def deliver(self, event: DomainEvent) -> None:
        """Tell it; returning means that they have taken it. Raises DeliveryFailed, Gone; whatever else counts as DeliveryFailed."""


@dataclass(frozen=True, kw_only=True)
class Secret:
    """What signs the events of one endpoint."""

    text: str = field(repr=False)  # `whsec_` and 32 random bytes in base64
    until: datetime | None = None  # UTC; after a rotation the former one signs until then


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Another system that is told over HTTP."""

    id: str
    url: str = field(repr=False)  # it may carry a token
    events: frozenset[EventName | Unknown] | None  # None: all
    secrets: tuple[Secret, ...]  # the present one first; none: those that are stored cannot be read
    created_at: datetime  # UTC
    disabled_at: datetime | None = None  # UTC
    disabled_because: str | None = None  # a code
    failing_since: datetime | None = None  # UTC; it has taken nothing since

    @property
    def declared(self) -> bool:
        """Whether the practice's settings say, or said, what it is."""
        return self.id.startswith(FROM_SETTINGS)

    def live_secrets(self, now: datetime) -> Sequence[str]:
        """Those that sign now, the present one first."""
        return [one.text for one in self.secrets if one.until is None or now < one.until]


@dataclass(frozen=True, kw_only=True)
class EventDelivery:
    """One event for one subscriber, until it is told or given up."""

    subscriber_id: str
    sequence: int  # the event's place in the outbox
    event: DomainEvent
    tries: int  # that failed
    failing_since: datetime | None  # UTC; when the first of them failed
    lease_owner: str | None = None


class EventDeliveries(Protocol):
    """Subscribers' places and letters, inside one unit of work."""

    async def register(self, subscriber_id: str, *, now: datetime) -> None:
        """Let a new subscriber be told what comes from now on; whoever is known stays at their place."""

    async def pending(self, now: datetime) -> Sequence[str]:
        """Ids of those for whom something is to be done, whom nobody has disabled."""

    async def fan_out(self, subscriber_id: str, wants: Collection[str] | None, *, limit: int) -> None:
        """Write letters of the next `limit` events behind their place, and move it on."""

    async def due(self, subscriber_id: str, now: datetime, *, limit: int) -> Sequence[EventDelivery]:
        """Letters to be told now that nobody has a lease on, earliest event first."""

    async def lease(
        self, delivery: EventDelivery, owner: str, *, now: datetime, until: datetime
    ) -> EventDelivery | None:
        """Claim it; None when somebody else has, or it is told, or its subscriber has been disabled."""

    async def mark_delivered(self, delivery: EventDelivery, *, now: datetime) -> bool:
        """Note that it was told; answers whether the subscriber had been failing until now."""

    async def mark_failed(
        self, delivery: EventDelivery, *, due_at: datetime | None, now: datetime, why: str
    ) -> datetime | None:
        """Note that it was not told, and when it is to be told again (None: never); answers since when the subscriber is failing.

        None: the lease is somebody else's by now, and nothing was written.
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
        """Make events of this time (`since` included, `until` not) due once more, told or not; answers how many."""

    async def retry_all(self, subscriber_id: str, *, now: datetime) -> int:
        """Make all that was not told due now, what was given up included; answers how many letters."""

    async def remove(self, subscriber_id: str) -> bool:
        """Forget the subscriber, and everything that it was to be told; answers whether there was one."""


class Endpoints(Protocol):
    """Endpoints, inside one unit of work."""

    async def add(self, endpoint: Endpoint) -> None:
        """Keep a new one; it is told what comes from now on."""

    async def declare(self, endpoints: Sequence[Endpoint], *, now: datetime) -> Sequence[str]:
        """Make those from the settings be these: as they are declared now, and disabled if they are so no longer.

        One that was disabled for that is enabled when it comes back: answers their ids. One that was disabled for another
        reason stays so.
        """

    async def get(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint."""

    async def rotate(self, endpoint_id: str, secrets: Sequence[Secret]) -> None:
        """Put these secrets in the place of the former."""

    async def disable(self, endpoint_id: str, *, because: str, now: datetime) -> bool:
        """Tell it nothing until it is enabled; answers whether there is such an endpoint."""

    async def enable(self, endpoint_id: str) -> None:
        """Tell it again."""
