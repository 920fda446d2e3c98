"""Daily work on both databases: one process has it, a failure is repeated, and a dead process loses it. And kept secrets."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.sync.daily import DailyJob
from booking.sync.webhook_subscriptions import KnownSubscription, WebhookSubscription
from integrations.database.sealing import Sealer
from integrations.database.unit_of_work import Units, sql_unit_of_work
from integrations.database.webhook_subscriptions import SqlWebhookSecrets
from tests.integration.database_samples import SEALER

NOW = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MORNING = NOW - timedelta(hours=4)
DAY = date(2027, 1, 4)

OURS = WebhookSubscription(
    id="1",
    address="https://gateway.example/webhooks/healthie",
    events=frozenset({"patient.updated"}),
    enabled=True,
    retries=True,
    warned_at=None,
    failing_since=None,
    secret="whsec_sample",
)


@pytest.fixture
def units(engine: AsyncEngine) -> Units:
    return sql_unit_of_work(engine, SEALER)


async def claim(
    units: Units,
    owner: str,
    *,
    now: datetime = NOW,
    day: date = DAY,
    since: datetime | None = MORNING,
) -> DailyJob | None:
    async with units() as unit:
        run = await unit.daily_jobs.claim("sample", day, owner, now=now, until=now + 15 * MINUTE, since=since)
        await unit.commit()
    return run


async def finish(units: Units, run: DailyJob, *, now: datetime = NOW) -> bool:
    async with units() as unit:
        mine = await unit.daily_jobs.finish(run, now=now, seen_until=now)
        await unit.commit()
    return mine


async def fail(units: Units, run: DailyJob, *, due_at: datetime) -> bool:
    async with units() as unit:
        mine = await unit.daily_jobs.fail(run, due_at=due_at)
        await unit.commit()
    return mine


async def seen_until(units: Units) -> datetime | None:
    async with units() as unit:
        return await unit.daily_jobs.seen_until("sample")


async def test_of_several_at_once_one_has_it_and_it_is_done_once_a_day(units: Units) -> None:
    taken = await asyncio.gather(*(claim(units, name) for name in "abcd"))
    (run,) = [each for each in taken if each]
    assert await claim(units, "e", since=None) is None

    assert await finish(units, run)
    assert await claim(units, "f", now=NOW + 60 * MINUTE) is None
    assert await claim(units, "g", day=DAY + timedelta(days=1), since=MORNING + timedelta(days=1)) is not None


@pytest.mark.postgres
async def test_two_processes_at_the_same_moment_have_it_once_between_them(
    postgresql_engine: AsyncEngine,
) -> None:
    """The first has claimed and not committed yet: the second waits for it on a connection of its own, and gets nothing."""
    units = sql_unit_of_work(postgresql_engine, SEALER)
    async with units() as unit:
        mine = await unit.daily_jobs.claim("sample", DAY, "a", now=NOW, until=NOW + MINUTE, since=MORNING)
        other = asyncio.create_task(claim(units, "b"))
        early, _ = await asyncio.wait({other}, timeout=0.2)
        assert not early
        await unit.commit()
    assert mine is not None
    assert await other is None


async def test_what_was_finished_is_done_again_when_it_is_due_again_or_asked_for(
    units: Units,
) -> None:
    run = await claim(units, "a")
    assert run is not None
    assert await finish(units, run)
    assert await claim(units, "b", now=NOW + MINUTE, since=NOW - MINUTE) is None
    redeliver = await claim(units, "c", now=NOW + MINUTE, since=NOW + MINUTE)
    assert redeliver is not None
    assert await finish(units, redeliver, now=NOW + MINUTE)
    assert await claim(units, "d", now=NOW + 2 * MINUTE, since=None) is not None


async def test_what_failed_is_tried_again_in_its_time_and_counted(units: Units) -> None:
    run = await claim(units, "a")
    assert run is not None
    assert await fail(units, run, due_at=NOW + 5 * MINUTE)
    assert await claim(units, "b", now=NOW + 4 * MINUTE) is None
    redeliver = await claim(units, "c", now=NOW + 5 * MINUTE)
    assert redeliver is not None
    assert (run.tries, redeliver.tries) == (0, 1)
    assert await fail(units, redeliver, due_at=NOW + 60 * MINUTE)
    asked_for = await claim(units, "d", now=NOW + 6 * MINUTE, since=None)
    assert asked_for is not None
    assert asked_for.tries == 2


async def test_who_died_loses_it_and_cannot_end_it_any_more(units: Units) -> None:
    dead = await claim(units, "a")
    assert dead is not None
    after = await claim(units, "b", now=NOW + 15 * MINUTE)
    assert after is not None
    assert not await finish(units, dead)
    assert not await fail(units, dead, due_at=NOW)
    assert await seen_until(units) is None
    assert await finish(units, after, now=NOW + 16 * MINUTE)


async def test_what_has_been_seen_is_remembered_over_days_and_failures(units: Units) -> None:
    assert await seen_until(units) is None
    run = await claim(units, "a")
    assert run is not None
    assert await finish(units, run)
    tomorrow = await claim(units, "b", day=DAY + timedelta(days=1))
    assert tomorrow is not None
    assert await fail(units, tomorrow, due_at=NOW)
    assert await seen_until(units) == NOW


async def remember(units: Units, subscription: WebhookSubscription, well_at: datetime | None) -> None:
    async with units() as unit:
        await unit.known_subscriptions.remember(subscription, well_at=well_at)
        await unit.commit()


async def known(units: Units) -> dict[str, KnownSubscription]:
    async with units() as unit:
        return dict(await unit.known_subscriptions.all())


async def test_a_secret_is_sealed_and_opens_and_its_row_keeps_when_it_was_well(
    engine: AsyncEngine, units: Units
) -> None:
    stored = SqlWebhookSecrets(engine=engine, sealer=SEALER)
    await remember(units, OURS, NOW)
    await remember(units, replace(OURS, enabled=False), None)
    assert await known(units) == {"1": KnownSubscription(id="1", well_at=NOW)}
    assert await stored() == ["whsec_sample"]
    async with engine.connect() as connection:
        rows = (await connection.execute(text("SELECT * FROM webhook_subscriptions"))).all()
    assert "whsec" not in str(rows)

    await remember(units, replace(OURS, secret="whsec_next"), NOW + MINUTE)
    assert await stored() == ["whsec_next"]
    await remember(units, replace(OURS, secret=None), None)
    assert await stored() == ["whsec_next"]


async def test_what_does_not_send_to_us_signs_nothing_and_what_is_gone_is_forgotten(
    engine: AsyncEngine, units: Units
) -> None:
    await remember(units, OURS, NOW)
    async with units() as unit:
        await unit.known_subscriptions.forget_secret("1")
        await unit.commit()
    assert await SqlWebhookSecrets(engine=engine, sealer=SEALER)() == []
    assert "1" in await known(units)
    async with units() as unit:
        await unit.known_subscriptions.forget("1")
        await unit.commit()
    assert await known(units) == {}


async def test_a_secret_under_a_key_that_is_gone_is_left_out(engine: AsyncEngine, units: Units) -> None:
    await remember(units, OURS, NOW)
    others = Sealer({"other": bytes(32)}, current="other")
    assert await SqlWebhookSecrets(engine=engine, sealer=others)() == []
