"""Who is compared with the gateway; each is a process that is started and asked over HTTP."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.peers import tools
from benchmarks.peers.processes import Server, started
from benchmarks.peers.questions import Case
from benchmarks.peers.stage import Stage

_UVICORN = (
    *("-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}"),
    *("--loop", "uvloop", "--log-level", "warning", "--no-access-log"),
)


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One who is measured."""

    name: str
    server: Server
    headers: Mapping[str, str] = field(default_factory=dict)
    only: frozenset[str] | None = None  # the cases that it is asked; None: all
    answers_exactly: bool = True  # whether its answers must be those expected, or are somebody else's bytes

    def is_asked(self, case: Case) -> bool:
        """Whether it takes part in the case."""
        return self.only is None or case.name in self.only


@contextlib.contextmanager
def mercurius(stage: Stage, name: str, *, is_cached: bool) -> Iterator[Contender]:
    """Mercurius with its JIT and undici; it asks upstream each time, except that it may keep the plans."""
    command = [*tools.node_server(), "{port}", stage.upstream, *(["cached"] if is_cached else [])]
    with started(name, command, directory=stage.directory) as server:
        yield Contender(name=name, server=server, only=frozenset({"plans"}) if is_cached else None)


@contextlib.contextmanager
def python_peer(stage: Stage, name: str, module: str, *, answers_exactly: bool = True) -> Iterator[Contender]:
    """An ASGI application of this folder, under uvicorn with uvloop and httptools."""
    environment = {"PEER_UPSTREAM": f"{stage.upstream}/graphql", "PEER_ANSWERS": str(stage.answers)}
    command = [sys.executable, *_UVICORN, f"benchmarks.peers.{module}:app"]
    with started(name, command, directory=stage.directory, environment=environment, cwd=tools.ROOT) as server:
        yield Contender(name=name, server=server, answers_exactly=answers_exactly)


MERCURIUS = "Mercurius, jit, undici"
MERCURIUS_CACHED = "Mercurius, plans in memory"
NAIVE = "Strawberry, FastAPI, httpx2"
PASSTHROUGH = "byte pass-through"
CANNED = "canned answer"


def peer(stage: Stage, name: str) -> contextlib.AbstractContextManager[Contender]:
    """The peer of that name."""
    if name in {MERCURIUS, MERCURIUS_CACHED}:
        return mercurius(stage, name, is_cached=name == MERCURIUS_CACHED)
    if name == NAIVE:
        return python_peer(stage, name, "strawberry_peer")
    module = {PASSTHROUGH: "passthrough", CANNED: "canned"}[name]
    return python_peer(stage, name, module, answers_exactly=False)
