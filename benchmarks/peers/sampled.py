"""`frontdoor` with its processor time sampled by layer: `python -m benchmarks.peers.sampled FILE serve`.

Every millisecond of processor time the stack is looked at, and the innermost frame that belongs to a layer counts for it. Frames of what any layer may
use (JSON, h11, the standard library) belong to whoever called them. The counts are written to FILE, as JSON, whenever SIGUSR1 comes, and begin anew.
"""

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

from gateway.command_line import main as frontdoor

_EVERY_SECONDS = 0.001

_ROOT = str(Path(__file__).parents[2])

OTHER = "event loop, and what belongs to no layer"

# The layers with the folders and packages of each, the more particular ones first.
LAYERS: dict[str, tuple[str, ...]] = {
    "audit": ("/booking/audit/", "/integrations/database/audit", "/integrations/upstream/audit"),
    "logs": ("/structlog/", "/gateway/runtime/log"),
    "authentication": ("/gateway/callers/", "/jwt/"),
    "rate limits": ("/gateway/rates/", "/site-packages/limits/"),
    "GraphQL: parsing, limits of a document": (
        "/gateway/limits/",
        "/graphql/language/",
        "/graphql/validation/",
    ),
    "GraphQL: execution": (
        "/site-packages/graphql/",
        "/site-packages/strawberry/",
        "/gateway/",
        "/resolvers/",
        "/schema/",
    ),
    "free time: search, holds, claims": ("/booking/",),
    "Redis": ("/site-packages/redis/", "/integrations/redis/"),
    "database": ("/sqlalchemy/", "/asyncpg/", "/integrations/database/"),
    "upstream: HTTP": (
        "/httpx2/",
        "/httpcore",
        "/aiohttp/",
        "/integrations/upstream/transport",
        "/integrations/healthie/transport",
    ),
    "upstream: pace, breaker, retries": ("/integrations/upstream/", "/stamina/", "/tenacity/"),
    "upstream: reading the answer": ("/integrations/healthie/", "/pydantic/", "/msgspec/"),
    "HTTP server": ("/uvicorn/", "/starlette/", "/fastapi/", "/cross_web/"),
}

_layer_of_file: dict[str, str | None] = {}
_counts: Counter[str] = Counter()


def layer_of(file: str) -> str | None:
    """The layer that a source file belongs to, by its path in the project or an absolute one; None when it may be anybody's."""
    return next((layer for layer, parts in LAYERS.items() if any(part in file for part in parts)), None)


def _sample(_signal: int, frame: FrameType | None) -> None:
    while frame is not None:
        file = frame.f_code.co_filename
        if file not in _layer_of_file:
            _layer_of_file[file] = layer_of(file.removeprefix(_ROOT))
        layer = _layer_of_file[file]
        if layer is not None and not _is_outermost(file):
            _counts[layer] += 1
            return
        frame = frame.f_back
    _counts[OTHER] += 1


def _is_outermost(file: str) -> bool:
    """Whether everything runs below it: the server's own loop, and the command."""
    return (
        file.endswith(("/uvicorn/server.py", "/uvicorn/main.py", "/uvicorn/_compat.py"))
        or "/gateway/command" in file
    )


def main() -> None:
    """Sample from now on, and go on as `frontdoor`."""
    told = Path(sys.argv.pop(1))

    def tell(_signal: int, _frame: FrameType | None) -> None:
        unfinished = told.with_suffix(".new")
        unfinished.write_text(json.dumps(_counts))
        _counts.clear()
        unfinished.rename(told)

    signal.signal(signal.SIGUSR1, tell)
    signal.signal(signal.SIGPROF, _sample)
    signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS, _EVERY_SECONDS)
    frontdoor()


if __name__ == "__main__":
    main()
