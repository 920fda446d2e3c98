"""Routes that are served before anything of FastAPI's own is asked."""

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send


class BareRoutes:
    """Middleware that hands the requests of some routes to them at once, past the router and what FastAPI puts around it.

    It must be the innermost, so that the requests have passed all others. The routes answer their own errors: what turns
    HTTPException into an answer is passed by as well.
    """

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        for route in self._routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                await route.handle(scope, receive, send)
                return
        await self._app(scope, receive, send)
