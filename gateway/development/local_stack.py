"""A local stack: the emulator, a gateway and a worker on SQLite, each a process of its own.

For development, the demo and the acceptance tests. However the starting process ends, the parent watchdog ends its children.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from gateway.runtime.parent_watchdog import GRACE_SECONDS
from gateway.settings.storage import DEVELOPMENT_SECRET

if TYPE_CHECKING:
    from integrations.upstream.audit import Answer, Call

# A cold start of one process takes about a second; a busy machine needs much longer.
START_SECONDS = 30


class StackError(Exception):
    """The stack did not start; the text says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class LocalStack:
    """The addresses and settings of a running stack."""

    gateway: str  # base URL
    emulator: str  # base URL
    settings: Mapping[str, str]  # the environment that the gateway runs with
    patients: tuple[str, ...]  # ids of the emulator's synthetic patients

    @property
    def graphql(self) -> str:
        """The GraphQL endpoint."""
        return f"{self.gateway}/graphql"


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def local_stack(
    *,
    directory: Path,
    gateway_port: int,
    emulator_port: int,
    quiet: bool,
    extra: Mapping[str, str] | None = None,
) -> AsyncIterator[LocalStack]:
    """Starts all processes, waits until they answer, and ends them on leaving. Raises StackError.

    `quiet` writes the processes' logs into files under `directory`; `extra` are further environment settings.
    """
    for name, port in (("gateway", gateway_port), ("emulator", emulator_port)):
        _check_free(name, port)
    emulator = f"http://127.0.0.1:{emulator_port}"
    gateway = f"http://127.0.0.1:{gateway_port}"
    database = f"sqlite:///{directory / 'frontdoor.sqlite3'}"
    async with contextlib.AsyncExitStack() as processes, httpx2.AsyncClient(timeout=5) as http:
        children = _Children(directory=directory, quiet=quiet)
        processes.push_async_callback(children.end)
        await children.start("emulator", ["--port", str(emulator_port)], {})
        migrated = asyncio.create_task(asyncio.to_thread(_migrate, database))
        await children.until_answers(http, "emulator", f"{emulator}/_control/health")
        seed = (await http.get(f"{emulator}/_control/seed")).raise_for_status().json()
        webhooks, secret = await _subscribe(emulator, owner_key=seed["owner"]["key"], gateway=gateway)
        settings = {
            "FRONTDOOR_ENVIRONMENT": "development",
            "FRONTDOOR_SECRET_KEY": DEVELOPMENT_SECRET,
            "FRONTDOOR_DATABASE_URL": database,
            "FRONTDOOR_HEALTHIE_URL": f"{emulator}/graphql",
            # The emulator does not throttle unless a test makes it.
            "FRONTDOOR_HEALTHIE_LEAST_REQUESTS_PER_SECOND": "1000",
            "FRONTDOOR_HEALTHIE_MOST_REQUESTS_PER_SECOND": "1000",
            "FRONTDOOR_HEALTHIE_BURST": "1000",
            # Limits against strangers are lifted: a developer tries every declined card, or sends many requests.
            "FRONTDOOR_RATE_FACTOR": "1000",
            "FRONTDOOR_CARDS_PER_CALLER": "1000",
            "FRONTDOOR_CARDS_OF_GUESTS": "1000",
            "FRONTDOOR_UNPAID_PER_CLINICIAN_DAY": "1000",
            "FRONTDOOR_UNPAID_OF_GUESTS": "1000",
            "FRONTDOOR_ENDPOINTS_ALLOW_LOOPBACK": "true",
            "FRONTDOOR_EMULATOR_URL": emulator,
            "FRONTDOOR_LOG_FORMAT": "console",
            "FRONTDOOR_HEALTHIE_ORGANIZATION_KEY": seed["owner"]["key"],
            "FRONTDOOR_HEALTHIE_WEBHOOK_URL": webhooks,
            "FRONTDOOR_HEALTHIE_WEBHOOK_SECRETS": json.dumps([secret]),
            "FRONTDOOR_HEALTHIE_KEYS": json.dumps(seed["clinician_keys"]),
            **(extra or {}),
        }
        await children.start("serve", ["--port", str(gateway_port)], settings)
        await migrated
        await children.until_answers(http, "serve", f"{gateway}/readyz")
        await children.start("worker", [], settings)
        yield LocalStack(
            gateway=gateway,
            emulator=emulator,
            settings=settings,
            patients=tuple(one["id"] for one in seed["patients"]),
        )


