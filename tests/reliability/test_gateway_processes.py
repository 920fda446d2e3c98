"""Several gateway processes on one port, as `FRONTDOOR_GATEWAY_PROCESSES` asks for: what is lost with one of them, and how all end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.acceptance.documents import SLOTS
from tests.reliability.conftest import Open
from tests.reliability.database import Database
from tests.reliability.practice import PATIENCE_SECONDS, ZONE, Practice
from tests.reliability.processes import Running
from tests.reliability.proxy import Side

PROCESSES = 2
ASKED = 30


@pytest.fixture
async def practice(practice_on: Open, sqlite_database: Database) -> Practice:
    return await practice_on(sqlite_database, FRONTDOOR_GATEWAY_PROCESSES=str(PROCESSES))


def children(gateway: Running) -> set[int]:
    """The processes that answer."""
    return {
        int(pid)
        for task in Path(f"/proc/{gateway.pid}/task").iterdir()
        for pid in (task / "children").read_text().split()
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    }


def is_there(pid: int) -> bool:
    return Running(pid=pid, url="", log=Path()).is_alive()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 - a process tells nobody
            await asyncio.sleep(0.01)


async def plans(gateway: Running) -> int:
    """The status of a question on a connection of its own."""
    async with httpx2.AsyncClient(base_url=gateway.url, timeout=30) as http:
        answer = await http.post("/graphql", json={"query": "{ plans { totalCount } }"})
        assert "errors" not in answer.json()
        return answer.status_code


async def test_one_is_killed_the_others_answer_and_another_takes_its_place(practice: Practice) -> None:
    gateway = await practice.gateway()
    await until(lambda: len(children(gateway)) == PROCESSES)
    before = children(gateway)
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    await until(lambda: not is_there(killed))
    assert await asyncio.gather(*(plans(gateway) for _ in range(ASKED))) == [200] * ASKED
    await until(lambda: len(children(gateway)) == PROCESSES)
    assert len(children(gateway) - before) == 1
    assert await asyncio.gather(*(plans(gateway) for _ in range(ASKED))) == [200] * ASKED
    assert "gateway.process_died" in gateway.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_asked_to_end_all_end_and_what_is_under_way_is_answered(
    practice: Practice, number: signal.Signals
) -> None:
    async with practice.peer() as peer:
        slot = (await peer.slots("Initial Visit"))[0]
    gateway = await practice.gateway()
    await until(lambda: len(children(gateway)) == PROCESSES)
    before = children(gateway)
    stop = practice.proxy.stop("AvailableSlots", Side.BEFORE)
    day = slot.start.date().isoformat()
    sought = {
        "filter": {"visitTypeId": slot.visit_type_id, "timeZone": ZONE},
        "from": day,
        "until": day,
    }
    async with asyncio.timeout(PATIENCE_SECONDS), httpx2.AsyncClient(timeout=60) as http:
        asked = asyncio.create_task(
            http.post(f"{gateway.url}/graphql", json={"query": SLOTS, "variables": sought})
        )
        await stop.reached.wait()
        os.kill(gateway.pid, number)
        await until(lambda: sum(map(is_there, before)) == PROCESSES - 1)
        stop.let_go.set()
        answer = await asked
    assert answer.json()["data"]["slots"]
    await until(lambda: not gateway.is_alive())
    assert not any(map(is_there, before))


async def test_when_the_first_process_is_killed_the_others_end(practice: Practice) -> None:
    gateway = await practice.gateway()
    await until(lambda: len(children(gateway)) == PROCESSES)
    before = children(gateway)
    gateway.kill()
    await until(lambda: not any(map(is_there, before)))


async def test_that_each_counts_apart_without_redis_is_said_at_the_start(practice: Practice) -> None:
    gateway = await practice.gateway()
    assert "gateway.processes_count_apart" in gateway.log.read_text()


def supervised(serve: str) -> "subprocess.Popen[bytes]":
    program = f"""
import os, sys, time
from gateway.runtime.gateway_processes import GatewayProcesses
sys.exit(GatewayProcesses(lambda: {serve}, processes=2).run())
"""
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def test_a_start_that_fails_ends_all_with_its_code() -> None:
    started = supervised("sys.exit(3)")
    assert started.wait(PATIENCE_SECONDS) == 3
    started.communicate()


def test_one_that_cannot_live_is_made_anew_once_a_second_and_no_more() -> None:
    started = supervised("(os.write(2, b'.'), os._exit(1))")
    began = time.monotonic()
    assert started.stderr
    assert started.stderr.read(3) == b"..."
    started.terminate()
    said = 3 + len(started.stderr.read())
    assert started.wait(PATIENCE_SECONDS) == 0
    assert said <= 2 * (time.monotonic() - began + 1)
    started.stderr.close()
