"""Security headers of every HTTP response: content security policy, nosniff, referrer policy, HSTS."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Defaults, unless the response sets its own, as GraphiQL's page does. A response opened in a browser runs and loads nothing, and
# cannot be framed by another site.
DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
)

# Two years, the time that the preload list of browsers recommends.
STRICT_TRANSPORT = "max-age=63072000"


class SecurityHeaders:
    """ASGI middleware that adds the headers; HSTS over TLS only (RFC 6797, section 7.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, WebSocket or lifespan; only HTTP responses get the headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in DEFAULTS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)
