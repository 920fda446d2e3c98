"""Frontdoor's programs as real processes that a test may kill, stop and let go on."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.plugins.server_process import end_with_parent, free_port

# A start takes a third of a second; a machine that is busy takes its time.
START_SECONDS = 30
POLL_SECONDS = 0.01

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Running:
    """One process."""

    pid: int
    url: str  # of a worker: empty
    log: Path

    def kill(self) -> None:
        """End it as `kill -9` does, and return when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        while self.is_alive():
            os.sched_yield()

    def pause(self) -> None:
        """Stop it in its tracks, as a machine that freezes does; return when it stands."""
        os.kill(self.pid, signal.SIGSTOP)
        while _state(self.pid) not in {"T", "Z", ""}:
            os.sched_yield()

    def go_on(self) -> None:
        """Let it go on where it stood."""
        os.kill(self.pid, signal.SIGCONT)

    def is_alive(self) -> bool:
        """Tell whether it is there."""
        return _state(self.pid) not in {"Z", ""}


class Nursery:
    """Starts processes, and ends those that are left."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._started: list[Running] = []
        self._numbers = itertools.count()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.reliability.nursery"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one call into libc, no locks
        )

    async def emulator(self) -> Running:
        """Start an emulator and wait until it answers."""
        port = free_port()
        started = self._fork(["emulator", "--port", str(port)], {}, port)
        await self._until_answers(started, "/_control/health")
        return started

    async def gateway(self, settings: Mapping[str, str], *, program: str = "frontdoor") -> Running:
        """Start `frontdoor serve` and wait until it is ready."""
        port = free_port()
        started = self._fork([program, "serve", "--port", str(port)], settings, port)
        await self._until_answers(started, "/readyz")
        return started

    def worker(self, settings: Mapping[str, str], *, program: str = "frontdoor") -> Running:
        """Start `frontdoor worker`; nobody can tell from outside when it is ready."""
        return self._fork([program, "worker"], settings, None)

    @contextlib.contextmanager
    def ended_after(self) -> Iterator[None]:
        """End on leaving what was started within: a worker that is left would take up the next test's rows."""
        before = len(self._started)
        try:
            yield
        finally:
            while len(self._started) > before:
                self._started.pop().kill()

    def end(self) -> None:
        """End everything."""
        for each in self._started:
            each.kill()
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def _fork(self, program: list[str], settings: Mapping[str, str], port: int | None) -> Running:
        assert self._process.stdin, "piped"
        assert self._process.stdout, "piped"
        log = self._directory / f"{program[-1]}-{next(self._numbers)}.log"
        asked = {"program": program, "environment": dict(settings), "log": str(log)}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        url = f"http://127.0.0.1:{port}" if port else ""
        self._started.append(Running(pid=int(self._process.stdout.readline()), url=url, log=log))
        return self._started[-1]

    async def _until_answers(self, started: Running, path: str) -> None:
        async with asyncio.timeout(START_SECONDS), httpx2.AsyncClient(base_url=started.url) as client:
            while True:
                assert started.is_alive(), started.log.read_text()[-2000:]
                with contextlib.suppress(httpx2.HTTPError):
                    if (await client.get(path)).is_success:
                        return
                await asyncio.sleep(POLL_SECONDS)


@contextlib.contextmanager
def a_nursery() -> Iterator[Nursery]:
    """A nursery; all of its processes end on leaving."""
    with tempfile.TemporaryDirectory(prefix="frontdoor-test-") as directory:
        nursery = Nursery(Path(directory))
        try:
            yield nursery
        finally:
            nursery.end()


def _state(pid: int) -> str:
    """The process's state as the kernel names it (`T`: stopped, `Z`: dead); nothing when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
