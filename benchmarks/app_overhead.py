"""Measures what FastAPI adds to a GraphQL request, compared with bare Starlette: `python -m benchmarks.app_overhead`.

One process serves both: the gateway's own application, and a bare Starlette application with the same plain routes, the same
middleware and the same endpoint. They are called in turn over ASGI, one request each, and measured in processor time of the event loop's
thread, so that other load on the machine does not count. There is no server and no socket, and the database's threads do not count: the
reported share is an upper bound.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute

from benchmarks.asgi_calls import Overhead, compared, measured_on_sqlite
from benchmarks.figures import titled
from gateway.app import create_app
from gateway.settings import Settings
from tests.acceptance.documents import PLANS, SLOTS
from tests.plugins.databases import emptied
from tests.reliability.processes import Running

# Pairs of requests, one to each application. The difference is some microseconds, so that of a single pair is mostly noise.
PAIRS = {"plans": 3000, "slots": 150}

# Free times of a week; each request makes several upstream requests.
_DAYS = 7

# The target: the largest overhead, as a share of a whole request.
MOST = 0.02

_MANY = 1_000_000  # so that no limit refuses, and no pacing delays


async def measure(emulator: Running, url: str) -> dict[str, Overhead]:
    """Send requests for plans and slots to both in turn. Returns the figures by kind of request."""
    async with AsyncExitStack() as exits:
        await exits.enter_async_context(emptied(url))
        http = await exits.enter_async_context(httpx2.AsyncClient(timeout=60))
        seed = (await http.get(f"{emulator.url}/_control/seed")).raise_for_status().json()
        app = create_app(settings_for(emulator, url, seed))
        await exits.enter_async_context(app.router.lifespan_context(app))
        plain = [route for route in app.routes if type(route) in {Route, WebSocketRoute, Mount}]
        bare = Starlette(routes=plain, middleware=app.user_middleware)
        return {kind: await compared(bare, app, body, PAIRS[kind]) for kind, body in bodies(seed).items()}


def bodies(seed: dict[str, Any]) -> dict[str, bytes]:
    """The bodies of the requests, by kind."""
    today = datetime.now(UTC).date()
    sought = {
        "filter": {"visitTypeId": seed["visit_types"]["Initial Visit"], "timeZone": "America/New_York"},
        "from": (today + timedelta(days=1)).isoformat(),
        "until": (today + timedelta(days=_DAYS)).isoformat(),
    }
    return {
        "plans": json.dumps({"query": PLANS}).encode(),
        "slots": json.dumps({"query": SLOTS, "variables": sought}).encode(),
    }


def settings_for(emulator: Running, url: str, seed: Mapping[str, Any], **more: Any) -> Settings:
    """The settings of a gateway that no pace and no rate slows down, and `more`."""
    return Settings.model_validate(
        {
            "environment": "development",
            "secret_key": "only-for-benchmarks-" * 3,
            "database_url": url,
            "healthie_url": f"{emulator.url}/graphql",
            "healthie_organization_key": seed["owner"]["key"],
            "healthie_keys": seed["clinician_keys"],
            "healthie_requests_per_second": 1000,
            "healthie_burst": 1000,
            "rate_factor": _MANY,
            **more,
        }
    )


def shown(figures: dict[str, dict[str, Any]]) -> str:
    """The figures as a Markdown table, for docs/reliability.md."""

    def share(one: dict[str, Any], name: str) -> str:
        return f"{one[name] / one['bare']:+.2%}"

    rows = [
        (
            f"{kind} ({one['answer'] / 1000:,.0f} kB, {one['pairs']:,} pairs)",
            f"{one['bare']:,.0f} µs",
            f"{one['more']:+,.1f} µs",
            f"{share(one, 'more')} ({share(one, 'least')} to {share(one, 'most')})",
            f"{MOST:+.0%} at most",
        )
        for kind, one in figures.items()
    ]
    head = ("a request's processor time", "bare Starlette", "the application", "share (95%)", "aim")
    return titled("FastAPI around GraphQL", head, rows)


def main() -> int:
    """Print the figures; return 1 unless every confidence interval is within the target."""
    figures = measured_on_sqlite(measure)
    print(shown({kind: asdict(one) for kind, one in figures.items()}))
    return int(any(one.most > one.bare * MOST for one in figures.values()))


if __name__ == "__main__":
    sys.exit(main())
