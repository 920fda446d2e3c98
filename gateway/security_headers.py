"""Headers that keep a browser from making more of an answer than it is."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Of every answer that does not say otherwise. Whoever opens one in a browser sees text that runs and loads nothing, and that
# no page of another site can show as its own. GraphiQL's page says what it needs.
DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
)

# Whoever came once over TLS comes over nothing else for two years, as long as browsers' own lists ask for.
STRICT_TRANSPORT = "max-age=63072000"


class SecurityHeaders:
    """Puts them on every answer; that of TLS only where it is spoken (RFC 6797, section 7.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in DEFAULTS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)
