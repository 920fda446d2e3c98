"""One suite for every hold store: SQL on SQLite, SQL on PostgreSQL, Redis. The clock is set, never waited for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.catalog.model import ContactType
from booking.errors import UpstreamUnavailable
from booking.models import Hold
from booking.ports import HoldStore
from booking.refusals import HoldCapacityReached, HoldExpired, HoldLimitReached, SlotTaken
from booking.scheduling.day_capacity import DayCapacity
from booking.slots import Busy, Interval, Slot
from integrations.database.engine import connect_database
from integrations.database.holds import SqlHoldStore
from integrations.database.migrations import migrate
from integrations.database.tables.slots import holds
from integrations.redis.client import connect_redis
from integrations.redis.holds import RedisHoldStore
from tests.plugins.server_process import TemporaryServer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALICE, BOB = "patient:alice", "visitor:bob"
PLENTY = 1000


@dataclass
class SetClock:
    moment: datetime = NOON - timedelta(hours=3)

    def now(self) -> datetime:
        return self.moment

    def advance(self, **span: float) -> None:
        self.moment += timedelta(**span)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@asynccontextmanager
async def sql_store(url: str, clock: SetClock) -> AsyncIterator[HoldStore]:
    await migrate(url)
    engine = connect_database(url)
    async with engine.begin() as connection:
        await connection.execute(delete(holds))
    yield SqlHoldStore(engine=engine, clock=clock)
    await engine.dispose()


@pytest.fixture
async def sqlite_store(tmp_path: Path, clock: SetClock) -> AsyncIterator[HoldStore]:
    async with sql_store(f"sqlite:///{tmp_path / 'holds.sqlite3'}", clock) as store:
        yield store


@pytest.fixture
async def postgresql_store(postgres_url: str, clock: SetClock) -> AsyncIterator[HoldStore]:
    async with sql_store(postgres_url, clock) as store:
        yield store


@pytest.fixture
async def redis_store(redis_url: str, redis_prefix: str, clock: SetClock) -> AsyncIterator[HoldStore]:
    client = connect_redis(redis_url)
    yield RedisHoldStore(client=client, prefix=redis_prefix, secret=b"only for tests", clock=clock)
    await client.aclose()


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgres),
        pytest.param("redis", marks=pytest.mark.redis),
    ]
)
def store(request: pytest.FixtureRequest) -> HoldStore:
    adapter: HoldStore = request.getfixturevalue(f"{request.param}_store")
    return adapter


@dataclass(frozen=True, kw_only=True)
class Outage:
    """A store whose server can go and come back."""

    store: HoldStore
    go: Callable[[], Awaitable[object]]
    come_back: Callable[[], Awaitable[object]]


@pytest.fixture
async def sqlite_outage(tmp_path: Path, clock: SetClock) -> AsyncIterator[Outage]:
    """The disk is not mounted."""
    disk, elsewhere = tmp_path / "disk", tmp_path / "elsewhere"
    disk.mkdir()
    url = f"sqlite:///{disk / 'holds.sqlite3'}"
    await migrate(url)
    engine = connect_database(url)

    async def go() -> None:
        await engine.dispose()
        disk.rename(elsewhere)

    async def come_back() -> None:
        elsewhere.rename(disk)

    yield Outage(store=SqlHoldStore(engine=engine, clock=clock), go=go, come_back=come_back)
    await engine.dispose()


@pytest.fixture
async def postgresql_outage(
    temporary_postgres: Callable[[], TemporaryServer], clock: SetClock
) -> AsyncIterator[Outage]:
    server = await asyncio.to_thread(temporary_postgres)
    await migrate(server.url)
    engine = connect_database(server.url)
    yield outage_of(server, SqlHoldStore(engine=engine, clock=clock))
    await engine.dispose()


@pytest.fixture
async def redis_outage(
    temporary_redis: Callable[[], TemporaryServer], clock: SetClock
) -> AsyncIterator[Outage]:
    server = await asyncio.to_thread(temporary_redis)
    client = connect_redis(server.url)
    yield outage_of(server, RedisHoldStore(client=client, secret=b"only for tests", clock=clock))
    await client.aclose()


def outage_of(server: TemporaryServer, store: HoldStore) -> Outage:
    return Outage(
        store=store,
        go=lambda: asyncio.to_thread(server.kill),
        come_back=lambda: asyncio.to_thread(server.start),
    )


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgres),
        pytest.param("redis", marks=pytest.mark.redis),
    ]
)
def outage(request: pytest.FixtureRequest) -> Outage:
    prepared: Outage = request.getfixturevalue(f"{request.param}_outage")
    return prepared


def a_hold(
    clock: SetClock,
    *,
    name: str = "hold_1",
    owner: str = ALICE,
    clinician: str = "clinician-1",
    start: datetime = NOON,
    minutes: int = 30,
) -> Hold:
    return Hold(
        id=name,
        owner=owner,
        taken_by=owner,
        slot=Slot(
            clinician_id=clinician,
            visit_type_id="visit-1",
            contact_type=ContactType.VIDEO,
            location_id=None,
            start=start,
            minutes=minutes,
        ),
        time_zone="America/New_York",
        created_at=clock.now(),
        expires_at=clock.now() + timedelta(minutes=5),
    )


def around(hold: Hold) -> Interval:
    return Interval(start=hold.slot.start - timedelta(hours=2), end=hold.slot.end + timedelta(hours=2))


class OfTomorrow(StrEnum):
    HOLOGRAM = "hologram"


async def test_a_hold_of_a_newer_version_keeps_its_time_and_whoever_asks_for_it_is_to_ask_again(
    store: HoldStore, clock: SetClock
) -> None:
    hold = a_hold(clock)
    strange: Any = OfTomorrow.HOLOGRAM
    hold = replace(hold, slot=replace(hold.slot, contact_type=strange))
    with contextlib.suppress(UpstreamUnavailable):  # who took it reads it back here
        await store.acquire(hold, limit=PLENTY)
    with pytest.raises(UpstreamUnavailable):
        await store.get(hold.id)
    assert [one.interval for one in await store.busy([hold.slot.clinician_id], around(hold))] == [
        hold.slot.interval
    ]
    with pytest.raises((SlotTaken, UpstreamUnavailable)):
        await store.acquire(a_hold(clock, name="hold_2"), limit=PLENTY)


async def test_a_hold_is_read_back_as_it_was_taken(store: HoldStore, clock: SetClock) -> None:
    clock.advance(microseconds=123_457)
    remote, in_person = (
        a_hold(clock),
        a_hold(clock, name="hold_2", start=NOON + timedelta(hours=1)),
    )
    in_person = replace(
        in_person, slot=replace(in_person.slot, contact_type=ContactType.IN_PERSON, location_id="room-1")
    )
    for hold in (remote, in_person):
        assert await store.acquire(hold, limit=PLENTY) == hold
        assert await store.get(hold.id) == hold


async def test_an_unknown_hold_is_none(store: HoldStore) -> None:
    assert await store.get("hold_missing") is None


@pytest.mark.parametrize(
    ("offset", "minutes"),
    [(0, 60), (-15, 30), (59, 15), (15, 15), (-30, 120), (-1439, 1440)],
    ids=["same", "over the start", "last minute", "inside", "around", "a whole day"],
)
async def test_an_overlapping_interval_of_any_length_is_taken(
    store: HoldStore, clock: SetClock, offset: int, minutes: int
) -> None:
    await store.acquire(a_hold(clock, minutes=60), limit=PLENTY)
    rival = a_hold(clock, name="hold_2", owner=BOB, start=NOON + timedelta(minutes=offset), minutes=minutes)
    with pytest.raises(SlotTaken):
        await store.acquire(rival, limit=PLENTY)
    assert await store.get(rival.id) is None


async def test_touching_ends_and_other_clinicians_are_free(store: HoldStore, clock: SetClock) -> None:
    await store.acquire(a_hold(clock), limit=PLENTY)
    before = a_hold(clock, name="hold_2", owner=BOB, start=NOON - timedelta(minutes=60), minutes=60)
    after = a_hold(clock, name="hold_3", owner=BOB, start=NOON + timedelta(minutes=30))
    elsewhere = a_hold(clock, name="hold_4", owner=BOB, clinician="clinician-2")
    for hold in (before, after, elsewhere):
        await store.acquire(hold, limit=PLENTY)
        assert await store.get(hold.id) == hold


class TestHoldingTheSameSlotAgain:
    async def test_answers_the_hold_that_stands(self, store: HoldStore, clock: SetClock) -> None:
        first = await store.acquire(a_hold(clock), limit=1)
        extended = await store.extend(first, expires_at=clock.now() + timedelta(minutes=9))
        assert await store.acquire(first, limit=1) == extended
        clock.advance(minutes=1)
        assert await store.acquire(a_hold(clock, name="hold_2"), limit=1) == extended
        assert await store.get("hold_2") is None
        assert len(await store.busy(["clinician-1"], around(first))) == 1

    async def test_is_a_new_hold_once_the_first_expired(self, store: HoldStore, clock: SetClock) -> None:
        first = await store.acquire(a_hold(clock), limit=1)
        clock.advance(minutes=5)
        anew = a_hold(clock)
        assert anew.id == first.id
        assert await store.acquire(anew, limit=1) == anew
        assert await store.get(anew.id) == anew

    async def test_by_many_taps_at_once_is_one_hold(self, store: HoldStore, clock: SetClock) -> None:
        taps = [a_hold(clock, name=f"hold_{n}") for n in range(20)]
        standing = await asyncio.gather(*(store.acquire(tap, limit=1) for tap in taps))
        assert len({hold.id for hold in standing}) == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"visit_type_id": "visit-2"},
            {"contact_type": ContactType.IN_PERSON, "location_id": "room-1"},
            {"minutes": 15},
            {"start": NOON + timedelta(minutes=15)},
        ],
        ids=lambda change: next(iter(change)),
    )
    async def test_is_not_holding_another_slot_at_that_time(
        self, store: HoldStore, clock: SetClock, change: dict[str, Any]
    ) -> None:
        first = await store.acquire(a_hold(clock), limit=PLENTY)
        with pytest.raises(SlotTaken):
            await store.acquire(replace(first, id="hold_2", slot=replace(first.slot, **change)), limit=PLENTY)

    async def test_is_for_the_owner_only(self, store: HoldStore, clock: SetClock) -> None:
        first = await store.acquire(a_hold(clock), limit=PLENTY)
        handed = await store.transfer(first, owner=BOB)
        with pytest.raises(SlotTaken):
            await store.acquire(a_hold(clock, name="hold_2"), limit=PLENTY)
        assert await store.acquire(a_hold(clock, name="hold_3", owner=BOB), limit=PLENTY) == handed


@pytest.mark.parametrize("lengths", [(30,), (30, 60, 15, 45)], ids=["one slot", "overlapping lengths"])
async def test_of_100_concurrent_acquirers_exactly_one_wins(
    store: HoldStore, clock: SetClock, lengths: tuple[int, ...]
) -> None:
    rivals = [
        a_hold(
            clock,
            name=f"hold_{n}",
            owner=f"visitor:{n}",
            start=NOON + timedelta(minutes=n % len(lengths)),
            minutes=lengths[n % len(lengths)],
        )
        for n in range(100)
    ]
    answers = await asyncio.gather(
        *(store.acquire(hold, limit=PLENTY) for hold in rivals), return_exceptions=True
    )
    assert sum(isinstance(answer, Hold) for answer in answers) == 1
    assert sum(isinstance(answer, SlotTaken) for answer in answers) == 99
    winner = next(answer for answer in answers if isinstance(answer, Hold))
    assert await store.busy(["clinician-1"], around(winner)) == [
        Busy(clinician_id="clinician-1", interval=winner.slot.interval)
    ]


async def test_expiry_frees_the_time_at_once(store: HoldStore, clock: SetClock) -> None:
    hold = a_hold(clock)
    await store.acquire(hold, limit=1)
    clock.advance(minutes=5, microseconds=-1)
    assert await store.get(hold.id) == hold
    clock.advance(microseconds=1)
    assert await store.get(hold.id) is None
    assert await store.busy(["clinician-1"], around(hold)) == []
    rival = a_hold(clock, name="hold_2", owner=BOB)
    await store.acquire(rival, limit=1)
    assert await store.get(rival.id) == rival


async def test_an_expired_hold_comes_not_back(store: HoldStore, clock: SetClock) -> None:
    hold = a_hold(clock)
    await store.acquire(hold, limit=PLENTY)
    clock.advance(minutes=5)
    with pytest.raises(HoldExpired):
        await store.extend(hold, expires_at=clock.now() + timedelta(minutes=5))
    with pytest.raises(HoldExpired):
        await store.transfer(hold, owner=BOB)


class TestExtend:
    async def test_moves_the_expiry_and_counts(self, store: HoldStore, clock: SetClock) -> None:
        hold = a_hold(clock)
        await store.acquire(hold, limit=PLENTY)
        clock.advance(minutes=4)
        until = clock.now() + timedelta(minutes=5)
        extended = await store.extend(hold, expires_at=until)
        assert extended == replace(hold, expires_at=until, extensions=1)
        clock.advance(minutes=4)
        assert await store.get(hold.id) == extended
        assert (await store.busy(["clinician-1"], around(hold))) != []
        with pytest.raises(SlotTaken):
            await store.acquire(a_hold(clock, name="hold_2", owner=BOB), limit=PLENTY)

    async def test_what_does_not_count_moves_the_expiry_only(self, store: HoldStore, clock: SetClock) -> None:
        hold = a_hold(clock)
        await store.acquire(hold, limit=PLENTY)
        until = clock.now() + timedelta(minutes=6)
        begun = await store.extend(hold, expires_at=until, counted=False)
        assert begun == replace(hold, expires_at=until)
        assert await store.get(hold.id) == begun
        assert (await store.extend(begun, expires_at=until)).extensions == 1

    async def test_never_moves_the_expiry_back(self, store: HoldStore, clock: SetClock) -> None:
        hold = a_hold(clock)
        await store.acquire(hold, limit=PLENTY)
        late = await store.extend(hold, expires_at=clock.now() + timedelta(minutes=20))
        again = await store.extend(late, expires_at=clock.now() + timedelta(minutes=6))
        assert again == replace(late, extensions=2)
        assert await store.get(hold.id) == again

    async def test_concurrent_extensions_of_one_reading_are_one(
        self, store: HoldStore, clock: SetClock
    ) -> None:
        hold = a_hold(clock)
        await store.acquire(hold, limit=PLENTY)
        until = clock.now() + timedelta(minutes=9)
        extended = await asyncio.gather(*(store.extend(hold, expires_at=until) for _ in range(5)))
        assert extended == [replace(hold, expires_at=until, extensions=1)] * 5
        assert await store.get(hold.id) == extended[0]

    async def test_is_for_the_owner_only(self, store: HoldStore, clock: SetClock) -> None:
        hold = a_hold(clock)
        await store.acquire(hold, limit=PLENTY)
        with pytest.raises(HoldExpired):
            await store.extend(replace(hold, owner=BOB), expires_at=hold.expires_at + timedelta(minutes=5))
        assert await store.get(hold.id) == hold


class TestRelease:
    async def test_frees_the_time(self, store: HoldStore, clock: SetClock) -> None:
        hold = a_hold(clock)
        await store.acquire(hold, limit=1)
        assert await store.release(hold.id, owners={ALICE}) == hold
        assert await store.get(hold.id) is None
        assert await store.busy(["clinician-1"], around(hold)) == []
        assert await store.release(hold.id, owners={ALICE}) is None
        await store.acquire(a_hold(clock, name="hold_2"), limit=1)  # it counts no longer

    async def test_by_somebody_else_changes_nothing(self, store: HoldStore, clock: SetClock) -> None:
        hold = a_hold(clock)
        await store.acquire(hold, limit=PLENTY)
        assert await store.release(hold.id, owners={BOB}) is None
        assert await store.get(hold.id) == hold
        assert len(await store.busy(["clinician-1"], around(hold))) == 1

    async def test_of_nothing_changes_nothing(self, store: HoldStore) -> None:
        assert await store.release("hold_missing", owners={ALICE}) is None

    async def test_of_what_has_expired_frees_nothing(self, store: HoldStore, clock: SetClock) -> None:
        hold = a_hold(clock)
        await store.acquire(hold, limit=PLENTY)
        clock.moment = hold.expires_at
        assert await store.release(hold.id, owners={ALICE}) is None


class TestTransfer:
    async def test_hands_the_hold_over(self, store: HoldStore, clock: SetClock) -> None:
        hold = a_hold(clock)
        await store.acquire(hold, limit=PLENTY)
        handed = await store.transfer(hold, owner=BOB)
        assert handed == replace(hold, owner=BOB)
        assert await store.get(hold.id) == handed
        await store.release(hold.id, owners={ALICE})
        assert await store.get(hold.id) == handed
        assert await store.release(hold.id, owners={ALICE, BOB}) == handed
        assert await store.get(hold.id) is None

    async def test_again_is_no_change(self, store: HoldStore, clock: SetClock) -> None:
        hold = a_hold(clock)
        await store.acquire(hold, limit=PLENTY)
        handed = await store.transfer(hold, owner=BOB)
        assert await store.transfer(hold, owner=BOB) == handed

    async def test_from_somebody_else_is_refused(self, store: HoldStore, clock: SetClock) -> None:
        hold = a_hold(clock)
        await store.acquire(hold, limit=PLENTY)
        with pytest.raises(HoldExpired):
            await store.transfer(replace(hold, owner="visitor:thief"), owner=BOB)
        assert await store.get(hold.id) == hold

    async def test_leaves_the_count_with_who_took_it(self, store: HoldStore, clock: SetClock) -> None:
        hold = a_hold(clock)
        await store.acquire(hold, limit=1)
        handed = await store.transfer(hold, owner=BOB)
        assert handed.taken_by == ALICE
        later, much_later = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
        with pytest.raises(HoldLimitReached):
            await store.acquire(a_hold(clock, name="hold_2", start=later), limit=1)
        await store.acquire(a_hold(clock, name="hold_3", owner=BOB, start=later), limit=1)
        await store.extend(handed, expires_at=clock.now() + timedelta(minutes=9))
        clock.advance(minutes=8)
        with pytest.raises(HoldLimitReached):
            await store.acquire(a_hold(clock, name="hold_4", start=much_later), limit=1)
        await store.release(hold.id, owners={BOB})
        await store.acquire(a_hold(clock, name="hold_5", start=much_later), limit=1)

    async def test_by_turns_with_acquiring_never_passes_the_limit(
        self, store: HoldStore, clock: SetClock
    ) -> None:
        async def take_and_hand_over(n: int) -> None:
            hold = a_hold(clock, name=f"hold_{n}", start=NOON + timedelta(hours=n))
            await store.transfer(await store.acquire(hold, limit=3), owner=f"guest:{n}")

        answers = await asyncio.gather(*map(take_and_hand_over, range(9)), return_exceptions=True)
        assert sum(isinstance(answer, HoldLimitReached) for answer in answers) == 6
        day = Interval(start=NOON, end=NOON + timedelta(hours=10))
        assert len(await store.busy(["clinician-1"], day)) == 3

    async def test_and_renewing_counts_for_who_took_it(self, store: HoldStore, clock: SetClock) -> None:
        hold = await store.transfer(await store.acquire(a_hold(clock), limit=1), owner="guest:checkout")
        clock.advance(minutes=6)
        anew = replace(hold, expires_at=clock.now() + timedelta(minutes=1))
        assert await store.acquire(anew, limit=None) == anew
        with pytest.raises(HoldLimitReached):
            await store.acquire(a_hold(clock, name="hold_2", start=NOON + timedelta(hours=1)), limit=1)

    async def test_only_one_of_many_takers_gets_it(self, store: HoldStore, clock: SetClock) -> None:
        hold = a_hold(clock)
        await store.acquire(hold, limit=PLENTY)
        answers = await asyncio.gather(
            *(store.transfer(hold, owner=f"guest:{n}") for n in range(10)), return_exceptions=True
        )
        assert sum(isinstance(answer, Hold) for answer in answers) == 1


class TestLimit:
    async def test_counts_the_owners_live_holds_with_any_clinician(
        self, store: HoldStore, clock: SetClock
    ) -> None:
        for n in range(2):
            await store.acquire(a_hold(clock, name=f"hold_{n}", clinician=f"clinician-{n}"), limit=2)
        with pytest.raises(HoldLimitReached) as refusal:
            await store.acquire(a_hold(clock, name="hold_2", clinician="clinician-2"), limit=2)
        assert refusal.value.limit == 2
        await store.acquire(a_hold(clock, name="hold_3", owner=BOB, clinician="clinician-2"), limit=2)
        clock.advance(minutes=5)
        await store.acquire(a_hold(clock, name="hold_4", clinician="clinician-2"), limit=2)

    async def test_counts_a_clients_live_holds_whoever_owns_them(
        self, store: HoldStore, clock: SetClock
    ) -> None:
        def taken_from(client: str | None, n: int) -> Hold:
            hold = a_hold(clock, name=f"hold_{n}", owner=f"visitor:{n}", clinician=f"clinician-{n}")
            return replace(hold, client=client)

        async def acquire(client: str | None, n: int) -> Hold:
            return await store.acquire(taken_from(client, n), limit=1, client_limit=2)

        first = await acquire("office", 0)
        assert await store.get(first.id) == first
        await acquire("office", 1)
        await store.transfer(first, owner="guest:checkout")
        with pytest.raises(HoldLimitReached) as refusal:
            await acquire("office", 2)
        assert refusal.value.limit == 2
        await acquire("home", 3)
        for n in (4, 5, 6):
            await acquire(None, n)
        await store.release(first.id, owners={"guest:checkout", "visitor:0"})
        await acquire("office", 7)
        extended = taken_from("office", 7)
        await store.extend(extended, expires_at=clock.now() + timedelta(minutes=9))
        clock.advance(minutes=5)
        await acquire("office", 8)
        with pytest.raises(HoldLimitReached):
            await acquire("office", 9)

    async def test_is_none_for_whoever_renews(self, store: HoldStore, clock: SetClock) -> None:
        for n in range(5):
            await store.acquire(a_hold(clock, name=f"hold_{n}", clinician=f"clinician-{n}"), limit=None)

    async def test_holds_under_concurrency(self, store: HoldStore, clock: SetClock) -> None:
        wanted = [a_hold(clock, name=f"hold_{n}", clinician=f"clinician-{n}") for n in range(30)]
        answers = await asyncio.gather(
            *(store.acquire(hold, limit=3) for hold in wanted), return_exceptions=True
        )
        assert sum(isinstance(answer, Hold) for answer in answers) == 3
        assert sum(isinstance(answer, HoldLimitReached) for answer in answers) == 27


DAY = Interval(start=NOON - timedelta(hours=12), end=NOON + timedelta(hours=12))
OFFICE, ITS_NEIGHBOUR, HOME = "0" * 32 + "a" * 32, "0" * 32 + "b" * 32, "1" * 32 + "a" * 32


def a_room(
    *, everybody: int = PLENTY, visitor: int = PLENTY, network: int = PLENTY, block: int = PLENTY
) -> DayCapacity:
    return DayCapacity(
        day=DAY, offered=(DAY,), everybody=everybody, visitor=visitor, network=network, block=block
    )


class TestRoom:
    """What people who have not signed in may hold of a clinician's day, in minutes."""

    @pytest.fixture
    def take(self, store: HoldStore, clock: SetClock) -> Callable[..., Awaitable[Hold]]:
        async def take(
            n: int,
            capacity: DayCapacity | None,
            *,
            owner: str | None = None,
            client: str | None = None,
            minutes: int = 30,
            clinician: str = "clinician-1",
            days: int = 0,
        ) -> Hold:
            hold = a_hold(
                clock,
                name=f"hold_{n}",
                owner=owner or f"visitor:{n}",
                clinician=clinician,
                start=NOON + timedelta(hours=2 * n, days=days),
                minutes=minutes,
            )
            return await store.acquire(replace(hold, client=client), limit=PLENTY, capacity=capacity)

        return take

    async def test_is_for_all_together_and_told_when_there_is_some_again(
        self, take: Callable[..., Awaitable[Hold]], store: HoldStore, clock: SetClock
    ) -> None:
        capacity = a_room(everybody=90)
        await take(0, capacity)
        clock.advance(minutes=1)
        await take(1, capacity, minutes=60)
        with pytest.raises(HoldCapacityReached) as refusal:
            await take(2, capacity)
        assert refusal.value.retry_after == 4 * 60  # the first gives as much as is wanted
        with pytest.raises(HoldCapacityReached) as refusal:
            await take(2, capacity, minutes=60)
        assert refusal.value.retry_after == 5 * 60
        assert await store.get("hold_2") is None
        clock.advance(minutes=4)
        await take(2, capacity)

    @pytest.mark.parametrize(
        ("capacity", "owners", "clients"),
        [
            (a_room(visitor=60), ["visitor:a", "visitor:a", "visitor:b"], [None, None, None]),
            (a_room(network=60), [None, None, None], [OFFICE, OFFICE, ITS_NEIGHBOUR]),
            (a_room(block=60), [None, None, None], [OFFICE, ITS_NEIGHBOUR, HOME]),
        ],
        ids=["one visitor", "one network", "one block of addresses"],
    )
    async def test_is_for_each_of(
        self,
        take: Callable[..., Awaitable[Hold]],
        capacity: DayCapacity,
        owners: list[str | None],
        clients: list[str | None],
    ) -> None:
        for n in range(2):
            await take(n, capacity, owner=owners[n], client=clients[n])
        with pytest.raises(HoldCapacityReached):
            await take(2, capacity, owner=owners[0], client=clients[0])
        await take(3, capacity, owner=owners[2], client=clients[2])

    async def test_is_there_for_a_first_hold_however_short_the_day(
        self, take: Callable[..., Awaitable[Hold]]
    ) -> None:
        capacity = a_room(everybody=0, visitor=0, network=0, block=0)
        await take(0, capacity, client=OFFICE)
        with pytest.raises(HoldCapacityReached):
            await take(1, capacity, client=OFFICE)

    async def test_is_not_taken_by_who_has_signed_in_and_not_by_other_days_and_clinicians(
        self, take: Callable[..., Awaitable[Hold]]
    ) -> None:
        capacity = a_room(everybody=30)
        await take(0, None, owner=ALICE)
        await take(1, None, owner=ALICE)
        await take(2, None, clinician="clinician-2")
        await take(3, None, days=1)
        await take(4, capacity)
        with pytest.raises(HoldCapacityReached):
            await take(5, capacity)
        await take(5, None, owner=ALICE)  # nobody asks it of them

    async def test_is_taken_by_a_guests_checkout_and_given_back_by_who_signs_in_and_what_is_released(
        self, take: Callable[..., Awaitable[Hold]], store: HoldStore
    ) -> None:
        capacity = a_room(everybody=30)
        handed = await store.transfer(await take(0, capacity), owner="guest:checkout")
        with pytest.raises(HoldCapacityReached):
            await take(1, capacity)
        await store.transfer(handed, owner=ALICE)
        theirs = await take(1, capacity)
        with pytest.raises(HoldCapacityReached):
            await take(2, capacity)
        await store.release(theirs.id, owners={theirs.owner})
        await take(2, capacity)

    async def test_is_taken_by_gaps_too_that_are_shorter_than_an_hour(
        self, store: HoldStore, clock: SetClock
    ) -> None:
        """A quarter of an hour held in each hour leaves no place for a visit of an hour."""

        def quarter(n: int, *, apart: int) -> Hold:
            start = NOON + timedelta(minutes=n * apart)
            return a_hold(clock, name=f"hold_{n}", owner=f"visitor:{n}", start=start, minutes=15)

        capacity = a_room(everybody=120)
        for n in range(2):  # 15 + 45 + 15
            await store.acquire(quarter(n, apart=60), limit=None, capacity=capacity)
        with pytest.raises(HoldCapacityReached):
            await store.acquire(quarter(2, apart=60), limit=None, capacity=capacity)  # 135
        for n in (2, 3, 4):  # 75 + 3 * 15: an hour is left between them
            await store.acquire(quarter(n, apart=75), limit=None, capacity=capacity)

    async def test_is_taken_by_what_is_left_of_the_offered_time_and_too_short(
        self, store: HoldStore, clock: SetClock
    ) -> None:
        """A quarter of an hour in the middle of each free hour and a half shuts them all to visits of an hour."""

        def span(hour: int, minutes: int) -> Interval:
            start = NOON + timedelta(hours=hour)
            return Interval(start=start, end=start + timedelta(minutes=minutes))

        offered = (span(0, 90), span(2, 90), span(4, 90), span(6, 45))
        capacity = replace(a_room(everybody=190), offered=offered)
        for n, minutes in enumerate((30, 160, 375)):
            # 90 of the first and of the second; of the last, which has never had room for an hour, what is held
            start = NOON + timedelta(minutes=minutes)
            hold = a_hold(clock, name=f"hold_{n}", owner=f"visitor:{n}", start=start, minutes=15)
            if n == 2:
                with pytest.raises(HoldCapacityReached):
                    await store.acquire(hold, limit=None, capacity=capacity)
                capacity = replace(capacity, everybody=195)
            await store.acquire(hold, limit=None, capacity=capacity)

    async def test_is_asked_of_no_hold_that_stands(self, take: Callable[..., Awaitable[Hold]]) -> None:
        held = await take(0, a_room(everybody=60))
        assert await take(0, a_room(everybody=0)) == held

    async def test_is_never_exceeded_by_many_at_once(
        self, take: Callable[..., Awaitable[Hold]], store: HoldStore
    ) -> None:
        rooms = [a_room(everybody=120, block=90)] * 6
        answers = await asyncio.gather(
            *(take(n, capacity, client=OFFICE) for n, capacity in enumerate(rooms)),
            *(take(n, capacity, client=HOME) for n, capacity in enumerate(rooms, start=-6)),
            return_exceptions=True,
        )
        held = [one for one in answers if isinstance(one, Hold)]
        assert sum(isinstance(one, HoldCapacityReached) for one in answers) == 8
        assert max(sum(one.client == place for one in held) for place in (OFFICE, HOME)) <= 3
        assert len(await store.anonymous("clinician-1", DAY)) == 4

    async def test_what_takes_it_can_be_listed(
        self, take: Callable[..., Awaitable[Hold]], store: HoldStore, clock: SetClock
    ) -> None:
        first = await take(0, None, client=OFFICE)
        second = await store.transfer(await take(1, None), owner="guest:checkout")
        await take(2, None, owner=ALICE)
        await take(3, None, clinician="clinician-2")
        await take(4, None, days=1)
        listed = await store.anonymous("clinician-1", DAY)
        assert sorted(listed, key=lambda one: one.id) == [first, second]
        clock.advance(minutes=5)
        assert await store.anonymous("clinician-1", DAY) == []


