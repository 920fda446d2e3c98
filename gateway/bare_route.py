"""Middleware that serves one path ahead of FastAPI's router (ADR 40)."""

from starlette.types import ASGIApp, Receive, Scope, Send


class BareRoute:
    """Passes the requests of one path, by HTTP and WebSocket, directly to their application, around the router and FastAPI's middleware.

    It must be the innermost middleware, so that requests pass all others first. The application must answer its own errors: the
    handlers of HTTPException are bypassed too. The router needs the route as well: it redirects a path with a slash too many.
    """

    def __init__(self, app: ASGIApp, *, path: str, serve: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the path by its application, and everything else by the wrapped one."""
        app = self._serve if scope.get("path") == self._path else self._app
        await app(scope, receive, send)
