"""A wire over any transport of httpx2: its MockTransport, an ASGI application, or one of a test's own."""

import httpx2

from integrations.upstream.wire import (
    CONNECT_TIMEOUT,
    ConnectionLost,
    HttpRequest,
    HttpResponse,
    NotConnected,
    TimedOut,
)


class HttpxWire:
    """Raises for what the transport raises what the real wire raises for it."""

    def __init__(self, transport: httpx2.AsyncBaseTransport) -> None:
        self._client = httpx2.AsyncClient(transport=transport)

    async def exchange(self, request: HttpRequest, *, within: float) -> HttpResponse:
        try:
            response = await self._client.request(
                request.method,
                request.url,
                content=request.content,
                headers=dict(request.headers),
                timeout=httpx2.Timeout(within, connect=CONNECT_TIMEOUT),
            )
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol):
            raise NotConnected from None
        except httpx2.TimeoutException:
            raise TimedOut from None
        except httpx2.HTTPError:
            raise ConnectionLost from None
        return HttpResponse(status=response.status_code, headers=response.headers, content=response.content)

    async def aclose(self) -> None:
        await self._client.aclose()
