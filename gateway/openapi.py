"""The FastAPI application without its system: the typed routes, what they are called, and their OpenAPI document."""

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

from gateway.http_errors import close_invalid, refuse, refuse_invalid
from gateway.runtime import health
from gateway.webhooks.routes import webhook_router

_DESCRIPTION = """The routes of a gateway beside its GraphQL API: for whoever runs it, and for Healthie.

Patients' apps use GraphQL at `/graphql`, which has a schema of its own (`frontdoor schema`). Answers carry no data of patients.
An address or a method that is not here is refused in plain text."""

_TAGS = [
    {"name": "health", "description": "For load balancers, orchestrators and monitoring."},
    {"name": "webhooks", "description": "What a practice's system tells. There only where it is set up."},
]

# FastAPI records by itself wherever a provider of OpenTelemetry is set up: the query of a URL, which of a GraphQL GET holds the
# document and its variables, and the text of exceptions. Either may be a patient's.
_NO_TELEMETRY = TelemetryConfig(
    tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False
)


def new_application(
    *,
    plain_routes: Sequence[BaseRoute] = (),
    middleware: Sequence[Middleware] = (),
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
    webhooks_at: str | None = None,
) -> FastAPI:
    """An application with the typed routes. `plain_routes` are tried before them, and are not in the document.

    `webhooks_at` is the path at which webhooks arrive; None: none are wanted.

    The document and pages about it are served to nobody: the document is in docs/, and the pages load scripts of others.
    Its `state` must have `health`, and with webhooks `webhooks`, before it serves.
    """
    app = FastAPI(
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
    if webhooks_at is not None:
        app.include_router(webhook_router(webhooks_at))
    return app


def openapi_document() -> str:
    """The document with every route that there can be, as JSON text that ends with a line break."""
    from gateway.runtime.upstream import webhook_source  # noqa: PLC0415 - half a second that no other user of this module needs

    return (
        json.dumps(new_application(webhooks_at=webhook_source().path).openapi(), indent=2, ensure_ascii=False)
        + "\n"
    )
