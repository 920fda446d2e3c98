"""The gateway as a FastAPI application: typed routes for health and webhooks, and GraphQL as a bare ASGI route beside them.

`create_app` is what `frontdoor serve` runs. GraphQL and GraphiQL are plain Starlette routes; GraphQL's are served ahead of FastAPI's
stack, whose work GraphQL requests would not use (ADR 40). Adapters are built when the application starts, and closed when it ends.
"""

import contextlib
from collections.abc import AsyncIterator

import structlog
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from booking.ports import Clock
from gateway.calendar_route import CalendarEndpoint
from gateway.callers.authentication import VISITOR_HEADER, Authenticator
from gateway.callers.calendar_links import calendar_links
from gateway.callers.client_networks import NetworkPseudonyms
from gateway.callers.tokens import GatewayTokens, derive_key
from gateway.compression import Compressed
from gateway.development.graphiql import GRAPHIQL_PATH, graphiql_routes
from gateway.http import GraphQLEndpoint
from gateway.idempotency.guard import REPLAYED_HEADER, MutationGuard
from gateway.idempotency.keys import KEY_HEADER
from gateway.openapi import new_application
from gateway.rates import BlockedSenders, OperationRates
from gateway.requests import REQUEST_ID_HEADER
from gateway.runtime.composition import compose
from gateway.runtime.health import HealthChecks
from gateway.runtime.readiness import WRITES_REMEMBERED_SECONDS, Readiness
from gateway.runtime.sealing import sealer
from gateway.runtime.system import System
from gateway.runtime.upstream import webhook_source
from gateway.security_headers import SecurityHeaders
from gateway.settings import Settings
from gateway.sockets import SocketRules
from gateway.trusted_documents import TrustedDocuments, load_manifest
from gateway.webhooks.endpoint import Address, WebhookEndpoint
from gateway.webhooks.secrets import WebhookSecrets
from integrations.database.migrations import DatabaseUnusable, prove_ready, ready
from integrations.database.webhook_subscriptions import SqlWebhookSecrets

GRAPHQL_PATH = "/graphql"

# How long a browser may cache a preflight's answer; Chromium caps it at this.
_PREFLIGHT_SECONDS = 7200

log = structlog.get_logger(__name__)


class _Gateway:
    """The started application: its system, its GraphQL endpoint and its health checks."""

    def __init__(self, settings: Settings, clock: Clock | None, trusted: TrustedDocuments) -> None:
        self._settings = settings
        self._clock = clock
        self._trusted = trusted
        self._system: System | None = None
        self._endpoint: GraphQLEndpoint | None = None
        self.health = HealthChecks(
            database=Readiness(self._database_is_ready),
            writes=Readiness(self._database_takes_writes, well_for=WRITES_REMEMBERED_SECONDS),
            blind_to_networks=settings.blind_to_networks,
        )

    @contextlib.asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Build the system, serve, and close it."""
        if self._settings.blind_to_networks:
            log.warning("networks.not_told_apart", missing="FRONTDOOR_CLIENT_ADDRESS_HEADER")
        async with compose(self._settings, clock=self._clock) as system, system.listening():
            await _declare_endpoints(system)
            self._system, self._endpoint = system, _endpoint(self._settings, system, self._trusted)
            app.state.webhooks = _webhook_endpoint(self._settings, system)
            app.state.calendar = _calendar_endpoint(self._settings, system)
            yield
            self._system = self._endpoint = app.state.webhooks = app.state.calendar = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve GraphQL. Starlette calls an instance as a bare ASGI application, with the request unread."""
        if self._endpoint is None:
            raise AssertionError("the application has not started")
        await self._endpoint(scope, receive, send)

    async def _database_is_ready(self) -> bool:
        return self._system is not None and await ready(self._system.engine)

    async def _database_takes_writes(self) -> bool:
        return self._system is not None and await self._system.write_probe()


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """Build the application; adapters are built when it starts. `clock` defaults to the system's.

    Raises ManifestInvalid when the manifest of trusted documents cannot be read.
    """
    gateway = _Gateway(settings, clock, _trusted_documents(settings))
    routes: list[BaseRoute] = [Route(GRAPHQL_PATH, gateway), WebSocketRoute(GRAPHQL_PATH, gateway)]
    if settings.in_development:
        emulator = str(settings.emulator_url).rstrip("/") if settings.emulator_url else None
        routes += graphiql_routes(endpoint=GRAPHQL_PATH, emulator_url=emulator)
        routes.append(Route("/", _to_graphiql))
    elif settings.graphiql_for_operators:
        routes += graphiql_routes(endpoint=GRAPHQL_PATH, for_operators=True)
    app = new_application(
        plain_routes=routes,
        middleware=_middleware(settings),
        bare=(GRAPHQL_PATH, gateway),
        lifespan=gateway.lifespan,
        webhooks_at=webhook_source().path if settings.healthie_webhook_url is not None else None,
    )
    app.state.health = gateway.health
    return app


