"""All gateway processes are told to end, whatever each of them does meanwhile."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from gateway.runtime.gateway_processes import GatewayProcesses

GONE, LIVING, NEW = 11, 12, 13


def test_one_that_ended_just_before_does_not_keep_the_others_from_being_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[tuple[int, int]] = []

    def kill(pid: int, number: int) -> None:
        if pid == GONE:
            raise ProcessLookupError
        told.append((pid, number))

    handlers: dict[int, Callable[[int, Any], None]] = {}
    ended = iter([(GONE, 0), (LIVING, 0)])

    def waitpid(*_: int) -> tuple[int, int]:
        pid, status = next(ended)
        if pid == GONE:  # the signal comes when it has been reaped, and is still noted as started
            handlers[signal.SIGTERM](signal.SIGTERM, None)
        return pid, status

    started = iter([GONE, LIVING, NEW])
    monkeypatch.setattr(os, "kill", kill)
    monkeypatch.setattr(os, "waitpid", waitpid)
    monkeypatch.setattr(os, "fork", lambda: next(started))
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(signal, "pthread_sigmask", lambda *_: None)
    assert GatewayProcesses(lambda: None, processes=2).run() == 0
    assert told == [(LIVING, signal.SIGTERM)]
