"""Offer days that processes share: on Redis, and in the double that unit tests use instead of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from booking.catalog.model import ContactType
from booking.errors import UpstreamUnavailable
from booking.scheduling import offer_store
from booking.scheduling.offer_days import OfferDay, OfferKind, kinds_of
from booking.scheduling.offer_store import LEASE, OfferStore
from booking.scheduling.offer_windows import OfferWindows
from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery
from booking.work_context import note_send
from integrations.redis import offers
from integrations.redis.client import SHORT_SECONDS, connect_redis
from integrations.redis.offers import RedisOfferStore
from tests.doubles.calendar import MONDAY, a_query
from tests.doubles.offer_store import SharedOffers
from tests.plugins.server_process import TemporaryServer

(KIND,) = kinds_of(a_query(), groups=1)
DAYS = [MONDAY + timedelta(days=number) for number in range(3)]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def now() -> datetime:
    return datetime.now(UTC)


def offer(*clinicians: str, as_of: datetime | None = None, kind: OfferKind = KIND) -> OfferDay:
    begin = int(datetime(2027, 1, 5, 9, tzinfo=UTC).timestamp())
    slots = kind.query(DAYS[0], DAYS[0]).no_slots.of_rows((begin, one, 30) for one in clinicians)
    return OfferDay(slots=slots, as_of=as_of or now())


@pytest.fixture
def double_store() -> OfferStore:
    return SharedOffers(now)


@pytest.fixture
async def redis_store(redis_url: str, redis_prefix: str) -> AsyncIterator[OfferStore]:
    client = connect_redis(redis_url, timeout=SHORT_SECONDS)
    yield RedisOfferStore(client=client, prefix=redis_prefix)
    await client.aclose()


@pytest.fixture(params=["double", pytest.param("redis", marks=pytest.mark.redis)])
def store(request: pytest.FixtureRequest) -> OfferStore:
    adapter: OfferStore = request.getfixturevalue(f"{request.param}_store")
    return adapter


class TestOffers:
    async def test_come_back_as_they_were_put(self, store: OfferStore) -> None:
        put = {DAYS[0]: offer("c1", "c2"), DAYS[1]: offer()}
        await store.put(
            KIND,
            {day: OfferDay(slots=one.slots, as_of=put[DAYS[0]].as_of) for day, one in put.items()},
            token="a",
        )
        look = await store.look(KIND, DAYS, after=LONG_AGO, token=None)
        assert look.offers[DAYS[0]] == put[DAYS[0]]
        assert look.offers.keys() == set(DAYS[:2])
        assert not look.offers[DAYS[1]].slots

    async def test_that_were_read_before_are_not_found(self, store: OfferStore) -> None:
        one = offer("c1")
        await store.put(KIND, {DAYS[0]: one}, token="a")
        assert not (await store.look(KIND, DAYS, after=one.as_of, token=None)).offers

    async def test_give_way_to_newer_ones_only(self, store: OfferStore) -> None:
        new, old = offer("c1"), offer("c2", as_of=now() - timedelta(seconds=3))
        await store.put(KIND, {DAYS[0]: new}, token="a")
        await store.put(KIND, {DAYS[0]: old}, token="a")
        assert (await store.look(KIND, DAYS, after=LONG_AGO, token=None)).offers == {DAYS[0]: new}

    async def test_of_another_kind_are_others(self, store: OfferStore) -> None:
        await store.put(KIND, {DAYS[0]: offer("c1")}, token="a")
        for other in (
            OfferKind(
                visit_type_id="v2",
                contact_type=KIND.contact_type,
                location_id=None,
                clinician_ids=KIND.clinician_ids,
            ),
            OfferKind(
                visit_type_id="v1",
                contact_type=ContactType.PHONE,
                location_id=None,
                clinician_ids=KIND.clinician_ids,
            ),
            OfferKind(
                visit_type_id="v1",
                contact_type=KIND.contact_type,
                location_id="l1",
                clinician_ids=KIND.clinician_ids,
            ),
            OfferKind(
                visit_type_id="v1",
                contact_type=KIND.contact_type,
                location_id=None,
                clinician_ids=frozenset({"c1"}),
            ),
        ):
            assert not (await store.look(other, DAYS, after=LONG_AGO, token=None)).offers


class TestLeases:
    async def look(self, store: OfferStore, token: str, *days: int) -> bool:
        return (await store.look(KIND, [DAYS[day] for day in days], after=LONG_AGO, token=token)).leased

    async def test_one_reads_a_day_and_others_wait(self, store: OfferStore) -> None:
        assert await self.look(store, "a", 0, 1)
        assert await self.look(store, "a", 0, 1), "its own"
        assert not await self.look(store, "b", 1, 2), "of all days or of none"
        assert await self.look(store, "b", 2)

    async def test_a_look_without_a_token_takes_none(self, store: OfferStore) -> None:
        assert not (await store.look(KIND, DAYS, after=LONG_AGO, token=None)).leased
        assert await self.look(store, "a", 0)

    async def test_only_days_that_nobody_read_are_leased(self, store: OfferStore) -> None:
        await store.put(KIND, {DAYS[0]: offer("c1")}, token="a")
        assert await self.look(store, "a", 0, 1)
        assert await self.look(store, "b", 0)

    async def test_the_holder_alone_ends_it(self, store: OfferStore) -> None:
        assert await self.look(store, "a", 0)
        await store.release(KIND, DAYS, token="b")
        assert not await self.look(store, "b", 0)
        await store.release(KIND, DAYS, token="a")
        assert await self.look(store, "b", 0)

    async def test_it_ends_when_its_holder_stores_the_days(self, store: OfferStore) -> None:
        assert await self.look(store, "a", 0, 1)
        await store.put(KIND, {DAYS[0]: offer("c1"), DAYS[1]: offer()}, token="b")
        later = now() + timedelta(seconds=1)
        assert not (await store.look(KIND, DAYS[:2], after=later, token="c")).leased
        await store.put(KIND, {DAYS[0]: offer("c1")}, token="a")
        assert (await store.look(KIND, DAYS[:1], after=later, token="c")).leased
        assert not (await store.look(KIND, DAYS[1:2], after=later, token="c")).leased


@pytest.mark.redis
class TestOnRedis:
    async def test_a_lease_runs_out_and_offers_expire(self, redis_url: str, redis_prefix: str) -> None:
        client = connect_redis(redis_url)
        store = RedisOfferStore(client=client, prefix=redis_prefix)
        await store.look(KIND, DAYS[:1], after=LONG_AGO, token="a")
        await store.put(KIND, {DAYS[1]: offer("c1")}, token="a")
        keys = sorted([key async for key in client.scan_iter(f"{redis_prefix}*")])
        assert len(keys) == 2
        leased = [await client.pttl(key) for key in keys if key.endswith(":lease")]
        kept = [await client.pttl(key) for key in keys if not key.endswith(":lease")]
        assert 0 < leased[0] <= LEASE.total_seconds() * 1000
        assert 0 < kept[0] <= offer_store.KEPT.total_seconds() * 1000
        await client.aclose()

    async def test_a_day_too_large_is_not_shared(
        self, redis_url: str, redis_prefix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(offers, "LARGEST", 40)
        client = connect_redis(redis_url)
        store = RedisOfferStore(client=client, prefix=redis_prefix)
        as_of = now()
        await store.put(
            KIND,
            {DAYS[0]: offer(*(f"c{n}" for n in range(20)), as_of=as_of), DAYS[1]: offer("c1", as_of=as_of)},
            token="a",
        )
        look = await store.look(KIND, DAYS, after=LONG_AGO, token=None)
        assert look.offers.keys() == {DAYS[1]}
        await client.aclose()

    async def test_a_server_that_has_lost_its_scripts_is_sent_them_again(
        self, temporary_redis: Callable[[], TemporaryServer]
    ) -> None:
        client = connect_redis(temporary_redis().url)
        store, one = RedisOfferStore(client=client, prefix="t:"), offer("c1")
        for _ in range(2):
            await client.script_flush()
            await store.put(KIND, {DAYS[0]: one}, token="a")
            assert (await store.look(KIND, DAYS[:1], after=LONG_AGO, token=None)).offers == {DAYS[0]: one}
        await client.aclose()

    async def test_what_cannot_be_read_is_read_anew(self, redis_url: str, redis_prefix: str) -> None:
        client = connect_redis(redis_url)
        store = RedisOfferStore(client=client, prefix=redis_prefix)
        await store.put(KIND, {DAYS[0]: offer("c1")}, token="a")
        (key,) = [key async for key in client.scan_iter(f"{redis_prefix}*")]
        await client.hset(key, "slots", "[]")
        look = await store.look(KIND, DAYS[:1], after=LONG_AGO, token="a")
        assert (look.offers, look.leased) == ({}, True)
        await client.aclose()


class Calendar:
    """A calendar that two gateways ask."""

    def __init__(self) -> None:
        self.asked: list[SlotQuery] = []
        self.is_down = False

    async def slots(self, query: SlotQuery) -> SlotColumns:
        note_send()
        self.asked.append(query)
        await asyncio.sleep(0.1)
        if self.is_down:
            raise UpstreamUnavailable("sample")
        begin = int(datetime(2027, 1, 5, 9, tzinfo=UTC).timestamp())
        return query.no_slots.of_rows((begin, one, 30) for one in query.clinician_ids)

    async def days(self, query: SlotQuery) -> Any:
        raise NotImplementedError


class Clock:
    """The machine's, moved to before the days that are asked for."""

    def __init__(self) -> None:
        self._ahead = datetime(2027, 1, 4, 12, tzinfo=UTC) - now()

    def now(self) -> datetime:
        return now() + self._ahead


