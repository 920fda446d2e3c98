"""The servers that are compared, as processes: started, waited for, and what they cost in processor time and memory."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.development.local_stack import free_port
from tests.plugins.server_process import end_with_parent

_START_SECONDS = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class NotStarted(Exception):
    """A server ended, or did not listen in time; the text has the end of its log."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """One server with all processes that it started."""

    name: str
    pid: int
    port: int
    log: Path
    started: float  # seconds from its start until it listened

    def cpu_seconds(self) -> float:
        """Processor time of all of its processes so far; of those that ended, what their parents have waited for."""
        return sum(_cpu_seconds(pid) for pid in _tree(self.pid))

    def megabytes(self) -> float:
        """Resident memory of all of its processes; what they share counts once for each."""
        return sum(_resident(pid) for pid in _tree(self.pid)) / 1e6


@contextlib.contextmanager
def started(
    name: str,
    command: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[Server]:
    """Start a server in whose command `{port}` is the port; yields it once it listens, and ends it on leaving. Raises NotStarted."""
    port = free_port()
    log = directory / f"{name.replace(' ', '-').replace('/', '-')}.log"
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("FRONTDOOR_")}
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [part.replace("{port}", str(port)) for part in command],
            cwd=cwd,
            env={**inherited, **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one call into libc, no locks
        )
        try:
            _until_listening(name, process, port, log)
            yield Server(name=name, pid=process.pid, port=port, log=log, started=time.monotonic() - began)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _until_listening(name: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    raise NotStarted(f"{name} did not start: {log.read_text(errors='replace')[-2000:]}")


def _tree(pid: int) -> Iterator[int]:
    """The process and its descendants."""
    yield pid
    with contextlib.suppress(OSError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                yield from _tree(int(child))


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its children that were waited for."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(after_name[field]) for field in (11, 12, 13, 14)) / _TICKS


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return 0
