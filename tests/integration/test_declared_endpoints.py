"""Endpoints that the settings declare, on both databases: made, changed, disabled, and never by anything but the settings."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from inspect import isawaitable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from booking.errors import DeclaredInSettings
from booking.events.deliveries import Endpoint, Secret
from booking.events.endpoint_admin import EndpointAdmin, declare
from booking.events.model import DomainEvent, EventName
from booking.resources import Kind, Resource
from gateway.runtime.sealing import sealer
from integrations.database.engine import connect_database
from integrations.database.unit_of_work import Units, sql_unit_of_work
from tests.doubles.booking_ports import FakeClock
from tests.integration.database_samples import NOON, SEALER
from tests.integration.event_receiver import Receiver, serving
from tests.plugins.stack import Stack, Stacks, eventually

SECRETS = [f"whsec_{delivery * 43}=" for delivery in "AB"]


def declared(
    name: str = "desk", url: str = "https://hooks.example.com/in", *secrets: str, **given: Any
) -> Endpoint:
    return Endpoint(
        id=f"settings:{name}",
        url=url,
        events=given.get("events"),
        secrets=tuple(Secret(text=one) for one in secrets or SECRETS[:1]),
        created_at=NOON,
    )


def domain_event(event_id: str, name: EventName, at: datetime) -> DomainEvent:
    return DomainEvent(id=event_id, name=name, at=at, resource=Resource(kind=Kind.CARD, id="7"), ids={})


class Practice:
    """One database; each `start` is that of a process with these settings."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.units: Units = sql_unit_of_work(engine, SEALER)
        self.clock = FakeClock(NOON)
        self.admin = EndpointAdmin(units=self.units, clock=self.clock, check=self._pass)

    async def _pass(self, url: str) -> None:
        """Every URL will do."""

    async def start(self, *endpoints: Endpoint) -> None:
        self.clock.advance(minutes=1)
        await declare(endpoints, units=self.units, clock=self.clock)

    async def kept(self) -> dict[str, Endpoint]:
        async with self.units() as unit:
            return {one.id: one for one in await unit.endpoints.listed()}

    async def one(self, name: str = "desk") -> Endpoint:
        return (await self.kept())[f"settings:{name}"]

    async def happens(self, event_id: str) -> None:
        async with self.units() as unit:
            await unit.outbox.add([domain_event(event_id, EventName.CARD_ADDED, self.clock.now())])
            await unit.commit()

    async def waiting(self, endpoint_id: str = "settings:desk") -> int:
        async with self.units() as unit:
            (row,) = [row for row in await unit.deliveries.standings() if row["id"] == endpoint_id]
        return int(row["unread"] + row["waiting"])


@pytest.fixture
def practice(engine: AsyncEngine) -> Practice:
    return Practice(engine)


async def test_what_is_declared_is_made_and_sent_what_happens_from_now_on(practice: Practice) -> None:
    await practice.happens("evt_before")
    await practice.start(declared(events=frozenset({EventName.CARD_ADDED})))
    made = await practice.one()
    assert made.declared
    assert (made.url, made.events) == ("https://hooks.example.com/in", frozenset({EventName.CARD_ADDED}))
    assert made.live_secrets(practice.clock.now()) == SECRETS[:1]
    assert await practice.waiting() == 0
    await practice.happens("evt_after")
    assert await practice.waiting() == 1


async def test_starting_again_changes_nothing(practice: Practice) -> None:
    await practice.start(declared())
    before = await practice.kept()
    await practice.happens("evt_1")
    await practice.start(declared())
    assert await practice.kept() == before
    assert await practice.waiting() == 1


async def test_what_is_declared_anew_takes_the_place_of_what_was(practice: Practice) -> None:
    await practice.start(declared())
    await practice.happens("evt_1")
    await practice.start(
        declared("desk", "https://other.example.com/", *SECRETS, events=frozenset({EventName.CARD_ADDED}))
    )
    changed = await practice.one()
    assert (changed.url, changed.events) == ("https://other.example.com/", frozenset({EventName.CARD_ADDED}))
    assert changed.live_secrets(practice.clock.now()) == SECRETS
    assert await practice.waiting() == 1


async def test_endpoints_made_by_hand_stay_as_they_are(practice: Practice) -> None:
    by_hand = await practice.admin.add("https://hand.example.com/", None)
    await practice.start(declared())
    await practice.start()
    assert (await practice.kept())[by_hand.id] == by_hand
    assert not by_hand.declared


async def test_what_is_declared_no_longer_is_disabled_and_what_happens_meanwhile_waits(
    practice: Practice,
) -> None:
    await practice.start(declared(), declared("other"))
    await practice.start(declared("other"))
    gone = await practice.one()
    assert (gone.disabled_at, gone.disabled_because) == (practice.clock.now(), "undeclared")
    assert (await practice.one("other")).disabled_at is None
    await practice.start(declared("other"))
    assert await practice.one() == gone  # since when stays as it was
    await practice.happens("evt_1")
    await practice.start(declared(), declared("other"))
    assert (await practice.one()).disabled_at is None
    assert await practice.waiting() == 1


async def test_no_start_enables_an_endpoint_that_failed_or_wants_no_more(practice: Practice) -> None:
    await practice.start(declared())
    async with practice.units() as unit:
        await unit.endpoints.disable("settings:desk", because="gone", now=practice.clock.now())
        await unit.commit()
    failed = await practice.one()
    await practice.start(declared())
    assert await practice.one() == failed
    await practice.admin.enable("settings:desk")
    assert (await practice.one()).disabled_at is None


