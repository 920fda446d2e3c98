"""Event dispatcher: delivers events to subscribers at least once, with retries over three days.

Each subscriber has its own pace: one that fails or hangs delays no other. One worker at a time makes a delivery, under a
lease and with no transaction open. If it crashes before it records the result, another worker delivers again once the lease
has expired: nothing is lost, and a subscriber may receive an event twice, with the same id.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import structlog

from booking.events.deliveries import DeliveryFailed, Endpoint, EndpointGone, EventDelivery, Subscriber
from booking.operations.model import Alert, AttentionReason
from booking.ports import Clock
from booking.tasks import cancel_and_wait
from booking.unit_of_work import UnitOfWork, UnitOfWorkFactory

# Backoff after each failure, as Standard Webhooks suggests: soon after a glitch, and over more than three days in an outage.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)

# Each wait is longer by up to this fraction, so that deliveries that failed together are not retried together.
JITTER = 0.1

# Alert while there is time to repair it, but not on every glitch: this is the fourth failure.
WORTH_AN_ALERT = timedelta(minutes=30)

# One attempt is abandoned after this; the lease must be longer.
DELIVERY_TIMEOUT = timedelta(seconds=30)
LEASE = timedelta(seconds=60)

# Deliveries to one subscriber in one round, and how many of them run at once: more would flood one that was down.
BATCH = 100
AT_ONCE = 8

# Events that are fanned out in one transaction.
FAN_OUT = 500

# How long shutdown waits for deliveries in progress; another worker repeats those that are cut off.
SHUTDOWN_GRACE_SECONDS = 5.0

log = structlog.get_logger(__name__)


class EventDispatcher:
    """Dispatches events to subscribers. Any number of dispatchers may run on one database.

    `handlers` are those of this process, by id; `reach` makes a subscriber of an endpoint; `jitter` returns 0 to 1.
    """

    def __init__(
        self,
        *,
        units: UnitOfWorkFactory,
        handlers: Mapping[str, Subscriber],
        reach: Callable[[Endpoint], Subscriber],
        clock: Clock,
        name: str,
        jitter: Callable[[], float],
    ) -> None:
        self._units = units
        self._handlers = handlers
        self._reach = reach
        self._clock = clock
        self._name = name  # of this process; unique among all dispatchers
        self._jitter = jitter
        self._serial = itertools.count(1)
        self._rounds: dict[str, asyncio.Task[None]] = {}

    async def register(self) -> None:
        """Register this process's handlers; a new one receives events that are written from now on."""
        async with self._units() as unit:
            for handler_id in self._handlers:
                await unit.deliveries.register(handler_id, now=self._clock.now())
            await unit.commit()

    async def dispatch(self) -> None:
        """Start a round, in the background, for every subscriber with pending work and no round in progress.

        Does not wait.
        """
        self._rounds = {
            subscriber_id: task for subscriber_id, task in self._rounds.items() if not task.done()
        }
        for subscriber in await self._pending():
            self._rounds[subscriber.id] = asyncio.create_task(self._round(subscriber))

    async def drain(self) -> None:
        """Wait until the rounds in progress have ended."""
        if self._rounds:
            await asyncio.wait(self._rounds.values())

    async def aclose(self) -> None:
        """Wait SHUTDOWN_GRACE_SECONDS for deliveries in progress, then cancel the rest."""
        await cancel_and_wait([*self._rounds.values()], grace=SHUTDOWN_GRACE_SECONDS)

    async def _pending(self) -> list[Subscriber]:
        async with self._units() as unit:
            pending = [
                one for one in await unit.deliveries.pending(self._clock.now()) if one not in self._rounds
            ]
            read = [await unit.endpoints.get(one) for one in pending if one not in self._handlers]
        handlers = [self._handlers[one] for one in pending if one in self._handlers]
        # An id that is neither is a handler that is installed in other workers only.
        return [*handlers, *(self._reach(endpoint) for endpoint in read if endpoint is not None)]

    async def _round(self, subscriber: Subscriber) -> None:
        try:
            async with self._units() as unit:
                await unit.deliveries.fan_out(subscriber.id, subscriber.events, limit=FAN_OUT)
                due = await unit.deliveries.due(subscriber.id, self._clock.now(), limit=BATCH)
                await unit.commit()
            slots = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as tasks:
                for deliveries in _by_resource(due):
                    tasks.create_task(self._in_order(subscriber, deliveries, slots))
        except Exception:
            log.exception("events.dispatch_failed", subscriber=subscriber.id)

    async def _in_order(
        self, subscriber: Subscriber, deliveries: Iterable[EventDelivery], slots: asyncio.Semaphore
    ) -> None:
        """Deliver the events of one resource one after another. Best effort: a failed one does not hold up the next."""
        for delivery in deliveries:
            async with slots:
                await self._deliver(subscriber, delivery)

    async def _deliver(self, subscriber: Subscriber, due: EventDelivery) -> None:
        delivery = await self._lease(due)
        if delivery is None:
            return
        try:
            async with asyncio.timeout(DELIVERY_TIMEOUT.total_seconds()):
                await subscriber.deliver(delivery.event)
        except DeliveryFailed as error:
            await self._delivery_failed(delivery, error.why, gone=isinstance(error, EndpointGone))
        except TimeoutError:
            await self._delivery_failed(delivery, "timeout")
        except Exception as error:  # noqa: BLE001 - from a handler: its text may hold patient data
            await self._delivery_failed(delivery, type(error).__name__)
        else:
            await self._delivered(delivery)

    async def _lease(self, delivery: EventDelivery) -> EventDelivery | None:
        now = self._clock.now()
        owner = f"{self._name}/{next(self._serial)}"
        async with self._units() as unit:
            leased = await unit.deliveries.lease(delivery, owner, now=now, until=now + LEASE)
            await unit.commit()
        return leased

    async def _delivered(self, delivery: EventDelivery) -> None:
        async with self._units() as unit:
            if await unit.deliveries.mark_delivered(delivery, now=self._clock.now()):
                # So that the next outage raises an alert again.
                await unit.alerts.forget(delivery.subscriber_id)
            await unit.commit()
        log.info("events.delivered", subscriber=delivery.subscriber_id, event_id=delivery.event.id)

    async def _delivery_failed(self, delivery: EventDelivery, why: str, *, gone: bool = False) -> None:
        """Schedule a retry with backoff; after the last one, or when the endpoint is gone, escalate."""
        now = self._clock.now()
        is_last = gone or delivery.tries >= len(WAITS)
        due_at = None if is_last else now + WAITS[delivery.tries] * (1 + JITTER * self._jitter())
        log.warning(
            "events.delivery_failed",
            subscriber=delivery.subscriber_id,
            event_id=delivery.event.id,
            tries=delivery.tries + 1,
            why=why,
        )
        async with self._units() as unit:
            failing_since = await unit.deliveries.mark_failed(delivery, due_at=due_at, now=now, why=why)
            if failing_since is None:
                return
            if is_last:
                await self._escalate(unit, delivery, failing_since, now=now, gone=gone)
            elif now - failing_since >= WORTH_AN_ALERT:
                await _alert(unit, AttentionReason.SUBSCRIBER_FAILING, delivery, now)
            await unit.commit()

    async def _escalate(
        self, unit: UnitOfWork, delivery: EventDelivery, failing_since: datetime, *, now: datetime, gone: bool
    ) -> None:
        """Disable an endpoint that is gone, or that accepted nothing since this delivery first failed.

        In all other cases alert that the delivery is a dead letter; a handler is never disabled.
        """
        accepted_nothing = delivery.failing_since is None or failing_since <= delivery.failing_since
        if gone or accepted_nothing:
            because = "gone" if gone else "failing"
            if await unit.endpoints.disable(delivery.subscriber_id, because=because, now=now):
                log.error("events.endpoint_disabled", subscriber=delivery.subscriber_id, because=because)
                await _alert(unit, AttentionReason.ENDPOINT_DISABLED, delivery, now)
                return
        await _alert(unit, AttentionReason.EVENT_NOT_DELIVERED, delivery, now)


def _by_resource(deliveries: Iterable[EventDelivery]) -> Iterable[list[EventDelivery]]:
    """The deliveries grouped by resource, each group in the order of the outbox."""
    groups: dict[str, list[EventDelivery]] = {}
    for delivery in deliveries:
        groups.setdefault(str(delivery.event.resource), []).append(delivery)
    return groups.values()


async def _alert(unit: UnitOfWork, reason: AttentionReason, delivery: EventDelivery, now: datetime) -> None:
    await unit.alerts.raise_once(Alert(reason=reason, subject=delivery.subscriber_id, raised_at=now))
