"""Resource synchronizer: fetches a resource marked for a refresh, compares it with its last snapshot, and writes the events.

One worker at a time refreshes a resource, under a lease. Snapshot, events and the end of the pending refresh are one
transaction, which writes nothing once the lease is lost (fencing). A resource that was marked again during the fetch stays due.
An event of a visit names who requested its change here, see sync/attribution.py.
"""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from booking.checkout.model import CheckoutState
from booking.errors import UpstreamUnavailable
from booking.events.model import DomainEvent, EventName, event_id
from booking.models import AppointmentStatus
from booking.operations.model import Alert, AttentionReason
from booking.ports import Clock
from booking.resources import (
    PaymentState,
    PaymentStatus,
    Resource,
    ResourceReader,
    ResourceState,
    Snapshot,
    VisitState,
)
from booking.sync.attribution import attributed, may_be_requested
from booking.sync.derivation import ObservedChange, diff
from booking.sync.inbox import PendingRefresh
from booking.unit_of_work import UnitOfWork, UnitOfWorkFactory

# A refresh is one read upstream, which times out after 12 s or so, and a short transaction.
LEASE = timedelta(seconds=60)

# Refreshes under way, and how many of them run at once: some forty rapid requests have caused a lockout upstream, and
# requests of patients take precedence.
BATCH = 8
AT_ONCE = 4

# Exponential backoff: an outage is over within the hour, or so long that retrying more often does not help.
FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)

# A refresh that has failed for this long is escalated to a person.
GIVEN_UP_AFTER = timedelta(days=1)

log = structlog.get_logger(__name__)


