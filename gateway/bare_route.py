"""A FastAPI application that serves one path around its own stack (ADR 40)."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send


class WithBareRoute(FastAPI):
    """Passes the requests of one path, by HTTP and WebSocket, to their application, through the given middleware and none of FastAPI's.

    The application must answer its own errors: what it raises nevertheless is logged and answered by the server, as a bare 500. The router
    needs the route as well: it redirects a path with a slash too many.
    """

    def __init__(
        self, *, bare: tuple[str, ASGIApp] | None = None, middleware: Sequence[Middleware] = (), **others: Any
    ) -> None:
        """`bare` is the path and its application; None: there is no such path. `others` are FastAPI's."""
        super().__init__(middleware=middleware, **others)
        path, app = bare or (None, None)
        self._path = path
        self._bare = None if app is None else around(app, middleware)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the path by its application, and everything else as FastAPI does."""
        if self._bare is not None and scope.get("path") == self._path:
            await self._bare(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def around(app: ASGIApp, middleware: Sequence[Middleware]) -> ASGIApp:
    """The application inside the middleware, of which the first is the outermost."""
    for each in reversed(middleware):
        app = each.cls(app, *each.args, **each.kwargs)
    return app
