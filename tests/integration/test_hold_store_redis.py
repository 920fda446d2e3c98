"""What only Redis has to promise: nothing outlives its hold, keys name nobody, a forgetful server is no fault."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from booking.catalog.model import ContactType
from booking.models import Hold
from booking.refusals import HoldLimitReached, SlotTaken
from booking.slots import Busy, Interval, Slot
from integrations.redis import multiplexer, replies
from integrations.redis.client import ScriptingRedis, connect_redis
from integrations.redis.holds import SLACK, RedisHoldStore
from tests.plugins.server_process import TemporaryServer

pytestmark = pytest.mark.redis

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = Interval(start=NOW, end=NOW + timedelta(days=1))


class FixedClock:
    def now(self) -> datetime:
        return NOW


def a_hold(name: str = "hold_1", *, owner: str = "patient:alice", hour: int = 1) -> Hold:
    return Hold(
        id=name,
        owner=owner,
        taken_by=owner,
        slot=Slot(
            clinician_id="clinician-1",
            visit_type_id="visit-1",
            contact_type=ContactType.PHONE,
            location_id=None,
            start=NOW + timedelta(hours=hour),
            minutes=30,
        ),
        time_zone="America/New_York",
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=5),
    )


def store_of(
    client: ScriptingRedis, prefix: str = "frontdoor:", secret: bytes = b"only for tests"
) -> RedisHoldStore:
    return RedisHoldStore(client=client, prefix=prefix, secret=secret, clock=FixedClock())


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[ScriptingRedis]:
    client = connect_redis(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def store(client: ScriptingRedis, redis_prefix: str) -> RedisHoldStore:
    return store_of(client, redis_prefix)


async def keys(client: ScriptingRedis, prefix: str) -> list[str]:
    return [str(key) async for key in client.scan_iter(f"{prefix}*")]


async def live_through_everything(store: RedisHoldStore) -> None:
    await store.acquire(a_hold(), limit=3)
    await store.extend(a_hold(), expires_at=NOW + timedelta(minutes=15))
    await store.transfer(a_hold(), owner="guest:checkout")
    await store.acquire(a_hold("hold_2", owner="visitor:bob", hour=2), limit=3)


async def test_every_key_goes_by_itself(
    store: RedisHoldStore, client: ScriptingRedis, redis_prefix: str
) -> None:
    await live_through_everything(store)
    lives = {key: await client.pttl(key) for key in await keys(client, redis_prefix)}
    longest = (timedelta(minutes=15) + SLACK) // timedelta(milliseconds=1)
    assert len(lives) == 5  # two holds, a clinician, two who took them
    assert all(0 < life <= longest for life in lives.values())
    assert lives[f"{redis_prefix}hold:hold_1"] > longest - 60_000
    # Not cut short by the later, shorter hold.
    assert lives[f"{redis_prefix}clinician:clinician-1"] > longest - 60_000


async def test_released_holds_leave_no_key(
    store: RedisHoldStore, client: ScriptingRedis, redis_prefix: str
) -> None:
    await live_through_everything(store)
    await store.release("hold_1", owners={"guest:checkout"})
    await store.release("hold_2", owners={"visitor:bob"})
    assert await keys(client, redis_prefix) == []


async def test_a_hold_that_an_earlier_version_took_is_read_counted_and_handed_over(
    store: RedisHoldStore, client: ScriptingRedis, redis_prefix: str
) -> None:
    """Its fields do not say yet who took it."""
    await store.acquire(a_hold(), limit=1)
    await client.hdel(f"{redis_prefix}hold:hold_1", "taken_by")
    assert await store.get("hold_1") == a_hold()
    handed = await store.transfer(a_hold(), owner="guest:checkout")
    assert handed == replace(a_hold(), owner="guest:checkout")
    with pytest.raises(HoldLimitReached):
        await store.acquire(a_hold("hold_2", hour=2), limit=1)
    await store.release("hold_1", owners={"guest:checkout"})
    assert await keys(client, redis_prefix) == []


async def test_no_key_names_an_owner(
    store: RedisHoldStore, client: ScriptingRedis, redis_prefix: str
) -> None:
    await live_through_everything(store)
    for key in await keys(client, redis_prefix):
        assert not any(word in key for word in ("alice", "bob", "patient", "visitor", "guest", "checkout"))


async def test_owners_are_hidden_by_the_secret(client: ScriptingRedis, redis_prefix: str) -> None:
    await store_of(client, redis_prefix, b"one").acquire(a_hold(), limit=3)
    first = set(await keys(client, redis_prefix))
    await store_of(client, redis_prefix, b"two").acquire(a_hold("hold_2", hour=2), limit=3)
    added = set(await keys(client, redis_prefix)) - first
    assert len([key for key in added if ":owner:" in key]) == 1


@pytest.mark.parametrize("forget", ["FLUSHALL", "SCRIPT FLUSH"])
async def test_a_server_that_forgot_everything_goes_on(
    temporary_redis: Callable[[], TemporaryServer], forget: str
) -> None:
    client = connect_redis(temporary_redis().url)
    store = store_of(client)
    await store.acquire(a_hold(), limit=1)
    if forget == "FLUSHALL":
        await client.flushall()
        assert await store.get("hold_1") is None
        assert await store.busy(["clinician-1"], DAY) == []
        await store.release("hold_1", owners={"patient:alice"})
        await store.acquire(a_hold("hold_2", owner="visitor:bob"), limit=1)
    else:
        await client.script_flush()
        with pytest.raises(SlotTaken):
            await store.acquire(a_hold("hold_2", owner="visitor:bob"), limit=1)
    await client.aclose()


async def test_of_1000_callers_for_one_slot_exactly_one_wins(
    store: RedisHoldStore, client: ScriptingRedis
) -> None:
    rivals = [a_hold(f"hold_{n}", owner=f"visitor:{n}") for n in range(1000)]
    answers = await asyncio.gather(
        *(store.acquire(rival, limit=1) for rival in rivals), return_exceptions=True
    )
    assert sum(isinstance(answer, Hold) for answer in answers) == 1
    assert sum(isinstance(answer, SlotTaken) for answer in answers) == 999


class Line:
    """The way to a server; it can lose the next answer, or the one after it, and the connection with it."""

    def __init__(self, server: TemporaryServer) -> None:
        self._server = server
        self.loses = 0  # which of the answers from now on
        self.lost = 0

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[str]:
        """Answers the URL to connect to."""
        async with await asyncio.start_server(self._carry, "127.0.0.1", 0) as listening:
            yield f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}/0"

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection("127.0.0.1", self._server.port)

        async def back() -> None:
            while answer := await answers.read(65_536):
                self.loses -= 1
                if self.loses == 0:
                    self.lost += 1
                    break
                writer.write(answer)
            writer.close()

        returning = asyncio.create_task(back())
        while question := await reader.read(65_536):
            questions.write(question)
        questions.close()
        await returning


async def test_whoever_misses_an_answer_asks_once_more_and_nothing_is_done_twice(
    temporary_redis: Callable[[], TemporaryServer],
) -> None:
    line = Line(temporary_redis())
    async with line.laid() as url:
        client = connect_redis(url)
        store, until = store_of(client), NOW + timedelta(minutes=9)

        async def walk(hold: Hold, *, losing: bool) -> list[object]:
            """Each call of the port in turn."""
            met: list[object] = []
            extended = replace(hold, expires_at=until, extensions=1)
            for call in (
                lambda: store.acquire(hold, limit=1),
                lambda: store.get(hold.id),
                lambda: store.extend(hold, expires_at=until),
                lambda: store.transfer(extended, owner="guest:1"),
                lambda: store.busy(["clinician-1"], DAY),
                lambda: store.release(hold.id, owners={"guest:1"}),
                lambda: store.get(hold.id),
            ):
                line.loses = int(losing)
                met.append(await call())
            return met

        hold = a_hold()
        extended = replace(hold, expires_at=until, extensions=1)
        handed = replace(extended, owner="guest:1")
        expected = [
            hold,
            hold,
            extended,
            handed,
            [Busy(clinician_id="clinician-1", interval=hold.slot.interval, until=until)],
            handed,
            None,
        ]
        assert await walk(hold, losing=False) == expected  # the server knows the scripts from now on
        assert await walk(hold, losing=True) == expected
        assert line.lost == len(expected)
        await store.acquire(hold, limit=1)
        line.loses = 2  # it is read, and then it goes
        assert await store.release(hold.id, owners={hold.owner}) is None
        assert await store.get(hold.id) is None
        await client.aclose()


async def test_connections_that_a_server_cut_while_they_rested_cost_no_call(
    temporary_redis: Callable[[], TemporaryServer],
) -> None:
    """As after an idle timeout, a failover or a restart."""
    server = temporary_redis()
    client, operator = connect_redis(server.url), connect_redis(server.url)
    store = store_of(client)
    for _ in range(2):
        names = set(await asyncio.gather(*(client.client_id() for _ in range(8))))
        assert len(names) == 8
        for name in names:
            await operator.client_kill_filter(_id=str(name))
        assert await asyncio.gather(*(store.get(f"hold_{number}") for number in range(8))) == [None] * 8
    await client.aclose()
    await operator.aclose()


async def test_what_is_held_of_any_number_of_clinicians_is_one_command(
    client: ScriptingRedis, redis_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(client, redis_prefix)
    held = await store.acquire(a_hold(), limit=None)
    everybody = [f"clinician-{number}" for number in range(200)]
    await store.busy(everybody, DAY)  # the script is sent once
    sent: list[str] = []
    written = replies.written

    def note(command: replies.Command) -> bytes:
        sent.append(str(command[0]))
        return written(command)

    monkeypatch.setattr(multiplexer, "written", note)
    assert await store.busy(everybody, DAY) == [
        Busy(clinician_id="clinician-1", interval=held.slot.interval, until=held.expires_at)
    ]
    assert sent == ["EVALSHA"]
