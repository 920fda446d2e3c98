"""The emulator as a program of its own, and in process where there is no connection to drop."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
import tzdata  # type: ignore[import-untyped]

from integrations.healthie_emulator.app import create_app
from integrations.healthie_emulator.emulator import Emulator
from integrations.healthie_emulator.wire import ConnectionDropped
from tests.plugins.emulator import EmulatorClient

START_SECONDS = 20.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_it_runs_by_its_module_and_ends_on_an_interrupt() -> None:
    port = free_port()
    command = [sys.executable, "-m", "integrations.healthie_emulator", "--port", str(port), "--seed", "7"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as program:
        try:
            transport = httpx2.HTTPTransport(retries=60)  # with growing pauses, until it listens
            with httpx2.Client(transport=transport, timeout=START_SECONDS) as client:
                seed = client.get(f"http://127.0.0.1:{port}/_control/seed").json()
        finally:
            program.send_signal(signal.SIGINT)
            _, errors = program.communicate(timeout=START_SECONDS)
    assert seed["seed"] == 7
    assert errors == b""


def test_it_goes_by_the_newer_rules_of_time_zones(old_zone_rules: Path) -> None:
    command = [sys.executable, "-m", "integrations.healthie_emulator", "--port", str(free_port())]
    environment = {"PYTHONTZPATH": str(old_zone_rules)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        said = program.stdout.readline()
        program.kill()
    assert said == f"Rules of time zones: {tzdata.IANA_VERSION} (tzdata package)\n"


async def test_in_process_a_dropped_connection_is_an_exception_of_its_own(emulator: EmulatorClient) -> None:
    for kind in ("lost_request", "lost_answer", "truncated"):
        await emulator.control.faults({"kind": kind, "count": 1})
        with pytest.raises(ConnectionDropped):
            await emulator.send("{ __typename }")


async def test_two_emulators_in_one_process_share_nothing() -> None:
    first, second = Emulator(seed=1), Emulator(seed=1)
    create_app(first)
    create_app(second)
    first.world.users.add(first_name="Sample", last_name="Other", email=None, timezone="UTC")
    assert len(second.world.users) == len(first.world.users) - 1
