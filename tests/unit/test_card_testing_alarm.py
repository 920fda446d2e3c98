"""The practice is alerted to card testing once an hour, and a database that is away keeps nobody from an answer."""

from datetime import UTC, datetime, timedelta

import pytest

from booking.checkout.attempt_limits import AttemptKind
from booking.operations.alerts import AlertService
from booking.operations.model import AttentionReason
from gateway.alarms import AttemptsAlarm
from integrations.alerts.texts import text_of
from tests.doubles.booking_ports import FakeClock, FakeDatabase, Tape

AT = datetime(2027, 1, 4, 15, 40, tzinfo=UTC)


class CountedAlerts(AlertService):
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
def alert_service(database: FakeDatabase) -> CountedAlerts:
    return CountedAlerts(units=database, channels=(), clock=FakeClock(at=AT), in_doubt=timedelta(minutes=20))


async def test_it_is_raised_once_an_hour_and_asks_the_database_as_often(
    alert_service: CountedAlerts, database: FakeDatabase
) -> None:
    alarm = AttemptsAlarm(alert_service=alert_service)
    for minutes in (0, 5, 19, 20, 30):
        await alarm(AttemptKind.CARD, AT + timedelta(minutes=minutes))
    assert [(one.reason, one.subject) for one in database.alerts.values()] == [
        (AttentionReason.CARD_TESTING, "2027-01-04T15:00Z"),
        (AttentionReason.CARD_TESTING, "2027-01-04T16:00Z"),
    ]
    assert alert_service.asked == 2
    assert all("cards that are not theirs" in text_of(alert) for alert in database.alerts.values())


async def test_visits_without_a_payment_are_alerted_once_a_day(
    alert_service: CountedAlerts, database: FakeDatabase
) -> None:
    alarm = AttemptsAlarm(alert_service=alert_service)
    for hours in (0, 2, 8, 9):
        await alarm(AttemptKind.UNPAID_VISIT, AT + timedelta(hours=hours))
    assert [(one.reason, one.subject) for one in database.alerts.values()] == [
        (AttentionReason.UNPAID_VISITS, "2027-01-04"),
        (AttentionReason.UNPAID_VISITS, "2027-01-05"),
    ]
    assert alert_service.asked == 2


async def test_two_processes_raise_one(alert_service: CountedAlerts, database: FakeDatabase) -> None:
    for alarm in (AttemptsAlarm(alert_service=alert_service), AttemptsAlarm(alert_service=alert_service)):
        await alarm(AttemptKind.CARD, AT)
    assert len(database.alerts) == 1


async def test_promo_codes_alert_nobody(alert_service: CountedAlerts, database: FakeDatabase) -> None:
    await AttemptsAlarm(alert_service=alert_service)(AttemptKind.PROMO_CODE, AT)
    assert not database.alerts


async def test_without_a_database_it_is_raised_when_there_is_one_again(
    alert_service: CountedAlerts, database: FakeDatabase
) -> None:
    alarm = AttemptsAlarm(alert_service=alert_service)
    alert_service.away = True
    await alarm(AttemptKind.CARD, AT)
    alert_service.away = False
    await alarm(AttemptKind.CARD, AT)
    assert len(database.alerts) == 1
