"""Looking at what is marked: fetch the present state, compare it with the last, write down what that means.

A mark is looked at by one worker at a time, under a lease. Snapshot, events and the mark's end are one transaction that
does nothing once the lease is somebody else's. A mark that came while the state was being fetched leaves the row due.
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
    Snapshot,
    State,
    VisitState,
)
from booking.sync.derivation import ObservedChange, diff
from booking.sync.inbox import PendingRefresh
from booking.unit_of_work import UnitOfWork, UnitOfWorkFactory

# A look is one read upstream, which is given up after 12 s or so, and a short transaction.
LEASE = timedelta(seconds=60)

# Looks of one round, and of them at once: some forty rapid requests have brought a lockout, and patients' come first.
BATCH = 8
AT_ONCE = 4

# Doubles with every failure; an outage is over within the hour or so long that nobody should hammer it.
FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)

# What cannot be looked at for so long is for a person.
GIVEN_UP_AFTER = timedelta(days=1)

log = structlog.get_logger(__name__)


class ResourceSynchronizer:
    """Any number may run on one database.

    `wake` is told of a checkout that may be waiting for what landed, `forget_free_time` that free time may be other than
    remembered; neither is called before what they are told of is committed, and neither is waited for.
    """

    def __init__(
        self,
        *,
        units: UnitOfWorkFactory,
        watched: ResourceReader,
        wake: Callable[[str], None],
        forget_free_time: Callable[[], None],
        clock: Clock,
        name: str,
    ) -> None:
        self._units = units
        self._watched = watched
        self._wake = wake
        self._forget_free_time = forget_free_time
        self._clock = clock
        self._name = name  # of this process; unique among all that look
        self._serial = itertools.count(1)
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[Resource, asyncio.Task[None]] = {}

    async def run_due(self) -> None:
        """Start looking at what is due, as far as there is room beside the looks under way. Waits for none of them."""
        async with self._units() as unit:
            # Of those under way some are due still: they wait for their turn, and are not leased yet.
            due = await unit.pending_refreshes.due(self._clock.now(), limit=BATCH + len(self._under_way))
        room = BATCH - len(self._under_way)
        others = [one for one in due if one not in self._under_way]
        for one in others[:room]:
            self._under_way[one] = asyncio.create_task(self._look(one))

    async def drain(self) -> None:
        """Wait until the looks that were started have ended: each is given up by itself well within its lease."""
        if self._under_way:
            await asyncio.wait(self._under_way.values())

    async def _look(self, resource: Resource) -> None:
        """Look once, and tell what that brought. Nothing that fails here is another resource's trouble: it is logged."""
        try:
            async with self._turn:
                taken = await self._take(resource)
                seen = await self._see(*taken) if taken is not None else None
            if seen is None:
                return
            told, waiting = seen
            if any(event.name is EventName.AVAILABILITY_CHANGED for event in told):
                self._forget_free_time()
            for checkout_id in waiting:
                self._wake(checkout_id)
        except Exception:
            log.exception("sync.refresh_failed", resource=str(resource))
        finally:
            del self._under_way[resource]

    async def _see(
        self, mark: PendingRefresh, before: Snapshot
    ) -> tuple[Sequence[DomainEvent], Sequence[str]] | None:
        """Read the present state and write down what it means, answered as by `_settle`; None: it is put off."""
        try:
            state = await self._watched.read(mark.hint, known=before.state)
            return await self._settle(mark, before, state)
        except UpstreamUnavailable:
            await self._failed(mark, "upstream_unavailable")
        except Exception as error:
            log.exception("sync.refresh_failed", resource=str(mark.resource))
            await self._failed(mark, type(error).__name__)
        return None

    async def _take(self, resource: Resource) -> tuple[PendingRefresh, Snapshot] | None:
        """Claim the mark; nobody else writes its resource's snapshot while the lease is ours."""
        now = self._clock.now()
        owner = f"{self._name}/{next(self._serial)}"
        async with self._units() as unit:
            mark = await unit.pending_refreshes.lease(resource, owner, now=now, until=now + LEASE)
            before = await unit.snapshots.get(resource)
            await unit.commit()
        return (mark, before) if mark is not None else None

    async def _settle(
        self, mark: PendingRefresh, before: Snapshot, state: State | None
    ) -> tuple[Sequence[DomainEvent], Sequence[str]]:
        """Remember what was seen and write down what it means; answers that, and who may be waiting for it."""
        now = self._clock.now()
        changed = state != before.state if state is not None else not before.gone
        version = before.version + 1 if changed or mark.hint.merged else before.version
        found = diff(before, state, merged=mark.hint.merged, now=now)
        events = [_event(one, mark.resource, version=version, now=now) for one in found]
        async with self._units() as unit:
            if not await unit.pending_refreshes.done(mark, now=now):
                log.info("sync.lease_lost", resource=str(mark.resource))
                return (), ()
            after = replace(
                before, version=version, state=state or before.state, gone=state is None, seen_at=now
            )
            await unit.snapshots.save(after)
            await unit.outbox.add(events)
            waiting = await _waiting(unit, state)
            await unit.commit()
        for event in events:
            log.info("sync.event_derived", name=event.name, **event.ids)
        return events, waiting

    async def _failed(self, mark: PendingRefresh, why: str) -> None:
        """Look again later; give it to a person after a day."""
        now = self._clock.now()
        since = mark.failing_since or now
        dies = now - since >= GIVEN_UP_AFTER
        due_at = None if dies else now + min(FIRST_WAIT * (1 << min(mark.tries, 16)), LONGEST_WAIT)
        log.warning("sync.refresh_postponed", resource=str(mark.resource), tries=mark.tries + 1, why=why)
        async with self._units() as unit:
            if not await unit.pending_refreshes.failed(mark, due_at=due_at, now=now, error=why):
                return
            if dies:
                subject = f"{mark.resource.kind}:{mark.resource.id}"
                # Whoever heard of an earlier time has not heard of this one.
                await unit.alerts.forget(subject)
                await unit.alerts.raise_once(
                    Alert(reason=AttentionReason.WEBHOOK_GIVEN_UP, subject=subject, raised_at=now)
                )
            await unit.commit()


def _event(meaning: ObservedChange, resource: Resource, *, version: int, now: datetime) -> DomainEvent:
    return DomainEvent(
        id=event_id(resource, version, meaning.name),
        name=meaning.name,
        at=now,
        resource=resource,
        ids={name: value for name, value in meaning.ids.items() if value is not None},
        by=meaning.by,
    )


async def _waiting(unit: UnitOfWork, state: State | None) -> Sequence[str]:
    """Checkouts that wait to know what this state proves."""
    match state:
        case PaymentState(status=PaymentStatus.SUCCEEDED):
            waits_at = CheckoutState.CHARGE_INTENDED
        case VisitState(status=AppointmentStatus.BOOKED, deleted_at=None):
            waits_at = CheckoutState.BOOKING_INTENDED
        case _:
            return ()
    return await unit.checkouts.awaiting(waits_at, checkout_id=state.checkout_id, patient_id=state.patient_id)
