"""The ASGI application: GraphQL, the control API, and a front page."""

import asyncio
import contextlib
import functools
import html
from collections.abc import AsyncIterator

from graphql import GraphQLSchema, parse
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from integrations.healthie_emulator import (
    appointments,
    availability,
    booking,
    chat,
    clients,
    control,
    dialect,
    forms,
    insurance,
    keys,
    money,
    openings,
    people,
    permissions,
    plans,
    profiles,
    rebooking,
    versions,
    visit_types,
    webhooks,
)
from integrations.healthie_emulator.documents import documents, files
from integrations.healthie_emulator.emulator import Emulator
from integrations.healthie_emulator.endpoint import GraphQLEndpoint
from integrations.healthie_emulator.scheduling import (
    checkout,
    ending,
    fields,
    offered,
    policy,
    requests,
    seats,
    series,
    settings,
    warnings,
    widget,
)
from integrations.healthie_emulator.schema import CONTRACT, executable_schema
from integrations.healthie_emulator.seed import described
from integrations.healthie_emulator.tags_and_groups import groups, tags

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Healthie emulator</title>
<style>body{{font:16px/1.5 system-ui;max-width:46rem;margin:2rem auto;padding:0 1rem}}code{{background:#eee}}
td,th{{text-align:left;padding:.2rem 1rem .2rem 0}}</style>
<h1>Healthie emulator</h1>
<p>{practice}: nobody here exists, and no card is charged.</p>
<p>GraphQL: <code>POST {base}graphql</code> with <code>Authorization: Basic &lt;key&gt;</code>,
<code>AuthorizationSource: API</code> and <code>Healthie-GraphQL-API-Version: 2026-10-01</code>.</p>
<h2>Keys (synthetic)</h2><table><tr><th>Who<th>Id<th>Time zone<th>Key</tr>{people}</table>
<h2>Control</h2><p>JSON under <code>{base}_control/</code>:</p><ul>{controls}</ul></html>"""


def create_app(emulator: Emulator | None = None) -> Starlette:
    """Create the application for an emulator, a new one if none is given."""
    emulator = emulator or Emulator()
    schema(versions.SHAPES[-1])  # built before the first request, which would wait half a second for it

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        deliveries = asyncio.create_task(emulator.deliver_webhooks())
        yield
        deliveries.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await deliveries

    async def page(request: Request) -> Response:
        return HTMLResponse(_page(emulator, str(request.base_url)))

    app = Starlette(
        routes=[
            Route("/", page, methods=["GET"]),
            Route("/graphql", for_browsers(GraphQLEndpoint(emulator, schema))),
            *control.routes(emulator),
            *files.routes(lambda: emulator.world),
        ],
        lifespan=lifespan,
    )
    app.state.emulator = emulator
    return app


def for_browsers(endpoint: ASGIApp) -> ASGIApp:
    """Answer preflights of any origin, as Healthie does: browsers ask its public queries. The control API stays closed to them."""
    return CORSMiddleware(endpoint, allow_origins=["*"], allow_methods=["POST"], allow_headers=["*"])


def schema(version: str = versions.SHAPES[0], *, gone_remain: bool = False) -> GraphQLSchema:
    """The executable schema of a version, without or with the fields that were seen to be gone in it."""
    if dialect.is_spoken_in(version):
        return baseline_schema()
    shape = max((each for each in versions.SHAPES if each <= version), default=versions.SHAPES[0])
    return _schema(shape, gone_remain=gone_remain)


@functools.cache
def baseline_schema() -> GraphQLSchema:
    """Derive the schema of the versions before connections, with the same resolvers. Cached like the others."""
    return dialect.derived_schema(parse(CONTRACT.read_text(encoding="utf-8")), schema())


@functools.cache
def _schema(shape: str, *, gone_remain: bool) -> GraphQLSchema:
    """Build a schema with every resolver of the emulator. Cached, because it holds no state."""
    parts = (
        appointments,
        availability,
        booking,
        checkout,
        chat,
        clients,
        fields,
        documents,
        ending,
        forms,
        groups,
        insurance,
        keys,
        money,
        offered,
        openings,
        people,
        permissions,
        plans,
        policy,
        profiles,
        rebooking,
        requests,
        seats,
        series,
        settings,
        tags,
        visit_types,
        warnings,
        webhooks,
        widget,
    )
    resolvers = {name: each for part in parts for name, each in part.RESOLVERS.items()}
    for gone in () if gone_remain else versions.gone_in(shape):
        resolvers.pop(gone, None)
    return executable_schema(
        resolvers | versions.resolvers(shape),
        lambda built: versions.adapt(built, shape, gone_remain=gone_remain),
    )


def _page(emulator: Emulator, base: str) -> str:
    seed = described(emulator.world)
    rows = (
        (person["name"], person["id"], person["timezone"], person["key"] or "none")
        for person in (seed["owner"], *seed["clinicians"], *seed["patients"])
    )
    return PAGE.format(
        practice=html.escape(seed["practice"]),
        base=html.escape(base),
        people="".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}" for cell in row) + "</tr>" for row in rows
        ),
        controls="".join(
            f"<li><code>{' '.join(sorted((route.methods or set()) - {'HEAD'}))} {route.path}</code></li>"
            for route in control.routes(emulator)
        ),
    )
