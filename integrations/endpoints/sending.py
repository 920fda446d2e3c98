"""Sends an event to an endpoint: one signed POST to a checked address. Of the response only the status is read."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus

import httpx2
from standardwebhooks import Webhook

from booking.events.deliveries import DeliveryFailed, Endpoint, EndpointGone
from booking.events.model import DomainEvent
from booking.ports import Clock
from integrations.endpoints.addresses import OutboundAddressPolicy

PORTS = {"http": 80, "https": 443}

# A reachable server accepts a connection in far less; one that does not respond must leave time for the next address.
CONNECT_SECONDS = 2.0


class PinnedTransport(httpx2.AsyncBaseTransport):
    """Connects only to addresses that the SSRF guard has checked; a host name is resolved once for each request.

    TLS certificates are still verified against the host name. A transport follows no redirects, keeps no cookies and uses
    no proxy.
    """

    def __init__(
        self,
        *,
        outbound_address_policy: OutboundAddressPolicy,
        inner: httpx2.AsyncBaseTransport,
        connect_seconds: float = CONNECT_SECONDS,  # for each of several addresses
    ) -> None:
        self._outbound_address_policy = outbound_address_policy
        self._inner = inner
        self._connect_timeout = {"timeout": {"connect": connect_seconds}}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it to the first address that accepts a connection.

        Raises DeliveryFailed if the SSRF guard refuses the host, before anything is sent; httpx2.TransportError.
        """
        host = request.url.raw_host.decode("ascii")
        addresses = await self._outbound_address_policy.admit(
            host, request.url.port or PORTS[request.url.scheme]
        )
        for address in addresses[:-1]:
            try:
                return await self._inner.handle_async_request(
                    _pinned(request, host, address, self._connect_timeout)
                )
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await self._inner.handle_async_request(_pinned(request, host, addresses[-1]))

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


def _pinned(
    request: httpx2.Request, host: str, address: str, extensions: Mapping[str, object] | None = None
) -> httpx2.Request:
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,  # with the Host header of the name
        stream=request.stream,
        extensions={**request.extensions, **(extensions or {}), "sni_hostname": host},
    )


def open_network() -> httpx2.AsyncBaseTransport:
    """A transport to the network, without keep-alive.

    A pooled connection that was opened for one host name could otherwise serve another name at the same address.
    """
    return httpx2.AsyncHTTPTransport(trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))


class HttpEndpoint:
    """An endpoint as a Subscriber."""

    def __init__(
        self, endpoint: Endpoint, *, transport: httpx2.AsyncBaseTransport, timeout: float, clock: Clock
    ) -> None:
        self._endpoint = endpoint
        self._transport = transport
        self._timeout = timeout  # seconds, from the name resolution to the response status
        self._clock = clock
        self.id = endpoint.id
        self.events = endpoint.events

    async def deliver(self, event: DomainEvent) -> None:
        """POST the event.

        Raises EndpointGone for a 410, DeliveryFailed for any other status than 2xx. No error contains the
        URL.
        """
        now = self._clock.now()
        secrets = self._endpoint.live_secrets(now)
        if not secrets:
            raise DeliveryFailed("secret_unreadable")  # nothing is sent unsigned
        body = body_of(event)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Frontdoor",
            **signed(event.id, body, secrets, now),
        }
        try:
            async with asyncio.timeout(self._timeout):
                request = httpx2.Request("POST", self._endpoint.url, headers=headers, content=body)
                response = await self._transport.handle_async_request(request)
                status = response.status_code
                await response.aclose()  # the body is never read, whatever its length
        except TimeoutError:
            raise DeliveryFailed("timeout") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise DeliveryFailed(type(error).__name__) from None  # the cause may contain the URL
        if status == HTTPStatus.GONE:
            raise EndpointGone("http_410")
        if not HTTPStatus(200) <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise DeliveryFailed(f"http_{status}")


def body_of(event: DomainEvent) -> str:
    """The JSON body: `type`, `id`, `timestamp` (ISO 8601, UTC), and `data` with the related ids."""
    data = dict(event.ids) | ({"by": event.by} if event.by else {})
    payload = {"type": event.name, "id": event.id, "timestamp": event.at.isoformat(), "data": data}
    return json.dumps(payload, separators=(",", ":"))


def signed(event_id: str, body: str, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks, with one signature for each secret. The id is the same at every attempt."""
    signatures = [Webhook(secret).sign(event_id, now, body) for secret in secrets]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
