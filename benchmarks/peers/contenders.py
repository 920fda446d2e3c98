"""Who is compared: the gateway of one or more checkouts, and the peers; each as a process that is started and asked over HTTP."""

import contextlib
import json
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from benchmarks.peers import tools
from benchmarks.peers.practice import Practice
from benchmarks.peers.processes import Server, started
from tests.plugins.servers import own_database

# So that no limit refuses and no pace delays; the counting itself goes on.
_MANY = "1000000"
_PER_SECOND = "10000"  # the most that the settings allow

_UVICORN = (
    "-m",
    "uvicorn",
    "--host",
    "127.0.0.1",
    "--port",
    "{port}",
    "--log-level",
    "warning",
    "--no-access-log",
)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What all contenders of a run stand on."""

    practice: Practice
    upstream: str  # URL of its system of record
    answers: Path  # directory of canned answers
    directory: Path  # for logs
    postgresql: str  # URL of the server
    redis: str


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One who is measured."""

    name: str
    server: Server
    headers: Mapping[str, str] = field(default_factory=dict)
    is_gateway: bool = False
    answers_exactly: bool = True  # whether its answers must be those expected, or are somebody else's bytes


@contextlib.contextmanager
def gateway(
    stage: Stage, name: str, project: Path, *, settings: Mapping[str, str] | None = None
) -> Iterator[Contender]:
    """`frontdoor serve` of a checkout with its own environment: production settings, PostgreSQL, Redis, a visitor's token.

    Authentication, limits, audit and logs (into a file) are on, as they always are.
    """
    with ExitStack() as exits:
        database = exits.enter_context(own_database(stage.postgresql))
        environment = {**_settings(stage, database), **(settings or {})}
        program = str(project / ".venv" / "bin" / "frontdoor")
        log = stage.directory / "migrate.log"
        with log.open("wb") as output:
            subprocess.run(
                [program, "migrate"], cwd=project, env=environment, stdout=output, stderr=output, check=True
            )
        server = exits.enter_context(
            started(
                name,
                [program, "serve", "--port", "{port}"],
                directory=stage.directory,
                environment=environment,
                cwd=project,
            )
        )
        _until_ready(server)
        yield Contender(
            name=name, server=server, headers={"Frontdoor-Visitor": _visitor(server)}, is_gateway=True
        )


def _settings(stage: Stage, database: str) -> dict[str, str]:
    return {
        "FRONTDOOR_ENVIRONMENT": "production",
        "FRONTDOOR_SECRET_KEY": secrets.token_hex(32),
        "FRONTDOOR_TENANT": f"bench-{secrets.token_hex(4)}",  # keys of its own in Redis
        "FRONTDOOR_DATABASE_URL": database.replace("+asyncpg", ""),
        "FRONTDOOR_REDIS_URL": stage.redis,
        "FRONTDOOR_HEALTHIE_URL": f"{stage.upstream}/graphql",
        "FRONTDOOR_HEALTHIE_ORGANIZATION_KEY": "key-1",
        "FRONTDOOR_HEALTHIE_KEYS": json.dumps(stage.practice.keys),
        "FRONTDOOR_HEALTHIE_REQUESTS_PER_SECOND": _PER_SECOND,
        "FRONTDOOR_HEALTHIE_BURST": _PER_SECOND,
        "FRONTDOOR_RATE_FACTOR": _MANY,
    }


def _until_ready(server: Server) -> None:
    """Wait until it is ready, and every clinician's key is proved."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as http:
        http.get("/readyz").raise_for_status()


def _visitor(server: Server) -> str:
    answer = httpx2.post(f"http://127.0.0.1:{server.port}/graphql", json={"query": "{ newVisitorToken }"})
    return str(answer.json()["data"]["newVisitorToken"])


@contextlib.contextmanager
def mercurius(stage: Stage, name: str, *, is_cached: bool) -> Iterator[Contender]:
    """Mercurius with its JIT and undici; it asks upstream each time, except that it may keep the plans."""
    command = [*tools.node_server(), "{port}", stage.upstream, *(["cached"] if is_cached else [])]
    with started(name, command, directory=stage.directory) as server:
        yield Contender(name=name, server=server)


@contextlib.contextmanager
def python_peer(stage: Stage, name: str, module: str, *, answers_exactly: bool = True) -> Iterator[Contender]:
    """An ASGI application of this folder, under uvicorn with uvloop and httptools."""
    environment = {"PEER_UPSTREAM": f"{stage.upstream}/graphql", "PEER_ANSWERS": str(stage.answers)}
    command = [str(tools.peers_python()), *_UVICORN, "--loop", "uvloop", f"benchmarks.peers.{module}:app"]
    with started(name, command, directory=stage.directory, environment=environment, cwd=tools.ROOT) as server:
        yield Contender(name=name, server=server, answers_exactly=answers_exactly)
