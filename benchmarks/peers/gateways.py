"""The gateway as a contender: `frontdoor serve` of some checkout, with production settings, PostgreSQL and Redis."""

import contextlib
import json
import secrets
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx2
from redis import Redis

from benchmarks.peers import tools
from benchmarks.peers.contenders import Contender
from benchmarks.peers.processes import Server, started
from benchmarks.peers.stage import Stage
from tests.plugins.servers import own_database

GATEWAY = "frontdoor"

# So that no limit refuses and no pace delays; the counting itself goes on.
_MANY = "1000000"
_PER_SECOND = "10000"  # the most that the settings allow


@contextlib.contextmanager
def gateway(
    stage: Stage,
    name: str = GATEWAY,
    *,
    project: Path = tools.ROOT,
    settings: Mapping[str, str] | None = None,
    program: Sequence[str] | None = None,
) -> Iterator[Contender]:
    """The gateway of a checkout with its own environment, asked with a visitor's token.

    Authentication, limits, audit and logs (into a file) are on, as they always are. `settings` are added to the environment;
    `program` is run in place of `frontdoor`.
    """
    with ExitStack() as exits:
        server = exits.enter_context(
            serving(stage, name, project=project, settings=settings, program=program)
        )
        yield Contender(name=name, server=server, headers={"Frontdoor-Visitor": visitor(server)})


@contextlib.contextmanager
def serving(
    stage: Stage,
    name: str,
    *,
    project: Path = tools.ROOT,
    settings: Mapping[str, str] | None = None,
    program: Sequence[str] | None = None,
) -> Iterator[Server]:
    """The process alone, once it is ready; with keys in Redis of its own, and a database of its own unless the settings name one."""
    frontdoor = str(project / ".venv" / "bin" / "frontdoor")
    with ExitStack() as exits:
        tenant = exits.enter_context(_own_tenant(stage.redis))
        environment = {**_settings(stage, tenant), **(settings or {})}
        if "FRONTDOOR_DATABASE_URL" not in environment:
            database = exits.enter_context(own_database(stage.postgresql))
            environment["FRONTDOOR_DATABASE_URL"] = database.replace("+asyncpg", "")
        subprocess.run([frontdoor, "migrate"], cwd=project, env=environment, capture_output=True, check=True)
        command = [*(program or [frontdoor]), "serve", "--port", "{port}"]
        server = exits.enter_context(
            started(name, command, directory=stage.directory, environment=environment, cwd=project)
        )
        httpx2.get(f"{server.url}/readyz", timeout=60).raise_for_status()
        yield server


def visitor(server: Server) -> str:
    """A fresh visitor token."""
    answer = httpx2.post(f"{server.url}/graphql", json={"query": "{ newVisitorToken }"}, timeout=60)
    return str(answer.json()["data"]["newVisitorToken"])


def _settings(stage: Stage, tenant: str) -> dict[str, str]:
    return {
        "FRONTDOOR_ENVIRONMENT": "production",
        "FRONTDOOR_SECRET_KEY": secrets.token_hex(32),
        "FRONTDOOR_TENANT": tenant,
        "FRONTDOOR_REDIS_URL": stage.redis,
        "FRONTDOOR_HEALTHIE_URL": f"{stage.upstream}/graphql",
        "FRONTDOOR_HEALTHIE_ORGANIZATION_KEY": "key-1",
        "FRONTDOOR_HEALTHIE_KEYS": json.dumps(stage.practice.keys),
        "FRONTDOOR_HEALTHIE_REQUESTS_PER_SECOND": _PER_SECOND,
        "FRONTDOOR_HEALTHIE_BURST": _PER_SECOND,
        "FRONTDOOR_RATE_FACTOR": _MANY,
    }


@contextlib.contextmanager
def _own_tenant(redis_url: str) -> Iterator[str]:
    """A practice's name that nobody else uses in Redis; its keys go at the end."""
    tenant = f"bench-{secrets.token_hex(4)}"
    try:
        yield tenant
    finally:
        with Redis.from_url(redis_url) as redis:
            for key in redis.scan_iter(f"*{tenant}*", count=1000):
                redis.delete(key)
