"""The FastAPI application without its system: the typed routes and their OpenAPI document.

`frontdoor openapi` prints the document; docs/openapi.json holds it, and a test compares the two.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from gateway import calendar_route
from gateway.bare_route import WithBareRoute
from gateway.http_errors import close_invalid, refuse, refuse_invalid
from gateway.runtime import health
from gateway.webhooks.routes import webhook_router

_DESCRIPTION = """The routes of a gateway beside its GraphQL API: for its operators, for Healthie, and for patients' calendars.

Patients' apps use GraphQL at `/graphql`, which has a schema of its own (`frontdoor schema`). Responses carry no data of patients, except calendar entries.
Any other path or method is refused in plain text."""

_TAGS = [
    {"name": "health", "description": "For load balancers, orchestrators and monitoring."},
    {"name": "calendar", "description": "For patients' calendars."},
    {
        "name": "webhooks",
        "description": "Notifications of the practice's system. The route exists only where it is set up.",
    },
]

# Where an OpenTelemetry provider is set up, FastAPI records the query of URLs (of a GraphQL GET: the document and its variables) and the
# text of exceptions. Both may hold a patient's data.
_NO_TELEMETRY = TelemetryConfig(
    tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False
)


def new_application(
    *,
    plain_routes: Sequence[BaseRoute] = (),
    middleware: Sequence[Middleware] = (),
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
    webhooks_at: str | None = None,
    bare: tuple[str, ASGIApp] | None = None,
) -> FastAPI:
    """Build an application with the typed routes. `plain_routes` are matched before them, and are not in the document.

    `bare` is a path, and the application that serves it ahead of FastAPI, inside the same `middleware`.

    `webhooks_at` is the path of webhooks; None: there is no such route. Set `state.health`, `state.calendar`, and with webhooks `state.webhooks`,
    before it serves.

    The document and FastAPI's pages about it are not served: the document is in docs/, and the pages load scripts from other hosts.
    """
    app = WithBareRoute(
        bare=bare,
        title="Frontdoor",
        summary="HTTP routes beside GraphQL",
        description=_DESCRIPTION,
        version=version("frontdoor"),
        openapi_tags=_TAGS,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
        routes=list(plain_routes),
        middleware=middleware,
        lifespan=lifespan,
        exception_handlers={HTTPException: refuse, RequestValidationError: refuse_invalid},
    )
    app.add_exception_handler(WebSocketRequestValidationError, close_invalid)
    app.include_router(health.router)
    app.include_router(calendar_route.router)
    if webhooks_at is not None:
        app.include_router(webhook_router(webhooks_at))
    return app


def openapi_document() -> str:
    """The OpenAPI document with every optional route, as indented JSON that ends with a line break."""
    from gateway.runtime.upstream import webhook_source  # noqa: PLC0415 - takes half a second that other users of this module do not need

    return (
        json.dumps(new_application(webhooks_at=webhook_source().path).openapi(), indent=2, ensure_ascii=False)
        + "\n"
    )
