"""Starts that race on PostgreSQL and Redis, and a Redis that is emptied under checkouts: the services on both for real."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.checkout_holds import CheckoutHolds
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.service import CheckoutRules, CheckoutService
from booking.checkout.start import CheckoutStartService
from booking.live.announced_holds import AnnouncedHolds
from booking.models import Hold
from booking.ports import HoldStore
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals import HoldExpired
from booking.slots import Slot
from booking.unit_of_work import UnitOfWorkFactory
from integrations.database.send_facts import SqlSendFactsReader
from integrations.database.unit_of_work import sql_unit_of_work
from integrations.redis.client import connect_redis
from integrations.redis.holds import RedisHoldStore
from tests.doubles.booking_upstream import FakeCards
from tests.doubles.booking_world import GUEST, World, a_slot, as_guest
from tests.integration.database_samples import SEALER

pytestmark = pytest.mark.postgres

# One of ten such pairs of starts was refused.
TRIES = 60


@dataclass
class Practice:
    """The services of one process on PostgreSQL and Redis; what is upstream is a double."""

    world: World
    engine: AsyncEngine
    store: RedisHoldStore

    def __post_init__(self) -> None:
        world, units = self.world, self.units()
        holds = AnnouncedHolds(store=self.store, change_signals=world.change_signals)
        world.holds = world.announced = holds  # type: ignore[assignment]  # the same port
        world.send_facts = SqlSendFactsReader(engine=self.engine)
        self.saga = world.a_saga(units)
        self.starts = self.a_start(holds)
        self.checkouts = CheckoutService(
            saga=self.saga,
            checkout_holds=world.checkout_holds(units),
            cards=FakeCards(world.books),
            units=units,
            clock=world.clock,
            rules=CheckoutRules(),
            attempts=world.attempts,
            unpaid=world.unpaid,
        )

    def units(self) -> UnitOfWorkFactory:
        return sql_unit_of_work(self.engine, SEALER)

    def a_start(self, holds: HoldStore) -> CheckoutStartService:
        world = self.world
        return CheckoutStartService(
            saga=self.saga,
            quotes=world.quotes,
            credit_quotes=world.credit_quotes,
            holds=holds,
            checkout_holds=CheckoutHolds(holds=holds, units=self.units(), clock=world.clock),
            units=self.units(),
            clock=world.clock,
            unpaid=world.unpaid,
        )

    async def hold(self, caller: Caller, slot: Slot) -> Hold:
        now = self.world.clock.now()
        hold = Hold(
            id=f"hold_{secrets.token_urlsafe(16)}",
            owner=caller.principal.key,
            taken_by=caller.principal.key,
            slot=slot,
            time_zone="UTC",
            created_at=now,
            expires_at=now + timedelta(minutes=5),
        )
        return await self.store.acquire(hold, limit=None)

    async def row(self, checkout: Checkout) -> Checkout:
        return await self.saga.load(checkout.id)

    async def confirm(self, checkout: Checkout) -> Checkout:
        card = self.world.token()
        return await self.checkouts.confirm(as_guest(checkout), checkout.id, card, quote_id=checkout.quote.id)


@pytest.fixture
async def practice(
    postgresql_engine: AsyncEngine, redis_url: str, redis_prefix: str
) -> AsyncIterator[Practice]:
    world, client = World(), connect_redis(redis_url)
    store = RedisHoldStore(client=client, prefix=redis_prefix, secret=b"only for tests", clock=world.clock)
    yield Practice(world=world, engine=postgresql_engine, store=store)
    await client.aclose()


def a_visitor(number: int = 1) -> Caller:
    return Caller(principal=Principal(kind=PrincipalKind.VISITOR, id=f"sample{number}"))


async def emptied(practice: Practice) -> None:
    """What a restart of Redis does, to this test's keys alone."""
    client, prefix = practice.store._client, practice.store._prefix
    keys = [key async for key in client.scan_iter(f"{prefix}*")]
    await client.delete(*keys)


async def test_two_taps_on_start_are_one_checkout_however_they_fall(practice: Practice) -> None:
    caller = a_visitor()
    for number in range(TRIES):
        hold = await practice.hold(caller, a_slot(hours=24 + number))
        starts = [practice.starts.start(caller, hold_id=hold.id, guest=GUEST) for _ in range(2)]
        first, second = await asyncio.gather(*starts)
        assert first.id == second.id


async def test_a_start_that_finds_its_twins_hold_joins_the_twins_checkout(practice: Practice) -> None:
    """Held up between its two looks: no checkout yet, and then a hold that is not its own any more."""
    caller = a_visitor()
    hold = await practice.hold(caller, a_slot())
    looked, go_on = asyncio.Event(), asyncio.Event()

    class HeldUp(AnnouncedHolds):
        async def get(self, hold_id: str) -> Hold | None:
            looked.set()
            await go_on.wait()
            return await super().get(hold_id)

    late = practice.a_start(HeldUp(store=practice.store, change_signals=practice.world.change_signals))
    second = asyncio.create_task(late.start(caller, hold_id=hold.id, guest=GUEST))
    await looked.wait()
    first = await practice.starts.start(caller, hold_id=hold.id, guest=GUEST)
    go_on.set()
    assert (await second).id == first.id


async def test_checkouts_go_on_after_redis_was_emptied(practice: Practice) -> None:
    started = []
    for number in range(20):
        caller = a_visitor(number)
        hold = await practice.hold(caller, a_slot(hours=24 + number))
        guest = replace(GUEST, email=f"sample.{number}@example.com")
        started.append(await practice.starts.start(caller, hold_id=hold.id, guest=guest))
    practice.world.clock.advance(minutes=1)
    await emptied(practice)
    ended = await asyncio.gather(*map(practice.confirm, started))
    assert [row.state for row in ended] == [S.CONFIRMED] * len(started)
    for checkout in started:
        assert (
            await practice.store.busy([checkout.visit_slot.clinician_id], checkout.visit_slot.interval) == []
        )


async def test_of_two_who_want_the_time_after_redis_was_emptied_one_gets_it(practice: Practice) -> None:
    slot = a_slot()
    for _ in range(10):
        slot = replace(slot, start=slot.start + timedelta(hours=1))
        mine = await practice.hold(a_visitor(1), slot)
        first = await practice.starts.start(a_visitor(1), hold_id=mine.id, guest=GUEST)
        await emptied(practice)
        theirs = await practice.hold(a_visitor(2), slot)
        other = replace(GUEST, email="another.sample@example.com")
        second = await practice.starts.start(a_visitor(2), hold_id=theirs.id, guest=other)
        await emptied(practice)
        answers = await asyncio.gather(
            practice.confirm(first), practice.confirm(second), return_exceptions=True
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["Checkout", "SlotTaken"]
        rows = [await practice.row(one) for one in (first, second)]
        assert sorted(row.state for row in rows) == [S.CONFIRMED, S.SLOT_LOST]
        paid = [charge.checkout_id for charge in practice.world.books.charges]
        assert len(paid) == len(set(paid))


async def test_a_hold_that_ran_out_is_not_taken_again(practice: Practice) -> None:
    hold = await practice.hold(a_visitor(), a_slot())
    checkout = await practice.starts.start(a_visitor(), hold_id=hold.id, guest=GUEST)
    await emptied(practice)
    practice.world.clock.advance(minutes=5)
    with pytest.raises(HoldExpired):
        await practice.confirm(checkout)
    assert await practice.store.get(hold.id) is None
