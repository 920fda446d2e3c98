"""Silence that lasts costs no more to notice than silence that began today."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from booking.resources import Kind, Resource
from booking.sync.webhook_liveness import LOOKED_BACK, WebhookLiveness
from integrations.database.inbox import SqlInbox
from integrations.database.unit_of_work import sql_unit_of_work
from tests.doubles.booking_ports import FakeClock
from tests.integration.database_samples import SEALER


class Busy:
    """A practice where visits change all the time, and notes how far back it is asked to list them."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked_back: list[timedelta] = []

    async def changed(self, since: datetime) -> list[tuple[Resource, datetime]]:
        self.asked_back.append(self.clock.now() - since)
        return [(Resource(kind=Kind.VISIT, id="7"), self.clock.now() - timedelta(minutes=10))]

    async def standing(self, first: datetime, last: datetime) -> frozenset[str]:
        raise AssertionError("nobody asks")


async def test_after_a_year_of_silence_a_year_of_changes_is_not_read_every_five_minutes(
    engine: AsyncEngine,
) -> None:
    clock = FakeClock(datetime(2027, 1, 4, 15, 0, tzinfo=UTC))
    visits = Busy(clock)
    webhook_liveness = WebhookLiveness(
        units=sql_unit_of_work(engine, SEALER),
        inbox=SqlInbox(engine=engine),
        visits=visits,
        clock=clock,
        gaps=3,
    )
    assert not await webhook_liveness.check()  # it has just begun to listen
    for waited in (timedelta(hours=3), timedelta(days=365)):
        clock.at += waited
        assert await webhook_liveness.check()
    assert visits.asked_back[0] > timedelta(hours=2)
    assert visits.asked_back[1] <= LOOKED_BACK
