"""The practice is told of card testing once an hour, and a database that is away keeps nobody from an answer."""

from datetime import UTC, datetime, timedelta

import pytest

from booking.alerts import Watch
from booking.oversight import Attention
from booking.trials import Tried
from gateway.alarms import TrialsAlarm
from integrations.alerts.texts import text_of
from tests.unit.booking_doubles import FakeClock, FakeDatabase, Tape

AT = datetime(2027, 1, 4, 15, 40, tzinfo=UTC)


class CountedWatch(Watch):
    """Counts how often the database is asked, and can be without one."""

    asked = 0
    away = False

    async def raise_alert(self, reason: str, subject: str) -> None:
        self.asked += 1
        if self.away:
            raise OSError
        await super().raise_alert(reason, subject)


@pytest.fixture
def database() -> FakeDatabase:
    return FakeDatabase(Tape())


@pytest.fixture
def watch(database: FakeDatabase) -> CountedWatch:
    return CountedWatch(units=database, ways=(), clock=FakeClock(at=AT), in_doubt=timedelta(minutes=20))


async def test_it_is_raised_once_an_hour_and_asks_the_database_as_often(
    watch: CountedWatch, database: FakeDatabase
) -> None:
    alarm = TrialsAlarm(watch=watch)
    for minutes in (0, 5, 19, 20, 30):
        await alarm(Tried.CARD, AT + timedelta(minutes=minutes))
    assert [(one.reason, one.subject) for one in database.alerts.values()] == [
        (Attention.CARD_TESTING, "2027-01-04T15:00Z"),
        (Attention.CARD_TESTING, "2027-01-04T16:00Z"),
    ]
    assert watch.asked == 2
    assert all("cards that are not theirs" in text_of(alert) for alert in database.alerts.values())


async def test_visits_without_a_payment_are_told_of_once_a_day(
    watch: CountedWatch, database: FakeDatabase
) -> None:
    alarm = TrialsAlarm(watch=watch)
    for hours in (0, 2, 8, 9):
        await alarm(Tried.UNPAID_VISIT, AT + timedelta(hours=hours))
    assert [(one.reason, one.subject) for one in database.alerts.values()] == [
        (Attention.UNPAID_VISITS, "2027-01-04"),
        (Attention.UNPAID_VISITS, "2027-01-05"),
    ]
    assert watch.asked == 2


async def test_two_processes_raise_one(watch: CountedWatch, database: FakeDatabase) -> None:
    for alarm in (TrialsAlarm(watch=watch), TrialsAlarm(watch=watch)):
        await alarm(Tried.CARD, AT)
    assert len(database.alerts) == 1


async def test_promo_codes_alert_nobody(watch: CountedWatch, database: FakeDatabase) -> None:
    await TrialsAlarm(watch=watch)(Tried.PROMO_CODE, AT)
    assert not database.alerts


async def test_without_a_database_it_is_raised_when_there_is_one_again(
    watch: CountedWatch, database: FakeDatabase
) -> None:
    alarm = TrialsAlarm(watch=watch)
    watch.away = True
    await alarm(Tried.CARD, AT)
    watch.away = False
    await alarm(Tried.CARD, AT)
    assert len(database.alerts) == 1