async def test_many_processes_that_start_at_once_with_settings_new_and_old_make_each_endpoint_once(
    practice: Practice,
) -> None:
    old, new = [declared("a"), declared("d")], [declared("b"), declared("c")]
    await practice.start(*old)
    await practice.start(*new)
    await asyncio.gather(*(practice.start(*(new if number % 2 else old)) for number in range(12)))
    await practice.start(*new)
    enabled = {one.id: one.disabled_at is None for one in (await practice.kept()).values()}
    assert enabled == {"settings:a": False, "settings:b": True, "settings:c": True, "settings:d": False}


@pytest.mark.postgres
async def test_two_that_start_with_settings_new_and_old_do_not_wait_for_one_another(
    postgresql_engine: AsyncEngine,
) -> None:
    practice = Practice(postgresql_engine)
    old, new = [declared("a"), declared("d")], [declared("b"), declared("c")]
    await practice.start(*old, *new)

    async def both_wait() -> bool:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        async with postgresql_engine.connect() as connection:
            return bool(await connection.scalar(text(waiting)) == 2)

    async with practice.units() as unit, asyncio.TaskGroup() as starting:
        for last in ("settings:c", "settings:d"):
            await unit.endpoints.rotate(last, [Secret(text=SECRETS[0])])
        starting.create_task(practice.start(*old))
        starting.create_task(practice.start(*new))
        await eventually(both_wait)
        await unit.commit()
    assert len(await practice.kept()) == 4


async def test_only_the_settings_change_what_they_declare(practice: Practice) -> None:
    await practice.start(declared())
    before = await practice.one()
    with pytest.raises(DeclaredInSettings):
        await practice.admin.rotate(before.id, keep=timedelta(hours=1))
    with pytest.raises(DeclaredInSettings):
        await practice.admin.disable(before.id)
    with pytest.raises(DeclaredInSettings):
        await practice.admin.remove(before.id)
    assert await practice.one() == before
    await practice.start()
    with pytest.raises(DeclaredInSettings):
        await practice.admin.enable(before.id)
    await practice.admin.remove(before.id)
    assert await practice.kept() == {}


async def kept_by(stack: Stack) -> list[Endpoint]:
    async with opened(stack) as units, units() as unit:
        return list(await unit.endpoints.listed())


@asynccontextmanager
async def opened(stack: Stack) -> AsyncIterator[Units]:
    engine = connect_database(stack.settings.database_url)
    yield sql_unit_of_work(engine, sealer(stack.settings))
    await engine.dispose()


async def test_the_gateway_makes_them_as_it_starts_and_a_worker_tells_them_signed_with_every_secret(
    stacks: Stacks,
) -> None:
    with serving(Receiver()) as receiver:
        desk = {"url": f"http://127.0.0.1:{receiver.port}/in", "secrets": SECRETS, "events": ["card.added"]}
        stack = await stacks.start(endpoints={"desk": desk}, endpoints_allow_loopback=True)
        (made,) = await kept_by(stack)
        assert (made.id, made.events) == ("settings:desk", frozenset({EventName.CARD_ADDED}))
        async with opened(stack) as units, units() as unit:
            await unit.outbox.add([domain_event("evt_1", EventName.CARD_ADDED, stack.clock.now())])
            await unit.commit()
        await work_until(stack, lambda: receiver.got)
    ((headers, body),) = receiver.got
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    signed = [Webhook(one).sign("evt_1", at, body.decode()) for one in SECRETS]
    assert headers["webhook-signature"].split() == signed


async def test_a_worker_disables_what_its_settings_declare_no_longer(stacks: Stacks) -> None:
    stack = await stacks.start(
        endpoints={"desk": {"url": "https://hooks.example.com/", "secrets": SECRETS[:1]}}
    )
    later = replace(stack, settings=stack.settings.model_copy(update={"endpoints": {}}))
    await work_until(later, lambda: kept_by(later), lambda kept: kept[0].disabled_because == "undeclared")


async def test_a_gateway_that_cannot_note_them_starts_all_the_same(stacks: Stacks) -> None:
    stack = await stacks.start()
    with closing(sqlite3.connect(stack.settings.database_url.removeprefix("sqlite:///"))) as database:
        database.execute("DROP TABLE subscribers")
    with capture_logs() as logs:
        second = await stacks.another(stack)
    assert "events.endpoints_not_declared" in [line["event"] for line in logs]
    assert (await second.http.get("/healthz")).status_code == 200


async def test_a_gateway_without_its_tables_says_what_to_run(stacks: Stacks) -> None:
    stack = await stacks.start()
    with closing(sqlite3.connect(stack.settings.database_url.removeprefix("sqlite:///"))) as database:
        database.execute("DROP TABLE alembic_version")
    with capture_logs() as logs:
        await stacks.another(stack)
    (said,) = [line["why"] for line in logs if line["event"] == "readiness.database_unusable"]
    assert "run `frontdoor migrate`" in said


async def work_until(stack: Stack, look: Callable[[], Any], holds: Callable[[Any], object] = bool) -> None:
    """Let a worker run until what `look` finds holds."""

    async def seen() -> object:
        found = look()
        return holds(await found if isawaitable(found) else found)

    stop = asyncio.Event()
    async with stack.worker() as worker, asyncio.TaskGroup() as running:
        running.create_task(worker.run(stop))
        await eventually(seen)
        stop.set()