async def test_busy_lists_what_overlaps_the_span_for_these_clinicians(
    store: HoldStore, clock: SetClock
) -> None:
    places = [("clinician-1", 0), ("clinician-1", 60), ("clinician-2", 0), ("clinician-3", 0)]
    taken = [
        a_hold(clock, name=f"hold_{n}", clinician=clinician, start=NOON + timedelta(minutes=offset))
        for n, (clinician, offset) in enumerate(places)
    ]
    for hold in taken:
        await store.acquire(hold, limit=PLENTY)
    span = Interval(start=NOON + timedelta(minutes=29), end=NOON + timedelta(minutes=60))
    busy = await store.busy(["clinician-1", "clinician-2"], span)
    assert sorted(each.clinician_id for each in busy) == ["clinician-1", "clinician-2"]
    assert {each.interval for each in busy} == {taken[0].slot.interval}
    assert await store.busy([], span) == []
    touching = Interval(start=NOON + timedelta(minutes=30), end=NOON + timedelta(minutes=60))
    assert await store.busy(["clinician-1"], touching) == []


async def test_a_store_whose_server_is_gone_is_unavailable_and_comes_back(
    outage: Outage, clock: SetClock
) -> None:
    hold, store = a_hold(clock), outage.store
    await store.acquire(hold, limit=PLENTY)
    await outage.go()
    calls = [
        store.acquire(a_hold(clock, name="hold_2"), limit=PLENTY),
        store.get(hold.id),
        store.extend(hold, expires_at=clock.now() + timedelta(minutes=6)),
        store.transfer(hold, owner=BOB),
        store.release(hold.id, owners={ALICE}),
        store.busy(["clinician-1"], around(hold)),
        store.anonymous("clinician-1", around(hold)),
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [UpstreamUnavailable] * len(calls)
    await outage.come_back()
    await store.acquire(a_hold(clock, name="hold_3", start=NOON + timedelta(hours=1)), limit=PLENTY)


@pytest.mark.postgres
async def test_reaping_waits_for_nobody_who_is_at_an_expired_hold(
    postgresql_engine: AsyncEngine, clock: SetClock
) -> None:
    """Whoever holds a slot deletes expired holds too, in another order: if both waited, both could wait for ever."""
    store = SqlHoldStore(engine=postgresql_engine, clock=clock)
    for n in range(3):
        await store.acquire(a_hold(clock, name=f"hold_{n}", clinician=f"clinician-{n}"), limit=PLENTY)
    clock.advance(minutes=5)
    async with postgresql_engine.begin() as another:
        await another.execute(delete(holds).where(holds.c.id == "hold_1"))
        async with asyncio.timeout(10):
            assert await store.reap(clock.now()) == 2
        await another.rollback()
    assert await store.reap(clock.now()) == 1
