"""A disk that is full, and a log that nobody takes: processes go on, say what is wrong, and are well again by themselves."""

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import httpx2
import pytest

from gateway.callers.tokens import GatewayTokens
from gateway.development.demo import documents
from tests.plugins.server_process import free_port
from tests.reliability.conftest import Open
from tests.reliability.database import Database
from tests.reliability.practice import PATIENCE_SECONDS, SECRET, ZONE, Practice
from tests.reliability.processes import ROOT, Running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/dev/full and prlimit are Linux's")


@pytest.fixture
async def practice(practice_on: Open, sqlite_database: Database) -> Practice:
    return await practice_on(sqlite_database)


@contextlib.contextmanager
def full_disk(*processes: Running) -> Iterator[None]:
    """Inside, no file of these processes grows: to them every disk is full."""
    before = {one.pid: resource.prlimit(one.pid, resource.RLIMIT_FSIZE) for one in processes}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


async def readiness(http: httpx2.AsyncClient, gateway: Running) -> httpx2.Response:
    return await http.get(f"{gateway.url}/readyz")


async def until_ready(http: httpx2.AsyncClient, gateway: Running, *, ready: bool) -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (answer := await readiness(http, gateway)).is_success is not ready:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)
    return answer.text


async def hold(http: httpx2.AsyncClient, gateway: Running, slot_id: str) -> Any:
    headers = {
        "Frontdoor-Visitor": GatewayTokens(secret=SECRET).visitor(),
        "Idempotency-Key": uuid.uuid4().hex,
    }
    asked = {"query": documents.HOLD, "variables": {"input": {"slotId": slot_id, "timeZone": ZONE}}}
    answer = await http.post(f"{gateway.url}/graphql", json=asked, headers=headers)
    return answer.json()


async def test_on_a_full_disk_nothing_ends_and_readiness_says_what_mutations_meet(practice: Practice) -> None:
    gateway, worker = await practice.gateway(), practice.worker()
    async with practice.peer() as peer:
        slot, other = (await peer.slots("Initial Visit"))[:2]
    assert (await until_ready(practice.http, gateway, ready=True)) != ""
    with full_disk(gateway, worker):
        assert "takes no writes" in await until_ready(practice.http, gateway, ready=False)
        log = gateway.log.stat().st_size
        for _ in range(20):
            (error,) = (await hold(practice.http, gateway, slot.id))["errors"]
            assert (error["extensions"]["code"], error["extensions"]["retryable"]) == (
                "UPSTREAM_UNAVAILABLE",
                True,
            )
            assert "INTERNAL" not in str(error)
        assert (await practice.http.get(f"{gateway.url}/healthz")).text == "alive"
        assert gateway.log.stat().st_size == log  # it could not be written: that is what is tested
        await asyncio.sleep(2)  # the worker's own rounds, each of which fails
    assert "ready" in await until_ready(practice.http, gateway, ready=True)
    held = await hold(practice.http, gateway, other.id)
    assert held["data"]["holdSlot"]["__typename"] == "HoldSlotSuccess"
    assert gateway.is_alive()
    assert worker.is_alive()
    told = gateway.log.read_text()
    assert "log.lines_lost" in told
    assert "Traceback" not in told


@contextlib.asynccontextmanager
async def started(
    command: str, environment: Mapping[str, str], *, output: IO[bytes] | int | None, **more: Any
) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """`frontdoor COMMAND`, with its output there; None: closed, as by `>&- 2>&-`."""
    begun = [sys.executable, "-m", "gateway.command_line", *command.split()]
    if output is None:
        begun = ["/bin/sh", "-c", f"exec {' '.join(begun)} >&- 2>&-"]
    process = subprocess.Popen(  # noqa: ASYNC220 - the test waits for it anyway
        begun,
        cwd=ROOT,
        env={**os.environ, **environment, "FRONTDOOR_LOG_LEVEL": "DEBUG"},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        **more,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def nobody_takes(kind: str) -> Iterator[IO[bytes] | int | None]:
    if kind == "closed":
        yield None
    elif kind == "full":
        with Path("/dev/full").open("wb") as output:
            yield output
    else:
        read, write = os.pipe()
        os.close(read)
        yield write
        os.close(write)


@pytest.mark.parametrize("kind", ["full", "a pipe without a reader", "closed"])
async def test_a_log_that_nobody_takes_ends_neither_serve_nor_worker(
    practice: Practice, kind: str, tmp_path: Path
) -> None:
    port, beat = free_port(), tmp_path / "beat"
    gateway = Running(pid=0, url=f"http://127.0.0.1:{port}", log=beat)
    async with practice.peer() as peer:
        slot = (await peer.slots("Initial Visit"))[0]
    with nobody_takes(kind) as output:
        async with (
            started(f"serve --port {port}", practice.environment, output=output) as serve,
            started(f"worker --heartbeat {beat}", practice.environment, output=output) as worker,
            asyncio.timeout(2 * PATIENCE_SECONDS),  # two starts from nothing
        ):
            while not beat.exists():
                assert worker.poll() is None
                await asyncio.sleep(0.05)
            while True:
                assert serve.poll() is None
                with contextlib.suppress(httpx2.HTTPError):
                    if (await readiness(practice.http, gateway)).is_success:
                        break
                await asyncio.sleep(0.05)
            first = beat.stat().st_mtime_ns
            held = await hold(practice.http, gateway, slot.id)
            assert held["data"]["holdSlot"]["__typename"] == "HoldSlotSuccess"
            while beat.stat().st_mtime_ns == first:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
            for process in (serve, worker):
                process.terminate()
            for process in (serve, worker):
                await asyncio.to_thread(process.wait)
    assert (serve.returncode, worker.returncode) == (-signal.SIGTERM, 0)  # as uvicorn ends, and as we do
