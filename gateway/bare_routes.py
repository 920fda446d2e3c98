"""Middleware that serves some routes ahead of FastAPI's router (ADR 40)."""

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send


class BareRoutes:
    """Passes matching requests directly to their route, bypassing the router and FastAPI's middleware around it.

    It must be the innermost middleware, so that requests pass all others first. The routes must answer their own errors: the
    handlers of HTTPException are bypassed too.
    """

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the first route that matches path and method, else the wrapped application."""
        for route in self._routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                await route.handle(scope, receive, send)
                return
        await self._app(scope, receive, send)
