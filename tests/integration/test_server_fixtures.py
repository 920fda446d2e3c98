"""The servers that tests are given: found in order, their own, and gone afterwards."""

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.plugins.discovery import discover, may_create_databases, run_sql
from tests.plugins.server_process import ServerUnavailableError, TemporaryServer
from tests.plugins.servers import own_database, own_prefix, start
from tests.plugins.temporary_servers import TemporaryRedis

ROOT = Path(__file__).parents[2]
Factory = Callable[[], TemporaryServer]


def never() -> str:
    raise AssertionError("looked further than it must")


class TestDiscover:
    def test_a_server_it_is_told_of_comes_first(self) -> None:
        assert discover(told="told", local=never, own=never) == "told"

    def test_the_standard_local_port_comes_second(self) -> None:
        assert discover(told=None, local=lambda: "local", own=never) == "local"

    def test_its_own_server_comes_last(self) -> None:
        assert discover(told="", local=lambda: None, own=lambda: "own") == "own"


@pytest.mark.redis
class TestTemporaryRedis:
    async def test_answers_and_is_empty_again_after_a_kill(self, temporary_redis: Factory) -> None:
        server = temporary_redis()
        async with Redis.from_url(server.url) as redis:
            await redis.set("key", "value")
            server.kill()
            with pytest.raises(RedisConnectionError):
                await redis.get("key")
            server.start()
            assert await redis.get("key") is None

    def test_two_are_two(self, temporary_redis: Factory) -> None:
        assert temporary_redis().url != temporary_redis().url

    async def test_is_gone_with_its_data_after_stop(self, temporary_redis: Factory) -> None:
        server = temporary_redis()
        server.stop()
        assert not server.directory.exists()
        async with Redis.from_url(server.url) as redis:
            with pytest.raises(RedisConnectionError):
                await redis.get("key")

    def test_moves_on_when_its_port_is_taken_before_the_first_start(self, temporary_redis: Factory) -> None:
        first, second = temporary_redis(), TemporaryRedis()
        try:
            second.port = first.port
            second.start()
            assert second.port != first.port
        finally:
            second.stop()


@pytest.mark.postgres
class TestTemporaryPostgres:
    def test_keeps_its_data_over_a_kill(self, temporary_postgres: Factory) -> None:
        server = temporary_postgres()
        run_sql(server.url, "CREATE TABLE kept (value int)", "INSERT INTO kept VALUES (7)")
        server.kill()
        assert not may_create_databases(server.url)
        server.start()
        assert run_sql(server.url, "SELECT value FROM kept") == 7

    def test_is_gone_with_its_data_after_stop(self, temporary_postgres: Factory) -> None:
        server = temporary_postgres()
        server.stop()
        assert not server.directory.exists()
        assert not may_create_databases(server.url)


@pytest.mark.redis
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_temporary_server_does_not_outlive_tests_that_are_killed() -> None:
    program = (
        "import sys; from tests.plugins.temporary_servers import TemporaryRedis; server = TemporaryRedis(); "
        "server.start(); print(server._process.pid, server.directory, flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, text=True) as tests:
        assert tests.stdout is not None
        pid, directory = tests.stdout.readline().split()
        server = os.pidfd_open(int(pid))
        tests.kill()
    try:
        assert select.select([server], [], [], 10) == ([server], [], []), "the server goes on"
    finally:
        os.close(server)
        shutil.rmtree(directory)


@pytest.mark.postgres
class TestOwnDatabase:
    def test_is_dropped_afterwards_even_while_in_use(self, postgres_server_url: str) -> None:
        with own_database(postgres_server_url) as url:
            assert run_sql(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        assert not may_create_databases(url)

    async def test_the_session_keeps_one_and_each_test_that_asks_gets_an_empty_one(
        self, postgres_url: str, empty_postgres_url: str
    ) -> None:
        assert postgres_url != empty_postgres_url


@pytest.mark.redis
async def test_what_is_below_a_prefix_goes_with_the_test_and_nothing_else(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis, own_prefix(redis_url) as mine:
        async with own_prefix(redis_url) as prefix:
            await redis.set(f"{prefix}hold", "taken")
            await redis.set(f"{mine}hold", "taken")
        assert await redis.get(f"{prefix}hold") is None
        assert await redis.get(f"{mine}hold") == b"taken"


async def test_a_conformance_test_gets_an_empty_database_of_each_kind(database_url: str) -> None:
    engine = create_async_engine(database_url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE fresh (value int)"))


class TestMissingServer:
    def test_a_machine_without_the_means_to_start_one_skips_the_test(self) -> None:
        def unavailable() -> TemporaryServer:
            raise ServerUnavailableError("no program for it")

        with (
            ExitStack() as servers,
            pytest.raises(pytest.skip.Exception, match="no server: no program for it"),
        ):
            start(servers, unavailable)

    def outcome(self, tmp_path: Path, *, ci: str) -> tuple[int, str]:
        (tmp_path / "test_lacking.py").write_text(
            "from tests.plugins.missing_servers import no_server\n"
            "import pytest\n"
            "def test_a(): no_server('nothing listens')\n"
            "def test_b(): pytest.skip('public schema absent: elsewhere')\n"
            "def test_c(): pass\n"
        )
        command = [sys.executable, "-m", "pytest", "-p", "tests.plugins.missing_servers", "-q", str(tmp_path)]
        finished = subprocess.run(
            [*command, "--rootdir", str(tmp_path), "-c", os.devnull, "-p", "no:cacheprovider"],
            env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        return finished.returncode, finished.stdout

    def test_is_skipped_and_said_loudly_at_the_end(self, tmp_path: Path) -> None:
        code, screen = self.outcome(tmp_path, ci="")
        assert code == pytest.ExitCode.OK
        assert "NOT TESTED for lack of a server: 1" in screen
        assert "test_lacking.py::test_a: nothing listens" in screen
        assert "1 passed, 2 skipped" in screen

    def test_fails_in_ci_where_other_skips_stay_skips(self, tmp_path: Path) -> None:
        code, screen = self.outcome(tmp_path, ci="true")
        assert code == pytest.ExitCode.TESTS_FAILED
        assert "no server: nothing listens" in screen
        assert "1 failed, 1 passed, 1 skipped" in screen
