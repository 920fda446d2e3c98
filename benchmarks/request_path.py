"""Measures what the gateway does around the execution of a public read: `python -m benchmarks.request_path`.

The gateway's own application answers a request for plans with everything that it does: middleware, authentication, rates, limits, the
pipeline, deadline, logs and headers. A bare ASGI route answers the same request on the same services and the same executor: it parses
the JSON, executes the document, and sends the answer. Both are compared as `benchmarks.asgi_calls` says.
"""

import json
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Any

import httpx2
from graphql import parse
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.app_overhead import bodies, settings_for
from benchmarks.asgi_calls import Headers, Overhead, compared, measured_on_sqlite
from benchmarks.figures import titled
from booking.services import Services
from gateway.app import create_app
from gateway.callers.tokens import DevelopmentTokens, GatewayTokens
from gateway.clock import SystemClock
from gateway.execution import Executor
from gateway.graphql import build_schema
from gateway.graphql_request import GraphQLRequest
from gateway.runtime.composition import compose
from schema.context import Context
from schema.executable import executable
from tests.plugins.databases import emptied
from tests.reliability.processes import Running

# The target: microseconds that all features together add to a public read.
MOST = 100.0

_PAIRS = 2000
_ADDRESS = {"X-Forwarded-For": "203.0.113.7"}


async def measure(emulator: Running, url: str) -> dict[str, Overhead]:
    """Send requests for plans to both in turn. Returns the figures by caller."""
    async with AsyncExitStack() as exits:
        await exits.enter_async_context(emptied(url))
        http = await exits.enter_async_context(httpx2.AsyncClient(timeout=60))
        seed = (await http.get(f"{emulator.url}/_control/seed")).raise_for_status().json()
        settings = settings_for(emulator, url, seed, client_address_header="X-Forwarded-For")
        app = create_app(settings)
        await exits.enter_async_context(app.router.lifespan_context(app))
        system = await exits.enter_async_context(compose(settings))
        bare, body = _bare(system.services), bodies(seed)["plans"]
        callers = _callers(settings.secret_key.get_secret_value())
        return {
            who: await compared(bare, app, body, _PAIRS, {**headers, **_ADDRESS})
            for who, headers in callers.items()
        }


def _callers(secret: str) -> dict[str, Headers]:
    visitor = GatewayTokens(secret=secret).visitor()
    patient = DevelopmentTokens(secret=secret, clock=SystemClock()).issue("1")
    return {
        "nobody": {},
        "a visitor": {"Frontdoor-Visitor": visitor},
        "a patient": {"Authorization": f"Bearer {patient}"},
    }


def _bare(services: Services) -> ASGIApp:
    """The same executor behind nothing."""
    executor = Executor(executable(build_schema()))
    documents: dict[str, Any] = {}
    context = Context(
        services=services, tokens=GatewayTokens(secret="unused" * 10), caller=None, request_id="bench"
    )

    async def serve(_: Scope, receive: Receive, send: Send) -> None:
        body = json.loads((await receive())["body"])
        text = body["query"]
        if text not in documents:
            documents[text] = parse(text)
        request = GraphQLRequest(variables=body.get("variables") or {})
        done = await executor.execute(documents[text], request, context)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"data":%b}' % (done.data or b"null")})

    return serve


def shown(figures: dict[str, dict[str, Any]]) -> str:
    """The figures as a Markdown table, for docs/reliability.md."""
    rows = [
        (
            f"plans, for {who} ({one['pairs']:,} pairs)",
            f"{one['bare']:,.0f} µs",
            f"{one['more']:+,.1f} µs ({one['least']:+,.1f} to {one['most']:+,.1f})",
            f"{MOST:+,.0f} µs at most",
        )
        for who, one in figures.items()
    ]
    head = ("a request's processor time", "execution alone", "everything around it (95%)", "aim")
    return titled("Around the execution", head, rows)


def main() -> int:
    """Print the figures; return 1 unless every confidence interval is within the target."""
    figures = measured_on_sqlite(measure)
    print(shown({who: asdict(one) for who, one in figures.items()}))
    return int(any(one.most > MOST for one in figures.values()))


if __name__ == "__main__":
    sys.exit(main())