class ResourceSynchronizer:
    """Refreshes marked resources. Any number of synchronizers may run on one database.

    `wake` is called with the id of a checkout that may be waiting for a charge or booking that has turned up upstream;
    `forget_free_time` when cached free time may be stale. Both are called after the commit, and must not block.
    """

    def __init__(
        self,
        *,
        units: UnitOfWorkFactory,
        reader: ResourceReader,
        wake: Callable[[str], None],
        forget_free_time: Callable[[], None],
        clock: Clock,
        name: str,
    ) -> None:
        self._units = units
        self._reader = reader
        self._wake = wake
        self._forget_free_time = forget_free_time
        self._clock = clock
        self._name = name  # of this process; unique among all synchronizers
        self._serial = itertools.count(1)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[Resource, asyncio.Task[None]] = {}

    async def run_due(self) -> None:
        """Start due refreshes in the background, up to BATCH together with those under way. Does not wait for them."""
        async with self._units() as unit:
            # Some of those under way are still due: they wait for the semaphore and are not leased yet.
            due = await unit.pending_refreshes.due(self._clock.now(), limit=BATCH + len(self._under_way))
        room = BATCH - len(self._under_way)
        others = [one for one in due if one not in self._under_way]
        for one in others[:room]:
            self._under_way[one] = asyncio.create_task(self._refresh(one))

    async def drain(self) -> None:
        """Wait until the refreshes under way have ended; each times out well within its lease."""
        if self._under_way:
            await asyncio.wait(self._under_way.values())

    async def _refresh(self, resource: Resource) -> None:
        """Refresh one resource. Logs every error: no other resource must suffer from it."""
        try:
            async with self._slots:
                leased = await self._lease(resource)
                outcome = await self._fetch(*leased) if leased is not None else None
            if outcome is None:
                return
            events, waiting = outcome
            if any(event.name is EventName.AVAILABILITY_CHANGED for event in events):
                self._forget_free_time()
            for checkout_id in waiting:
                self._wake(checkout_id)
        except Exception:
            log.exception("sync.refresh_failed", resource=str(resource))
        finally:
            del self._under_way[resource]

    async def _fetch(
        self, pending: PendingRefresh, before: Snapshot
    ) -> tuple[Sequence[DomainEvent], Sequence[str]] | None:
        """Read the current state and save it; returns as `_save`, None when that failed and a retry is scheduled."""
        try:
            state = await self._reader.read(pending.hint, known=before.state)
            return await self._save(pending, before, state)
        except UpstreamUnavailable:
            await self._failed(pending, "upstream_unavailable")
        except Exception as error:
            log.exception("sync.refresh_failed", resource=str(pending.resource))
            await self._failed(pending, type(error).__name__)
        return None

    async def _lease(self, resource: Resource) -> tuple[PendingRefresh, Snapshot] | None:
        """Lease the pending refresh; while the lease holds no other worker writes the resource's snapshot."""
        now = self._clock.now()
        owner = f"{self._name}/{next(self._serial)}"
        async with self._units() as unit:
            pending = await unit.pending_refreshes.lease(resource, owner, now=now, until=now + LEASE)
            before = await unit.snapshots.get(resource)
            await unit.commit()
        return (pending, before) if pending is not None else None

    async def _save(
        self, pending: PendingRefresh, before: Snapshot, state: ResourceState | None
    ) -> tuple[Sequence[DomainEvent], Sequence[str]]:
        """Write snapshot and events in one transaction.

        Returns the events, and ids of checkouts that may be waiting for the state.
        """
        now = self._clock.now()
        changed = state != before.state if state is not None else not before.gone
        version = before.version + 1 if changed or pending.hint.merged else before.version
        found = diff(before, state, merged=pending.hint.merged, now=now)
        async with self._units() as unit:
            if not await unit.pending_refreshes.done(pending, now=now):
                log.info("sync.lease_lost", resource=str(pending.resource))
                return (), ()
            after = replace(
                before, version=version, state=state or before.state, gone=state is None, seen_at=now
            )
            await unit.snapshots.save(after)
            if isinstance(state, VisitState) and may_be_requested(found, before):
                changes = await unit.changes.of_visit(pending.resource.id)
                found = attributed(found, changes, before=before, after=state)
            events = [_event(one, pending.resource, version=version, now=now) for one in found]
            await unit.outbox.add(events)
            waiting = await _waiting(unit, state)
            await unit.commit()
        for event in events:
            log.info("sync.event_derived", name=event.name, **event.ids)
        return events, waiting

    async def _failed(self, pending: PendingRefresh, why: str) -> None:
        """Schedule a retry with backoff; after GIVEN_UP_AFTER make it a dead letter, with an alert."""
        now = self._clock.now()
        since = pending.failing_since or now
        is_last = now - since >= GIVEN_UP_AFTER
        due_at = None if is_last else now + min(FIRST_WAIT * (1 << min(pending.tries, 16)), LONGEST_WAIT)
        log.warning(
            "sync.refresh_postponed", resource=str(pending.resource), tries=pending.tries + 1, why=why
        )
        async with self._units() as unit:
            if not await unit.pending_refreshes.failed(pending, due_at=due_at, now=now, error=why):
                return
            if is_last:
                subject = f"{pending.resource.kind}:{pending.resource.id}"
                # An alert of an earlier failure must not suppress this one.
                await unit.alerts.forget(subject)
                await unit.alerts.raise_once(
                    Alert(reason=AttentionReason.WEBHOOK_GIVEN_UP, subject=subject, raised_at=now)
                )
            await unit.commit()


def _event(change: ObservedChange, resource: Resource, *, version: int, now: datetime) -> DomainEvent:
    return DomainEvent(
        id=event_id(resource, version, change.name),
        name=change.name,
        at=now,
        resource=resource,
        ids={name: value for name, value in change.ids.items() if value is not None},
        by=change.by,
    )


async def _waiting(unit: UnitOfWork, state: ResourceState | None) -> Sequence[str]:
    """Ids of checkouts whose charge or booking, of unknown outcome, this state may prove."""
    match state:
        case PaymentState(status=PaymentStatus.SUCCEEDED):
            waits_at = CheckoutState.CHARGE_INTENDED
        case VisitState(status=AppointmentStatus.BOOKED, deleted_at=None):
            waits_at = CheckoutState.BOOKING_INTENDED
        case _:
            return ()
    return await unit.checkouts.awaiting(waits_at, checkout_id=state.checkout_id, patient_id=state.patient_id)