@pytest.mark.redis
class TestGateways:
    """Four of them, each with its own connections."""

    @staticmethod
    @asynccontextmanager
    async def gateways(url: str, prefix: str, calendar: Calendar) -> AsyncIterator[list[OfferWindows]]:
        async with AsyncExitStack() as exits:
            clients = [connect_redis(url, timeout=SHORT_SECONDS) for _ in range(4)]
            for client in clients:
                exits.push_async_callback(client.aclose)
            clock = Clock()
            yield [
                OfferWindows(
                    availability=calendar, clock=clock, store=RedisOfferStore(client=client, prefix=prefix)
                )
                for client in clients
            ]

    async def test_ask_once_for_each_window(self, redis_url: str, redis_prefix: str) -> None:
        calendar = Calendar()
        async with self.gateways(redis_url, redis_prefix, calendar) as four:
            found = await asyncio.gather(*(one.offered(a_query(3, 8)) for one in four for _ in range(5)))
        windows = {(query.first, query.last) for query in calendar.asked}
        assert len(calendar.asked) == len(windows) == 3
        assert all(one == found[0] for one in found)

    async def test_read_alone_while_redis_is_away_and_together_again_afterwards(
        self, temporary_redis: Callable[[], TemporaryServer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(offers, "LEFT_ALONE", 0.0)
        server = temporary_redis()
        calendar = Calendar()
        async with self.gateways(server.url, "t:", calendar) as four:
            await asyncio.to_thread(server.kill)
            found = await asyncio.gather(*(one.offered(a_query(1)) for one in four))
            assert (len(calendar.asked), {len(one.slots) for one in found}) == (4, {3})
            await asyncio.to_thread(server.start)
            calendar.asked.clear()
            await asyncio.gather(*(one.offered(a_query(1, visit="v2")) for one in four))
            assert len(calendar.asked) == 1
