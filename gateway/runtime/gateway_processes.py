"""Several gateway processes on one port: forked from one that has loaded everything, and made anew when they die.

The first process only watches. It opens the port before it forks, so that connections wait for whichever process takes them, and none is
lost with a process that was not holding it. SIGTERM and SIGINT end all: each finishes its requests first. Should the
first process be killed, the others end by themselves, since their end of a pipe closes.
"""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType

import structlog

log = structlog.get_logger(__name__)

# A process that ended sooner after its start than this (seconds) is made anew only then: one that cannot live must not fork without end.
SHORTEST_LIFE = 1.0

# What a server ends with when it could not start: the others could not either. uvicorn's own number.
CANNOT_START = 3

_ENDING = (signal.SIGTERM, signal.SIGINT)


class GatewayProcesses:
    """Runs `serve` in so many processes until it is told to end. For the main thread."""

    def __init__(self, serve: Callable[[], None], *, processes: int) -> None:
        self._serve = serve
        self._wanted = processes
        self._started: dict[int, float] = {}  # when, by pid
        self._ending = False
        self._code = 0
        self._lifeline = os.pipe()  # nothing is written: it closes with this process

    def run(self) -> int:
        """Start all, and return the exit code when all have ended."""
        for number in _ENDING:
            signal.signal(number, self._end)
        log.info("gateway.processes_started", processes=self._wanted)
        while len(self._started) < self._wanted and not self._ending:
            self._start()
        while self._started:
            pid, status = os.waitpid(-1, 0)
            if (began := self._started.pop(pid, None)) is not None:
                self._replace(pid, os.waitstatus_to_exitcode(status), began)
        return self._code

    def _replace(self, pid: int, code: int, began: float) -> None:
        """Start another process in the place of one that ended."""
        if self._ending:
            return
        if code == CANNOT_START:
            self._code = code
            self._end()
            return
        log.error("gateway.process_died", pid=pid, code=code)
        time.sleep(max(0.0, began + SHORTEST_LIFE - time.monotonic()))
        if not self._ending:
            self._start()

    def _start(self) -> None:
        # A signal that comes between the fork and the next line would miss the new process, or meet the handler of the first one in it.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        pid = os.fork()
        if pid == 0:
            self._become_a_server()
        self._started[pid] = time.monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)

    def _become_a_server(self) -> None:
        for number in _ENDING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        os.close(self._lifeline[1])
        threading.Thread(target=_end_with, args=[self._lifeline[0]], name="lifeline", daemon=True).start()
        code = 1
        try:
            self._serve()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            log.exception("gateway.process_failed")
        finally:
            os._exit(code)  # what is registered to run at the exit of the first process is not this one's

    def _end(self, _signal: int | None = None, _frame: FrameType | None = None) -> None:
        self._ending = True
        for pid in self._started:
            with contextlib.suppress(
                ProcessLookupError
            ):  # it has ended, and the signal came before that was noted
                os.kill(pid, signal.SIGTERM)


def _end_with(lifeline: int) -> None:
    """End this process as SIGTERM does once the first process is gone."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that processes forked later accept on. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=2048)
    # Its connections inherit this. asyncio sets it only where it opened the socket itself: else the second of two short messages, as of a
    # subscription that is complete at once, waits 40 ms for the first to be acknowledged.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
