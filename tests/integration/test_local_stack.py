"""The stack as processes: it starts, answers, says what is wrong, and leaves nothing behind however it ends."""

import asyncio
import contextlib
import os
import re
import shlex
import signal
import socket
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from gateway.development.local_stack import free_port, local_stack
from gateway.runtime.parent_watchdog import GRACE_SECONDS
from tests.acceptance.app import VISITOR, App
from tests.plugins.stack import eventually

PROGRAM = (sys.executable, "-m", "gateway.command_line")

# A start takes two seconds on an idle machine.
START_SECONDS = 45

# A process on a machine so slow that its libraries never come.
LOADS_FOR_EVER = """
import sys, time

class ForEver:
    def find_spec(self, name, *_):
        if name in {"gateway.app", "gateway.runtime.composition"}:
            time.sleep(600)

sys.meta_path.insert(0, ForEver())
from gateway.command_line import main
main([sys.argv[1], "--until-stdin-closes"])
"""

# What processes get to end in: the start that one of them may still be in, and then the grace that they are given.
END_SECONDS = START_SECONDS + GRACE_SECONDS

processes = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="needs /proc to see processes end"
)


def children_of(parent: int) -> list[int]:
    """The processes that it started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state_and_parent = status.read_text().rpartition(")")[2].split()[:2]
            if state_and_parent[1] == str(parent):
                found.append(int(status.parent.name))
    return found


def runs(pid: int) -> bool:
    """Whether the process does anything still; one that only nobody has asked after does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


async def until_ended(pids: list[int]) -> None:
    async with asyncio.timeout(END_SECONDS):
        while any(map(runs, pids)):  # noqa: ASYNC110  # other programs have no event to wait for
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def dev(gateway: int, emulator: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """`frontdoor dev`, in a group of its own as a terminal would start it."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("dev", "--gateway-port", str(gateway), "--emulator-port", str(emulator)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()  # its own processes end with it
        await process.wait()
        await drained(process)


async def says(log: Path, words: str) -> bool:
    """Whether the words stand in the log."""
    return words in log.read_text()  # noqa: ASYNC240  # nothing else runs meanwhile


async def drained(process: asyncio.subprocess.Process) -> str:
    """The rest of what it said, its children's part included."""
    assert process.stdout is not None
    return (await process.stdout.read()).decode()


async def until_ready(process: asyncio.subprocess.Process) -> str:
    """Read what it says until it is ready; answers it."""
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(START_SECONDS):
        while "Ctrl-C" not in said:
            line = await process.stdout.readline()
            assert line, f"it ended:\n{said}"
            said += line.decode()
    return said


async def as_operator(said: str) -> str:
    """What an operator reads in a shell that has taken up the settings as the screen says."""
    (settings,) = re.findall(r"As an operator\s+\. (\S+) &&", said)
    command = f". {settings} && {shlex.join(PROGRAM)} checkouts list"
    shell = await asyncio.create_subprocess_exec("sh", "-c", command, stdout=asyncio.subprocess.PIPE)
    out, _ = await shell.communicate()
    return out.decode()


@processes
async def test_dev_says_where_it_is_answers_and_ends_whole_on_ctrl_c() -> None:
    gateway, emulator = free_port(), free_port()
    async with dev(gateway, emulator) as process:
        said = await until_ready(process)
        addresses = set(re.findall(r"http://127\.0\.0\.1:\d+[\w/]*", said))
        assert {f"http://127.0.0.1:{gateway}/graphql", f"http://127.0.0.1:{gateway}/graphiql"} <= addresses
        async with httpx2.AsyncClient() as http:
            for address in addresses:
                assert (await http.get(address, headers={"Accept": "*/*"})).status_code in {200, 400}, address
        assert await as_operator(said) == "None.\n"
        children = children_of(process.pid)
        assert len(children) == 3
        os.killpg(process.pid, signal.SIGINT)
        rest = await asyncio.wait_for(drained(process), END_SECONDS)
        assert await process.wait() == 0
        assert "Traceback" not in rest
        assert not any(map(runs, children))


@processes
async def test_dev_killed_leaves_nothing_that_the_next_one_trips_over() -> None:
    gateway, emulator = free_port(), free_port()
    async with dev(gateway, emulator) as process:
        await until_ready(process)
        children = children_of(process.pid)
        process.kill()
        await until_ended(children)
    for port in (gateway, emulator):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))


@pytest.mark.parametrize("command", ["serve", "worker"])
async def test_a_child_whose_parent_is_gone_ends_though_it_is_loading_still(command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LOADS_FOR_EVER, command), stdin=asyncio.subprocess.DEVNULL
    )
    try:
        assert await asyncio.wait_for(process.wait(), START_SECONDS) == -signal.SIGTERM
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.mark.parametrize("name", ["gateway", "emulator"])
async def test_a_port_in_use_is_said_with_what_to_do(name: str) -> None:
    ports = {"gateway": free_port(), "emulator": free_port()}
    with socket.create_server(("127.0.0.1", ports[name])):
        async with dev(**ports) as process:
            said = await asyncio.wait_for(drained(process), START_SECONDS)
            assert await process.wait() == 1
    assert f"Port {ports[name]} is in use" in said
    assert f"--{name}-port" in said
    assert "Traceback" not in said


async def test_a_stack_takes_a_guest_from_a_slot_to_a_visit(tmp_path: Path) -> None:
    """Over real sockets and separate processes, on the machine's own clock."""
    async with (
        local_stack(
            directory=tmp_path, gateway_port=free_port(), emulator_port=free_port(), quiet=True
        ) as stack,
        httpx2.AsyncClient(base_url=stack.gateway, timeout=30) as http,
        httpx2.AsyncClient(base_url=f"{stack.emulator}/_control") as control,
    ):
        practice = (await control.get("/seed")).json()
        before = (await control.get("/books")).json()
        token = (await App(http=http).ask("{ newVisitorToken }"))["newVisitorToken"]
        app = App(http=http, headers={VISITOR: token})
        soon = datetime.now(UTC).date() + timedelta(days=2)
        sought = {"visitTypeId": practice["visit_types"]["Initial Visit"], "state": "NY"}
        slot = (await app.slots(soon.isoformat(), soon.isoformat(), **sought))[0]
        guest, checkout_id = await app.guest_checkout(
            slot["id"], planId=practice["plans"]["First Visit"], promoCode="WELCOME20"
        )
        declined = await guest.confirm(checkout_id, cardToken="tok_chargeDeclined")
        assert declined["code"] == "CARD_DECLINED"
        confirmed = (await guest.confirm(checkout_id, cardToken="tok_visa"))["checkout"]
        assert confirmed["appointment"]["clinician"]["id"] == slot["clinicianId"]
        books = (await control.get("/books")).json()
        charges = [one["amount"] for one in books["charges"] if one not in before["charges"]]
        assert charges == [11_920]
        assert len(books["appointments"]) == len(before["appointments"]) + 1
        await eventually(lambda: says(tmp_path / "worker.log", "worker.started"))


async def test_the_demo_tells_its_story_and_every_claim_in_it_holds() -> None:
    """The slowest test of all: a stack of its own, and a whole journey through it."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        "demo",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told = await asyncio.wait_for(drained(process), START_SECONDS * 2)
    assert await process.wait() == 0, told
    assert "SlotTaken" in told
    assert "All held" in told