async def _declare_endpoints(system: System) -> None:
    """Register the endpoints of the settings, so that events of this gateway reach them. Without a database a worker does it later."""
    try:
        await prove_ready(system.engine)
        await system.event_dispatch.declare()
    except DatabaseUnusable as unusable:
        log.error("readiness.database_unusable", why=str(unusable))  # noqa: TRY400  # the text says what to do
    except Exception:
        log.exception("events.endpoints_not_declared")


def _endpoint(settings: Settings, system: System, trusted: TrustedDocuments) -> GraphQLEndpoint:
    secret = settings.secret_key.get_secret_value()
    return GraphQLEndpoint(
        services=system.services,
        authenticator=Authenticator(
            tokens=GatewayTokens(secret=secret),
            verifier=system.sign_in,
            networks=_network_pseudonyms(settings),
        ),
        guard=MutationGuard(
            keys=system.idempotency,
            clock=system.clock,
            fingerprint_key=derive_key(secret, "idempotency-fingerprint"),
            tenant=settings.tenant,
        ),
        sockets=SocketRules(origins=settings.cors_origins),
        rates=OperationRates(counts=system.counts, factor=settings.rate_factor),
        open_to_developers=settings.in_development,
        open_to_operators=settings.graphiql_for_operators,
        trusted=trusted,
    )


def _calendar_endpoint(settings: Settings, system: System) -> CalendarEndpoint:
    return CalendarEndpoint(
        services=system.services,
        links=calendar_links(settings, system.clock),
        rates=OperationRates(counts=system.counts, factor=settings.rate_factor),
        networks=_network_pseudonyms(settings),
    )


def _network_pseudonyms(settings: Settings) -> NetworkPseudonyms:
    secret = settings.secret_key.get_secret_value()
    return NetworkPseudonyms(header=settings.client_address_header, key=derive_key(secret, "client-address"))


def _trusted_documents(settings: Settings) -> TrustedDocuments:
    if settings.trusted_documents is None:
        return TrustedDocuments()
    return load_manifest(settings.trusted_documents, settings.trusted_documents_mode)


def _webhook_endpoint(settings: Settings, system: System) -> WebhookEndpoint | None:
    url = settings.healthie_webhook_url
    if url is None:
        return None
    return WebhookEndpoint(
        source=webhook_source(),
        inbox=system.inbox,
        clock=system.clock,
        secrets=WebhookSecrets(
            configured=settings.webhook_secrets,
            stored=SqlWebhookSecrets(engine=system.engine, sealer=sealer(settings)),
            clock=system.clock,
        ),
        address=Address(path=url.path or "/", query=url.query or ""),
        sources=settings.healthie_webhook_sources,
        address_header=settings.client_address_header,
        blocked_senders=BlockedSenders(networks=_network_pseudonyms(settings), clock=system.clock),
    )


def _middleware(settings: Settings) -> list[Middleware]:
    always = [Middleware(Compressed, compression=settings.compression), Middleware(SecurityHeaders)]
    if not settings.cors_origins:
        return always
    return [
        *always,
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", KEY_HEADER, VISITOR_HEADER, REQUEST_ID_HEADER],
            expose_headers=[REPLAYED_HEADER, REQUEST_ID_HEADER, "Retry-After"],
            max_age=_PREFLIGHT_SECONDS,
        ),
    ]


async def _to_graphiql(_request: Request) -> Response:
    return RedirectResponse(GRAPHIQL_PATH)
