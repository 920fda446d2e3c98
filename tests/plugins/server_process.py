"""A server process that a test run owns: started, killed, started again, and gone when the tests are.

It is a child of the test process. On Linux the kernel ends it when that process dies, however it dies;
elsewhere a ``kill -9`` of the tests can leave one behind.
"""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

# A cold start takes well under a second; a machine busy with other tests gets the rest.
START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.02

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


class ServerUnavailableError(Exception):
    """No such server can be started on this machine, and why."""


class TemporaryServer(ABC):
    """A server process of our own. Its ``url`` and data stay over ``kill`` and ``start``, and end with ``stop``."""

    stop_signal: signal.Signals
    orphan_signal: signal.Signals

    def __init__(self, owner: pwd.struct_passwd | None = None) -> None:
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="frontdoor-test-"))
        self._owner = owner
        if owner:
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None
        self._has_run = False

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is reached."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Say what to execute."""

    @abstractmethod
    def answers(self, pid: int) -> bool:
        """Tell whether the process ``pid``, and no other on its port, takes commands."""

    def start(self) -> None:
        """Start, or start again after ``kill``, and return once it answers.

        Raises ServerUnavailableError with the end of the server's log.
        """
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        process = self._process or self._spawn()
        while not self.answers(process.pid):
            if time.monotonic() > deadline:
                self.kill()
                raise ServerUnavailableError(f"{type(self).__name__} did not start:\n{self._log_tail()}")
            time.sleep(POLL_SECONDS)
            if process.poll() is not None:
                # The port was taken, or what a killed one left is still in the way.
                self.port = self.port if self._has_run else free_port()
                process = self._spawn()
        self._process, self._has_run = process, True

    def kill(self) -> None:
        """End the process as ``kill -9`` does."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End the process in good order and remove its data."""
        if self._process:
            self._process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_TIMEOUT_SECONDS)
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _run(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        owner = self._owner
        with (self.directory / "server.log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
                user=owner.pw_uid if owner else None,
                group=owner.pw_gid if owner else None,
                extra_groups=[] if owner else None,
                preexec_fn=end_with_parent(self.orphan_signal),  # noqa: PLW1509 - one call into libc, no locks
                start_new_session=True,  # a Ctrl-C is for the tests, which then stop us in good order
            )

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._process = self._run(self.command())
        return self._process

    def _log_tail(self) -> str:
        return (self.directory / "server.log").read_text(errors="replace")[-2000:]


def free_port() -> int:
    """Answer a TCP port of the loopback interface that nobody listens on right now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def end_with_parent(sent: signal.Signals) -> Callable[[], None] | None:
    """Answer what a child does before it becomes the server, so that the kernel sends it ``sent`` when we die.

    The kernel watches the thread that started the child, so a thread that may end earlier does not ask for it.
    """
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    prctl = ctypes.CDLL(None).prctl  # found before the fork: the child must not load libraries

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(sent))

    return ask
