"""Security headers of every HTTP response: content security policy, nosniff, referrer policy, HSTS."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Defaults, unless the response sets its own, as GraphiQL's page does. A response opened in a browser runs and loads nothing, and
# cannot be framed by another site. As ASGI sends them: the names in lower case.
DEFAULTS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

# Over TLS only (RFC 6797, section 7.2). Two years, the time that the preload list of browsers recommends.
_OVER_TLS = (*DEFAULTS, (b"strict-transport-security", b"max-age=63072000"))

_NAMES = frozenset(name for name, _ in _OVER_TLS)


class SecurityHeaders:
    """ASGI middleware that adds the headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, WebSocket or lifespan; only HTTP responses get the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        defaults = _OVER_TLS if scope["scheme"] == "https" else DEFAULTS

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = message.get("headers", ())
                set_by_it = _NAMES.intersection([name for name, _ in own])
                message["headers"] = [*own, *[one for one in defaults if one[0] not in set_by_it]]
            await send(message)

        await self._app(scope, receive, with_headers)
