"""The inbox of words from upstream, and the dirty marks that they leave; what a worker makes of a mark is in sync/synchronizer.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from booking.resources import ChangeHint, Resource, Snapshot
from booking.stored_names import Unknown


class Source(StrEnum):
    """How we heard of it."""

    WEBHOOK = "webhook"
    OPERATOR = "operator"
    MISSED = "missed"  # upstream tried to tell us, and we had not heard


@dataclass(frozen=True, kw_only=True)
class WebhookDelivery:
    """One word from upstream, as the inbox keeps it. Ids and names only."""

    event: str  # upstream's own name for it
    resource_type: str  # upstream's own name
    resource_id: str
    received_at: datetime  # UTC
    hint: ChangeHint | None  # None: about nothing that is watched
    source: Source | Unknown = Source.WEBHOOK


@dataclass(frozen=True, kw_only=True)
class PendingRefresh:
    """A resource that must be looked at."""

    hint: ChangeHint
    marks: int  # how often it was marked: another mark while it is looked at means another look
    first_marked_at: datetime  # UTC
    marked_at: datetime  # UTC; the latest
    tries: int  # looks that failed
    failing_since: datetime | None  # UTC
    due_at: datetime | None  # UTC; None: nobody looks any more
    dead_at: datetime | None = None  # UTC; when it was given to a person
    error: str | None = None  # a code: why the last look failed
    lease_owner: str | None = None

    @property
    def resource(self) -> Resource:
        """What is to be looked at."""
        return self.hint.resource


class Inbox(Protocol):
    """Where words are kept before they are acknowledged."""

    async def accept(self, delivery: WebhookDelivery) -> None:
        """Keep it and mark its resource, durably when this returns; in a transaction of its own."""


@dataclass(frozen=True, kw_only=True)
class DeliveryStats:
    """How often webhooks came in, over some time."""

    count: int
    first: datetime | None  # UTC
    last: datetime | None  # UTC


class StoredInbox(Inbox, Protocol):
    """The inbox, for whoever looks after it."""

    async def received(self, since: datetime) -> Sequence[WebhookDelivery]:
        """What came in since the moment, oldest first; without the pokes."""

    async def delivery_stats(self, since: datetime) -> DeliveryStats:
        """How often webhooks came in since the moment."""


class PendingRefreshes(Protocol):
    """Dirty marks, one row a resource, inside one unit of work."""

    async def mark(self, hint: ChangeHint, *, now: datetime) -> None:
        """Mark it; what is marked already is marked once more, what was given up is taken up again."""

    async def due(self, now: datetime, *, limit: int) -> Sequence[Resource]:
        """What is to be looked at and nobody looks at, longest due first."""

    async def lease(
        self, resource: Resource, owner: str, *, now: datetime, until: datetime
    ) -> PendingRefresh | None:
        """Claim it; None when somebody else has, or nothing is to be done."""

    async def done(self, mark: PendingRefresh, *, now: datetime) -> bool:
        """Take the mark away, or leave it due when it was marked again since. False: the lease is somebody else's by now."""

    async def failed(
        self, mark: PendingRefresh, *, due_at: datetime | None, now: datetime, error: str
    ) -> bool:
        """Note a look that failed, and when the next is due. False as `done`.

        None: give it to a person; where it was marked again since, it is due afresh all the same.
        """


class Snapshots(Protocol):
    """What was last seen of each resource, inside one unit of work."""

    async def get(self, resource: Resource) -> Snapshot:
        """The last snapshot; one of version 0 when it was never seen."""

    async def save(self, snapshot: Snapshot) -> None:
        """Put it in the place of the earlier one."""

    async def standing_visits(self, first: datetime, last: datetime) -> Sequence[str]:
        """Ids of visits that, when last seen, stood and started between these moments."""


class Polls(Protocol):
    """When something was last asked for by ourselves, inside one unit of work: one worker at a time asks."""

    async def claim(
        self, name: str, *, now: datetime, next_at: datetime, begins: datetime
    ) -> datetime | None:
        """Take the turn that is due; answers up to when was seen before (`begins`, the first time). None: not due."""

    async def seen(self, name: str, until: datetime) -> None:
        """Note up to when has been seen."""