class _Unrecorded:
    """Discards audit records: calls to the emulator are not audited here."""

    async def attempted(self, call: "Call") -> None:
        """Ignores a call that is about to be sent."""

    async def answered(self, call: "Call", answer: "Answer") -> None:
        """Ignores a call's outcome."""


async def _subscribe(emulator: str, *, owner_key: str, gateway: str) -> tuple[str, str]:
    """Subscribes the gateway to the emulator's webhooks; returns their URL and signing secret. Raises StackError."""
    # Imported while the emulator starts: the client takes half a second to load.
    from integrations.healthie.connect import connect, webhook_source  # noqa: PLC0415

    url = gateway + webhook_source().path
    async with connect(
        url=f"{emulator}/graphql",
        organization_key=owner_key,
        clinician_keys={},
        declines={},
        digest=str,
        audit=_Unrecorded(),
    ) as practice:
        await practice.subscriptions.subscribe(url, practice.subscriptions.expected)
        secrets = [each.secret for each in await practice.subscriptions.all() if each.address == url]
    if not secrets or secrets[0] is None:
        raise StackError("The emulator did not say what it signs its webhooks with.")
    return url, secrets[0]


class _Children:
    """The processes of one stack."""

    def __init__(self, *, directory: Path, quiet: bool) -> None:
        self._directory = directory
        self._quiet = quiet
        self._members: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, command: str, arguments: list[str], settings: Mapping[str, str]) -> None:
        """Starts `frontdoor command …` in a session of its own, so that Ctrl-C reaches the parent only."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("FRONTDOOR_")}
        with contextlib.ExitStack() as files:
            output = files.enter_context(self._log(command).open("ab")) if self._quiet else None
            self._members[command] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway.command_line", command, *arguments, "--until-stdin-closes"),
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**inherited, **settings},
                start_new_session=True,
            )

    async def until_answers(self, http: httpx2.AsyncClient, command: str, url: str) -> None:
        """Waits until `url` answers 2xx. Raises StackError when the process ends first, or after START_SECONDS."""
        process = self._members[command]
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if process.returncode is not None:
                raise StackError(
                    f"`frontdoor {command}` ended with exit code {process.returncode}.{self._tail(command)}"
                )
            with contextlib.suppress(httpx2.HTTPError):
                if (await http.get(url)).is_success:
                    return
            await asyncio.sleep(0.05)
        raise StackError(
            f"`frontdoor {command}` did not answer within {START_SECONDS} s.{self._tail(command)}"
        )

    async def end(self) -> None:
        """Sends SIGTERM to every process, the last started first, and SIGKILL after GRACE_SECONDS."""
        for process in reversed(self._members.values()):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self._members.values():
            try:
                await asyncio.wait_for(process.wait(), GRACE_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()

    def _log(self, command: str) -> Path:
        return self._directory / f"{command}.log"

    def _tail(self, command: str) -> str:
        if not self._quiet:
            return ""
        lines = self._log(command).read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        return "\n".join(["", *lines])


def _migrate(database: str) -> None:
    """Creates the tables while the processes start; in a thread, since loading the libraries takes a second."""
    from integrations.database.migrations import migrate  # noqa: PLC0415  # see above

    asyncio.run(migrate(database))


def _check_free(name: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StackError(
                f"Port {port} is in use, so the {name} cannot listen there: perhaps another `make dev` runs. End that, or choose "
                f"another port: .venv/bin/frontdoor dev --{name}-port PORT"
            ) from error
