"""The catalog cache of one process, and the one that processes share; the clock is set, never waited for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from redis.asyncio import Redis

from booking.catalog.cached import (
    STALE,
    TIME_TO_LIVE,
    CachedCatalog,
    CatalogCache,
    CatalogReading,
    LocalCatalogCache,
)
from booking.catalog.model import (
    BillingFrequency,
    BookingPolicy,
    Catalog,
    Clinician,
    ContactType,
    Location,
    Plan,
    PlanVisits,
    VisitType,
)
from booking.errors import UpstreamUnavailable
from booking.money import Money
from integrations.redis import catalog_cache as redis_catalog
from integrations.redis.catalog_cache import RedisCatalogCache
from integrations.redis.client import connect_redis

SECOND = timedelta(seconds=1)

OFFER = Catalog(
    plans=(
        Plan(
            id="40",
            name="Sample plan",
            description=None,
            price=Money.of("120.00", "USD"),
            due_today=Money.of("99.50", "USD"),
            frequency=BillingFrequency.EVERY_4_WEEKS,
            payments=3,
            visits=(
                PlanVisits(visit_type_id="70", quantity=2),
                PlanVisits(visit_type_id="71", quantity=None),
            ),
            sold_out=False,
        ),
    ),
    visit_types=(
        VisitType(
            id="70",
            name="Sample visit",
            description="Sample",
            minutes=30,
            contact_types=(ContactType.VIDEO, ContactType.IN_PERSON),
            price=Money.of(Decimal(80), "CAD"),
            clinician_ids=frozenset({"11", "12"}),
        ),
    ),
    clinicians=(
        Clinician(
            id="11",
            name="Dr. Sample",
            qualifications=None,
            time_zone="America/New_York",
            licensed_in=frozenset({"NY", "CA"}),
        ),
    ),
    locations=(Location(id="5", name="Sample place"),),
    policy=BookingPolicy(
        schedule_notice=timedelta(minutes=90),
        cancel_notice=None,
        late_cancellation_fee=Money.of("25.00", "USD"),
        no_show_fee=None,
    ),
)


@dataclass
class Practice:
    """A system of record that is asked for its offer."""

    moment: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)
    offer: Catalog = OFFER
    down: bool = False
    reads: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def now(self) -> datetime:
        return self.moment

    async def read(self) -> Catalog:
        self.reads += 1
        self.asked.set()
        offer = self.offer  # as it was when the question arrived
        await self.gate.wait()
        if self.down:
            raise UpstreamUnavailable("sample")
        return offer

    def process(self, catalog_cache: CatalogCache) -> CachedCatalog:
        return CachedCatalog(read=self.read, catalog_cache=catalog_cache, now=self.now)


@pytest.fixture
def practice() -> Practice:
    return Practice()


@pytest.fixture
async def redis_client(redis_url: str) -> AsyncIterator[Redis]:
    client = connect_redis(redis_url)
    yield client
    await client.aclose()


Caches = Callable[[], CatalogCache]


@pytest.fixture
def own_caches() -> Caches:
    catalog_cache = LocalCatalogCache()
    return lambda: catalog_cache


@pytest.fixture
def redis_caches(redis_client: Redis, redis_prefix: str) -> Caches:
    return lambda: RedisCatalogCache(client=redis_client, prefix=redis_prefix)


@pytest.fixture(params=["own", pytest.param("redis", marks=pytest.mark.redis)])
def caches(request: pytest.FixtureRequest) -> Caches:
    made: Caches = request.getfixturevalue(f"{request.param}_caches")
    return made


async def test_it_is_kept_for_a_minute_and_no_longer(practice: Practice, caches: Caches) -> None:
    kept = practice.process(caches())
    assert await kept.catalog() == OFFER
    practice.moment += TIME_TO_LIVE - SECOND
    assert await kept.catalog() == OFFER
    assert practice.reads == 1
    practice.moment += SECOND
    await kept.catalog()
    assert practice.reads == 2


async def test_it_is_the_same_object_for_as_long_as_nothing_in_it_changes(
    practice: Practice, caches: Caches
) -> None:
    kept = practice.process(caches())
    first = await kept.catalog()
    practice.moment += TIME_TO_LIVE
    practice.offer = replace(OFFER)
    assert await kept.catalog() is first
    practice.moment += TIME_TO_LIVE
    practice.offer = replace(OFFER, plans=())
    assert (await kept.catalog()).plans == ()
    assert practice.reads == 3


async def test_a_crowd_costs_one_reading(practice: Practice, caches: Caches) -> None:
    kept = practice.process(caches())
    practice.gate.clear()
    crowd = [asyncio.create_task(kept.catalog()) for _ in range(50)]
    await asyncio.sleep(0.05)
    practice.gate.set()
    assert await asyncio.gather(*crowd) == [OFFER] * 50
    assert practice.reads == 1


async def test_another_process_takes_it_from_the_cache_whole(practice: Practice, caches: Caches) -> None:
    await practice.process(caches()).catalog()
    assert await practice.process(caches()).catalog() == OFFER
    assert practice.reads == 1


async def test_a_change_is_seen_by_everybody_within_the_minute(practice: Practice, caches: Caches) -> None:
    first, second = practice.process(caches()), practice.process(caches())
    await first.catalog()
    practice.moment += TIME_TO_LIVE - SECOND
    await second.catalog()
    practice.offer = replace(OFFER, plans=())
    practice.moment += SECOND
    for process in (first, second):
        assert (await process.catalog()).plans == ()
    assert practice.reads == 2


async def test_a_failure_is_not_kept(practice: Practice, caches: Caches) -> None:
    kept = practice.process(caches())
    practice.down = True
    for _ in range(2):
        with pytest.raises(UpstreamUnavailable):
            await kept.recent()
    practice.down = False
    assert await kept.catalog() == OFFER


async def test_looking_around_goes_on_for_an_hour_and_selling_does_not(
    practice: Practice, caches: Caches
) -> None:
    kept = practice.process(caches())
    await kept.catalog()
    practice.down = True
    practice.moment += STALE - SECOND
    assert await kept.recent() == OFFER
    with pytest.raises(UpstreamUnavailable):
        await kept.catalog()
    practice.moment += SECOND
    with pytest.raises(UpstreamUnavailable):
        await kept.recent()


async def test_a_clock_that_is_set_back_keeps_nothing_for_ever(practice: Practice, caches: Caches) -> None:
    kept = practice.process(caches())
    await kept.catalog()
    practice.moment -= timedelta(days=1)
    await kept.catalog()
    assert practice.reads == 2


@pytest.mark.redis
class TestRedis:
    async def test_a_new_process_looks_around_in_an_outage(
        self, practice: Practice, redis_caches: Caches
    ) -> None:
        await practice.process(redis_caches()).catalog()
        practice.down = True
        practice.moment += STALE - SECOND
        assert await practice.process(redis_caches()).recent() == OFFER

    async def test_its_key_goes_by_itself(
        self, practice: Practice, redis_caches: Caches, redis_client: Redis, redis_prefix: str
    ) -> None:
        kept = practice.process(redis_caches())
        await kept.catalog()
        (key,) = [key async for key in redis_client.scan_iter(f"{redis_prefix}*")]
        assert await redis_client.ttl(key) > 0

    async def test_what_it_cannot_read_is_read_upstream(
        self, practice: Practice, redis_caches: Caches, redis_client: Redis, redis_prefix: str
    ) -> None:
        await practice.process(redis_caches()).catalog()
        (key,) = [key async for key in redis_client.scan_iter(f"{redis_prefix}catalog:*")]
        await redis_client.set(key, '{"catalog": {}}')
        assert await practice.process(redis_caches()).catalog() == OFFER
        assert practice.reads == 2

    async def test_too_much_for_the_cache_is_kept_by_each_for_itself(
        self, practice: Practice, redis_caches: Caches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(redis_catalog, "LARGEST", 100)
        catalog_cache = redis_caches()
        await catalog_cache.put(CatalogReading(catalog=OFFER, read_at=practice.moment))
        assert await catalog_cache.last() is None

    async def test_without_redis_each_keeps_for_itself(self, practice: Practice) -> None:
        client = connect_redis("redis://127.0.0.1:1/0", timeout=0.5)
        kept = practice.process(RedisCatalogCache(client=client, prefix="frontdoor-test:"))
        assert await kept.catalog() == OFFER
        practice.moment += TIME_TO_LIVE - SECOND
        assert await kept.catalog() == OFFER
        assert practice.reads == 1
        practice.moment += SECOND
        await kept.catalog()
        assert practice.reads == 2
        await client.aclose()
