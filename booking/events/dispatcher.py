"""Telling subscribers what happened: at least once, each at its own pace, again after failures, for three days.

A letter is told by one worker at a time, under a lease, with no transaction open. Who dies between telling and noting it
leaves the letter to be told again; nothing is lost, and a subscriber may hear an event twice, by the same id.
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

# After each failure. Standard Webhooks suggests these: soon after a slip, and over more than three days in an outage.
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

# Each wait is longer by up to this part of it: what failed together does not come back together.
JITTER = 0.1

# People hear of it while there is time to mend it, and not of every slip: the fourth failure.
WORTH_AN_ALERT = timedelta(minutes=30)

# A subscriber is given up on within this; its lease is longer.
DELIVERY_TIMEOUT = timedelta(seconds=30)
LEASE = timedelta(seconds=60)

# Letters of one subscriber in one round, and of them at once: more is a flood for whoever was away.
BATCH = 100
AT_ONCE = 8

# Events that are spread in one transaction.
FAN_OUT = 500

# How long those who are being told are waited for at the end; what is left is told again by another worker.
GOODBYE_SECONDS = 5.0

log = structlog.get_logger(__name__)


class EventDispatcher:
    """Any number may run on one database.

    `handlers` are those of this process, by their ids; `reach` is how an endpoint is reached; `jitter` answers 0 to 1.
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
        self._name = name  # of this process; unique among all that tell
        self._jitter = jitter
        self._serial = itertools.count(1)
        self._rounds: dict[str, asyncio.Task[None]] = {}

    async def register(self) -> None:
        """Make this process's handlers known, so that they are told what comes from now on."""
        async with self._units() as unit:
            for handler_id in self._handlers:
                await unit.deliveries.register(handler_id, now=self._clock.now())
            await unit.commit()

    async def dispatch(self) -> None:
        """Start a round for everybody who has something to be told and is not being told already. Waits for none of them."""
        self._rounds = {who: task for who, task in self._rounds.items() if not task.done()}
        for subscriber in await self._waiting():
            self._rounds[subscriber.id] = asyncio.create_task(self._round(subscriber))

    async def drain(self) -> None:
        """Wait until the rounds that were started have ended."""
        if self._rounds:
            await asyncio.wait(self._rounds.values())

    async def aclose(self) -> None:
        """Let those who are being told take it, for a moment."""
        await cancel_and_wait([*self._rounds.values()], grace=GOODBYE_SECONDS)

    async def _waiting(self) -> list[Subscriber]:
        async with self._units() as unit:
            busy = [
                one for one in await unit.deliveries.pending(self._clock.now()) if one not in self._rounds
            ]
            read = [await unit.endpoints.get(one) for one in busy if one not in self._handlers]
        handlers = [self._handlers[one] for one in busy if one in self._handlers]
        # Neither of this process's handlers nor an endpoint: a handler that others have.
        return [*handlers, *(self._reach(endpoint) for endpoint in read if endpoint is not None)]

    async def _round(self, subscriber: Subscriber) -> None:
        try:
            async with self._units() as unit:
                await unit.deliveries.fan_out(subscriber.id, subscriber.events, limit=FAN_OUT)
                due = await unit.deliveries.due(subscriber.id, self._clock.now(), limit=BATCH)
                await unit.commit()
            turns = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as event_dispatch:
                for line in _lines(due):
                    event_dispatch.create_task(self._in_order(subscriber, line, turns))
        except Exception:
            log.exception("events.dispatch_failed", subscriber=subscriber.id)

    async def _in_order(
        self, subscriber: Subscriber, deliveries: Iterable[EventDelivery], turns: asyncio.Semaphore
    ) -> None:
        """Tell what is about one thing in the order in which it happened, as far as it is there and taken."""
        for delivery in deliveries:
            async with turns:
                await self._deliver(subscriber, delivery)

    async def _deliver(self, subscriber: Subscriber, due: EventDelivery) -> None:
        delivery = await self._take(due)
        if delivery is None:
            return
        try:
            async with asyncio.timeout(DELIVERY_TIMEOUT.total_seconds()):
                await subscriber.deliver(delivery.event)
        except DeliveryFailed as error:
            await self._delivery_failed(delivery, error.why, gone=isinstance(error, EndpointGone))
        except TimeoutError:
            await self._delivery_failed(delivery, "timeout")
        except Exception as error:  # noqa: BLE001 - a handler's own, and its text may quote anything
            await self._delivery_failed(delivery, type(error).__name__)
        else:
            await self._delivered(delivery)

    async def _take(self, delivery: EventDelivery) -> EventDelivery | None:
        now = self._clock.now()
        owner = f"{self._name}/{next(self._serial)}"
        async with self._units() as unit:
            mine = await unit.deliveries.lease(delivery, owner, now=now, until=now + LEASE)
            await unit.commit()
        return mine

    async def _delivered(self, delivery: EventDelivery) -> None:
        async with self._units() as unit:
            if await unit.deliveries.mark_delivered(delivery, now=self._clock.now()):
                await unit.alerts.forget(delivery.subscriber_id)  # the next outage is news again
            await unit.commit()
        log.info("events.delivered", subscriber=delivery.subscriber_id, event_id=delivery.event.id)

    async def _delivery_failed(self, delivery: EventDelivery, why: str, *, gone: bool = False) -> None:
        """Tell it again later; give it up after the last wait. Who has taken nothing in all that time is disabled."""
        now = self._clock.now()
        dies = gone or delivery.tries >= len(WAITS)
        due_at = None if dies else now + WAITS[delivery.tries] * (1 + JITTER * self._jitter())
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
            if dies:
                await self._escalate(unit, delivery, failing_since, now=now, gone=gone)
            elif now - failing_since >= WORTH_AN_ALERT:
                await _alert(unit, AttentionReason.SUBSCRIBER_FAILING, delivery, now)
            await unit.commit()

    async def _escalate(
        self, unit: UnitOfWork, delivery: EventDelivery, failing_since: datetime, *, now: datetime, gone: bool
    ) -> None:
        nothing_taken_since = delivery.failing_since is None or failing_since <= delivery.failing_since
        if gone or nothing_taken_since:
            because = "gone" if gone else "failing"
            if await unit.endpoints.disable(delivery.subscriber_id, because=because, now=now):
                log.error("events.endpoint_disabled", subscriber=delivery.subscriber_id, because=because)
                await _alert(unit, AttentionReason.ENDPOINT_DISABLED, delivery, now)
                return
        await _alert(unit, AttentionReason.EVENT_NOT_TOLD, delivery, now)


def _lines(deliveries: Iterable[EventDelivery]) -> Iterable[list[EventDelivery]]:
    """The letters by what they are about, each in the order of the outbox."""
    lines: dict[str, list[EventDelivery]] = {}
    for delivery in deliveries:
        lines.setdefault(str(delivery.event.resource), []).append(delivery)
    return lines.values()


async def _alert(unit: UnitOfWork, reason: AttentionReason, delivery: EventDelivery, now: datetime) -> None:
    await unit.alerts.raise_once(Alert(reason=reason, subject=delivery.subscriber_id, raised_at=now))
