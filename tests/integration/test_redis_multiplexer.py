"""One connection for the scripts of all callers: each gets its own reply, whatever becomes of the others and of the connection."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as TookTooLong

from integrations.redis.client import ScriptingRedis, connect_redis

pytestmark = pytest.mark.redis


class Line:
    """A line to Redis that can be cut, or keep what Redis answers to itself."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.opened = 0
        self.is_silent = False
        self.url = ""
        self.asked = asyncio.Event()  # something was sent to Redis

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        above, below = await asyncio.open_connection(*self._to)
        self._writers += [writer, below]
        self._tasks.add(asyncio.create_task(self._answers(above, writer)))
        while data := await reader.read(65536):
            below.write(data)
            self.asked.set()

    async def _answers(self, above: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await above.read(65536):
            if not self.is_silent:
                writer.write(data)

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


@pytest.fixture
async def line(redis_url: str) -> AsyncIterator[Line]:
    address = urlsplit(redis_url)
    line = Line(address.hostname or "", address.port or 6379)
    server = await asyncio.start_server(line.accept, "127.0.0.1", 0)
    line.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}{address.path}"
    yield line
    line.cut()
    server.close()


@pytest.fixture
async def client(line: Line) -> AsyncIterator[ScriptingRedis]:
    client = connect_redis(line.url, timeout=0.5)
    yield client
    await client.aclose()


async def test_all_callers_share_a_connection_and_each_has_its_own_reply(
    client: ScriptingRedis, line: Line
) -> None:
    replies = await asyncio.gather(*(client.scripts.execute("ECHO", number) for number in range(500)))
    assert replies == [b"%d" % number for number in range(500)]
    assert line.opened == 1


async def test_of_thousands_that_count_at_once_each_gets_a_number_of_its_own_and_none_is_lost(
    redis_url: str, redis_prefix: str
) -> None:
    clients = [connect_redis(redis_url) for _ in range(2)]
    key = f"{redis_prefix}count"
    found = await asyncio.gather(
        *(client.scripts.execute("INCR", key) for client in clients for _ in range(2_500))
    )
    assert sorted(found) == list(range(1, 5_001))
    for one in (found[:2_500], found[2_500:]):
        assert one == sorted(one), "replies come in the order of the commands"
    await clients[0].delete(key)
    for client in clients:
        await client.aclose()


async def test_an_error_is_of_its_command_alone(client: ScriptingRedis) -> None:
    before, wrong, after = await asyncio.gather(
        *(client.scripts.execute(*command) for command in (("ECHO", 1), ("NO-SUCH",), ("ECHO", 2))),
        return_exceptions=True,
    )
    assert (before, after) == (b"1", b"2")
    assert isinstance(wrong, ResponseError)


async def test_who_leaves_takes_nobodys_reply(client: ScriptingRedis) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.scripts.execute("ECHO", number)) for number in range(9)]
        await asyncio.sleep(0)
        tasks[4].cancel()
    assert [task.result() for task in tasks if task is not tasks[4]] == [
        b"%d" % n for n in range(9) if n != 4
    ]


async def test_after_a_break_what_had_no_reply_is_sent_once_more(client: ScriptingRedis, line: Line) -> None:
    await client.scripts.execute("PING")
    line.is_silent = True
    line.asked.clear()
    waiting = asyncio.gather(*(client.scripts.execute("ECHO", number) for number in range(5)))
    await line.asked.wait()
    line.is_silent = False
    line.cut()
    assert await waiting == [b"%d" % number for number in range(5)]
    assert line.opened == 2


async def test_a_connection_that_ended_while_nobody_used_it_is_replaced(
    client: ScriptingRedis, line: Line
) -> None:
    await client.scripts.execute("PING")
    line.cut()
    await asyncio.sleep(0.05)
    assert await client.scripts.execute("ECHO", 1) == b"1"


async def test_a_silent_redis_is_given_up_in_time_and_not_asked_again(
    client: ScriptingRedis, line: Line
) -> None:
    await client.scripts.execute("PING")
    line.is_silent = True
    loop = asyncio.get_running_loop()
    began = loop.time()
    found = await asyncio.gather(
        *(client.scripts.execute("ECHO", number) for number in range(3)), return_exceptions=True
    )
    assert [type(one) for one in found] == [TookTooLong] * 3
    assert 0.4 < loop.time() - began < 2
    assert line.opened == 1
    line.is_silent = False
    assert await client.scripts.execute("ECHO", 1) == b"1"
    assert line.opened == 2


async def test_what_is_no_redis_is_an_error_and_no_reply() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    client = connect_redis(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", timeout=0.5)
    with pytest.raises(RedisError):
        await client.scripts.execute("PING")
    await client.aclose()
    server.close()


async def test_the_database_of_the_address_is_used(redis_url: str, redis_prefix: str) -> None:
    address = urlsplit(redis_url)._replace(path="/5").geturl()
    other, here = connect_redis(address), connect_redis(redis_url)
    await other.scripts.execute("SET", f"{redis_prefix}only-there", "1", "EX", 60)
    assert await here.get(f"{redis_prefix}only-there") is None
    assert await other.get(f"{redis_prefix}only-there") == "1"
    await other.delete(f"{redis_prefix}only-there")
    await other.aclose()
    await here.aclose()
