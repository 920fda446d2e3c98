"""Starts Frontdoor's programs as processes of their own: `python -m tests.reliability.nursery`.

It loads the libraries once and forks for each program, which saves a second of every start. What it makes are ordinary
processes: each has its own memory, sockets and files, and can be killed. They end with the nursery, and it with the tests.

A line of JSON on standard input, `{"program": [...], "environment": {...}, "log": path}`, is answered by the child's id.
"""

import json
import os
import signal
import sys
from typing import Any, NoReturn

import gateway.app
import gateway.runtime.composition
import integrations.database.holds
import integrations.redis.holds
from gateway.command_line import main as frontdoor
from integrations.healthie_emulator.__main__ import main as emulator
from tests.doubles.version_before import become_the_version_before
from tests.plugins.server_process import end_with_parent

# What a program is called that is to run as the next version of Frontdoor.
NEXT_VERSION = "frontdoor of tomorrow"

# The same for the version before.
VERSION_BEFORE = "frontdoor of yesterday"

_LOADED = (gateway.app, gateway.runtime.composition, integrations.database.holds, integrations.redis.holds)


def run() -> None:
    """Start what is asked for until nobody asks any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children: the kernel buries them
    for line in sys.stdin:
        asked = json.loads(line)
        bind = end_with_parent(signal.SIGKILL)
        pid = os.fork()
        if pid == 0:
            if bind:
                bind()
            _become(**asked)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(program: list[str], environment: dict[str, str], log: str) -> NoReturn:
    """Turn this child into the program."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for opened, standard in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(opened, standard)
    os.environ.update(environment)
    sys.argv = program
    if program[0] == NEXT_VERSION:  # it must not have loaded what it changes
        os.execv(
            sys.executable, [sys.executable, "-m", "tests.doubles.next_version", *program[1:]]
        )  # ourselves
    if program[0] == VERSION_BEFORE:
        become_the_version_before()
    code: Any = 1
    try:
        (emulator if program[0] == "emulator" else frontdoor)()
        code = 0
    except SystemExit as end:
        code = end.code
    finally:
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    run()
