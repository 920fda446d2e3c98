"""What cannot be looked at for a day is for a person, who hears of it every time."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from booking.errors import UpstreamUnavailable
from booking.operations.model import AttentionReason
from booking.resources import ChangeHint, Kind, Resource, State
from booking.sync.inbox import WebhookDelivery
from booking.sync.synchronizer import GIVEN_UP_AFTER, LONGEST_WAIT, ResourceSynchronizer
from integrations.database.inbox import SqlInbox
from integrations.database.unit_of_work import sql_unit_of_work
from tests.doubles.booking_ports import FakeClock
from tests.integration.database_samples import SEALER
from tests.integration.one_round import one_round

NOW = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)
VISIT_7 = Resource(kind=Kind.VISIT, id="7")


class Unreadable:
    """A system of record that cannot be read."""

    async def read(self, hint: ChangeHint, *, known: State | None) -> State | None:
        raise UpstreamUnavailable


class MarkedWhileRead(Unreadable):
    """The same; after a day it is marked anew while it is read."""

    def __init__(self, inbox: SqlInbox, clock: FakeClock) -> None:
        self._inbox = inbox
        self._clock = clock
        self.looks: list[datetime] = []

    async def read(self, hint: ChangeHint, *, known: State | None) -> State | None:
        self.looks.append(self._clock.now())
        if self._clock.now() - NOW >= GIVEN_UP_AFTER:
            await self._inbox.accept(a_delivery(self._clock))
        raise UpstreamUnavailable


def nothing_to_forget() -> None:
    raise AssertionError("nothing has changed")


def wakes(_: str) -> None:
    raise AssertionError("nobody waits")


def a_delivery(clock: FakeClock) -> WebhookDelivery:
    return WebhookDelivery(
        event="appointment.updated",
        resource_type="Appointment",
        resource_id="7",
        received_at=clock.now(),
        hint=ChangeHint(resource=VISIT_7),
    )


async def test_a_refresh_asked_for_during_the_last_try_is_done_anew(engine: AsyncEngine) -> None:
    units, clock = sql_unit_of_work(engine, SEALER), FakeClock(NOW)
    inbox = SqlInbox(engine=engine)
    reader = MarkedWhileRead(inbox, clock)
    synchronizer = ResourceSynchronizer(
        units=units, reader=reader, wake=wakes, forget_free_time=nothing_to_forget, clock=clock, name="a"
    )
    await inbox.accept(a_delivery(clock))
    while clock.now() - NOW < GIVEN_UP_AFTER:
        await one_round(synchronizer, engine)
        clock.at += timedelta(hours=1)
    await one_round(synchronizer, engine)
    async with units() as unit:
        mark = await unit.pending_refreshes.of(VISIT_7)
        (alert,) = await unit.alerts.due(clock.now(), limit=10)
    assert alert.reason == AttentionReason.WEBHOOK_GIVEN_UP  # of what came in until then
    assert mark is not None
    assert (mark.dead_at, mark.failing_since, mark.tries) == (None, None, 0)
    before = len(reader.looks)
    await one_round(synchronizer, engine)
    assert reader.looks[before:] == [clock.now()]


async def test_a_resource_that_is_given_up_a_second_time_is_alerted_a_second_time(
    engine: AsyncEngine,
) -> None:
    units, clock = sql_unit_of_work(engine, SEALER), FakeClock(NOW)
    synchronizer = ResourceSynchronizer(
        units=units,
        reader=Unreadable(),
        wake=wakes,
        forget_free_time=nothing_to_forget,
        clock=clock,
        name="a",
    )
    inbox = SqlInbox(engine=engine)

    async def sent() -> list[str]:
        async with units() as unit:
            due = await unit.alerts.due(clock.now(), limit=10)
            for alert in due:
                await unit.alerts.mark_sent(alert, clock.now())
            await unit.commit()
        return [alert.reason for alert in due]

    for _ in range(2):
        await inbox.accept(a_delivery(clock))
        until = clock.now() + GIVEN_UP_AFTER + LONGEST_WAIT
        while clock.now() <= until:
            await one_round(synchronizer, engine)
            clock.at += timedelta(hours=1)
        assert await sent() == [AttentionReason.WEBHOOK_GIVEN_UP]
