"""Inbox of webhooks, pending refreshes and snapshots: values and ports.

A received webhook is stored in the inbox and leaves a pending refresh for its resource; sync/synchronizer.py works these off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from booking.resources import ChangeHint, Resource, Snapshot
from booking.stored_names import Unknown


class DeliverySource(StrEnum):
    """How an entry came into the inbox."""

    WEBHOOK = "webhook"
    OPERATOR = "operator"
    MISSED = "missed"  # found by reconciliation: upstream sent or listed it, and no webhook had arrived


@dataclass(frozen=True, kw_only=True)
class WebhookDelivery:
    """One notification of a change, as the inbox stores it. Ids and names only, no patient data."""

    event: str  # upstream's own name for it
    resource_type: str  # upstream's own name
    resource_id: str
    received_at: datetime  # UTC
    hint: ChangeHint | None  # None: not about a resource that is synchronized
    source: DeliverySource | Unknown = DeliverySource.WEBHOOK


@dataclass(frozen=True, kw_only=True)
class PendingRefresh:
    """A resource that must be fetched again. One row for each resource, however many notifications arrived."""

    hint: ChangeHint
    marks: int  # notifications so far: if it grows during a refresh, another refresh follows
    first_marked_at: datetime  # UTC
    marked_at: datetime  # UTC; the latest
    tries: int  # failed refreshes
    failing_since: datetime | None  # UTC
    due_at: datetime | None  # UTC; None: no retry, it is a dead letter
    dead_at: datetime | None = None  # UTC; when it became a dead letter and was escalated
    error: str | None = None  # a code: why the last refresh failed
    lease_owner: str | None = None

    @property
    def resource(self) -> Resource:
        """The resource to fetch."""
        return self.hint.resource


class Inbox(Protocol):
    """Port: stores webhooks before they are acknowledged."""

    async def accept(self, delivery: WebhookDelivery) -> None:
        """Store it and mark its resource for a refresh, in one transaction that has committed when this returns."""


@dataclass(frozen=True, kw_only=True)
class DeliveryStats:
    """Number, first and last of the webhooks received in a period."""

    count: int
    first: datetime | None  # UTC
    last: datetime | None  # UTC


class StoredInbox(Inbox, Protocol):
    """Port: the inbox, to be read too."""

    async def received(self, since: datetime) -> Sequence[WebhookDelivery]:
        """Entries received since `since`, oldest first; their `hint` is None."""

    async def delivery_stats(self, since: datetime) -> DeliveryStats:
        """Statistics of entries with source WEBHOOK since `since`."""


class PendingRefreshes(Protocol):
    """Port: pending refreshes, one row for each resource, inside one unit of work."""

    async def mark(self, hint: ChangeHint, *, now: datetime) -> None:
        """Mark the resource for a refresh due now: adds or counts up its row, and revives a dead letter."""

    async def due(self, now: datetime, *, limit: int) -> Sequence[Resource]:
        """Resources due at `now` that are not leased, longest due first."""

    async def lease(
        self, resource: Resource, owner: str, *, now: datetime, until: datetime
    ) -> PendingRefresh | None:
        """Lease the refresh; None when it is leased already or not due."""

    async def done(self, pending: PendingRefresh, *, now: datetime) -> bool:
        """Complete the refresh: delete the row, or keep it due now if it was marked again since the lease.

        Returns False when the lease was lost and nothing was written (fencing by lease owner).
        """

    async def failed(
        self, pending: PendingRefresh, *, due_at: datetime | None, now: datetime, error: str
    ) -> bool:
        """Record a failed refresh and when the next is due. Returns False as `done`.

        `due_at` None: it becomes a dead letter, unless it was marked again since the lease; then it starts afresh, due now.
        """


class Snapshots(Protocol):
    """Port: the last snapshot of each resource, inside one unit of work."""

    async def get(self, resource: Resource) -> Snapshot:
        """The last snapshot; one with version 0 when the resource was never fetched."""

    async def save(self, snapshot: Snapshot) -> None:
        """Replace the earlier snapshot."""

    async def standing_visits(self, first: datetime, last: datetime) -> Sequence[str]:
        """Ids of visits that, by their last snapshot, are not deleted and start in [first, last)."""


class Polls(Protocol):
    """Port: schedules of polls, inside one unit of work. Of all workers one claims each round."""

    async def claim(
        self, name: str, *, now: datetime, next_at: datetime, begins: datetime
    ) -> datetime | None:
        """Claim the round if it is due, and set the next to `next_at`.

        Returns the poll's cursor (`begins` at first); None: not due.
        """

    async def seen(self, name: str, until: datetime) -> None:
        """Advance the cursor: all changes until `until` have been seen."""
