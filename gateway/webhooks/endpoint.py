"""`POST /webhooks/…`: verifies a webhook's signature, stores it in the inbox, and acknowledges it after the commit."""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from booking.ports import Clock
from booking.sync.inbox import Inbox
from booking.sync.webhook_source import Forged, Malformed, Received, WebhookSource
from gateway.callers.client_networks import last_address, read_address
from gateway.rates import BlockedSenders

# Bytes. Genuine webhooks hold ids and field names, some hundred bytes at most.
LARGEST_BODY = 64 * 1024

# Upstream retries what we do not acknowledge; that is better than requests piling up while the database hangs.
KEEP_SECONDS = 5.0

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

log = structlog.get_logger(__name__)


class _Refused(Exception):
    """The request is refused; `why` is the key of the counter. `genuine`: its signature was valid."""

    def __init__(self, status: int, why: str, *, genuine: bool = False) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.genuine = genuine


class Secrets(Protocol):
    """Provides the signing secrets that are valid now."""

    async def __call__(self, *, doubted: bool = False) -> Sequence[str]:
        """The secrets; read again when `doubted`. Returns the same object while nothing has changed."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Path and query of our webhook URL, as the sender signs them."""

    path: str
    query: str


@dataclass(frozen=True, kw_only=True)
class WebhookEndpoint:
    """ASGI application for exactly one path. Of refused requests only a count is stored."""

    source: WebhookSource
    inbox: Inbox
    clock: Clock
    secrets: Secrets
    address: Address | None = None  # None: as in the request, no proxy rewrites it
    sources: Sequence[Network] = ()  # allowed sender networks; empty: any
    address_header: str | None = None  # the header in which a proxy gives the sender's address
    blocked_senders: BlockedSenders | None = None  # None: no sender is blocked
    refusals: Counter[str] = field(default_factory=Counter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one webhook: 204 when it is stored; 400, 401, 405 or 413 when it is refused; 503 when it could not be stored.

        429, without reading the body, when too many requests without a valid signature came from the sender's network.
        """
        response = await self.answer(Request(scope, receive))
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """The answer to one delivery, as `__call__` describes; the body is read here, raw and within its bounds."""
        blocked_for = await self.blocked_senders.blocked_for(request.headers) if self.blocked_senders else 0
        if blocked_for:
            response = Response(status_code=429, headers={"Retry-After": str(blocked_for)})
        else:
            response = Response(status_code=await self._status(request))
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _status(self, request: Request) -> int:
        try:
            await self._accept(request)
        except _Refused as refusal:
            self.refusals[refusal.why] += 1
            if self.blocked_senders is not None and not refusal.genuine:
                await self.blocked_senders.refused(request.headers)
            log.warning("webhook.refused", why=refusal.why, count=self.refusals[refusal.why])
            return refusal.status
        except ClientDisconnect:
            return 400
        except Exception as error:  # noqa: BLE001 - whatever prevented storing it, upstream must retry
            log.error("webhook.not_kept", error=type(error).__name__)  # noqa: TRY400 - a driver's message may quote values
            return 503
        return 204

    async def _accept(self, request: Request) -> None:
        if request.method != "POST":
            raise _Refused(405, "method")
        if not self._may_send(request):
            raise _Refused(401, "source address")
        async with asyncio.timeout(KEEP_SECONDS):  # against slow senders: the signature is not verified yet
            body = await _body(request)
        received = Received(
            path=self.address.path if self.address else _raw_path(request),
            query=self.address.query if self.address else request.scope["query_string"].decode("latin-1"),
            headers=request.headers,
            body=body,
        )
        try:
            await self._verify(received)
            delivery = self.source.delivery_of(received, at=self.clock.now())
        except Forged as error:
            raise _Refused(401, str(error)) from None
        except Malformed as error:
            raise _Refused(400, str(error), genuine=True) from None
        async with asyncio.timeout(KEEP_SECONDS):
            await self.inbox.accept(delivery)

    async def _verify(self, received: Received) -> None:
        """Raise Forged unless the signature is valid; on a mismatch read the secrets again before refusing."""
        async with asyncio.timeout(KEEP_SECONDS):
            known = await self.secrets()
        try:
            self.source.verify(received, known)
        except Forged:
            async with asyncio.timeout(KEEP_SECONDS):
                current = await self.secrets(doubted=True)
            if current is known:
                raise
            self.source.verify(received, current)

    def _may_send(self, request: Request) -> bool:
        if not self.sources:
            return True
        if self.address_header is not None:
            given = last_address(request.headers, self.address_header)
        else:
            given = request.client.host if request.client else ""
        try:
            sender = read_address(given)
        except ValueError:
            return False
        return any(sender in network for network in self.sources)


def _raw_path(request: Request) -> str:
    """The path as in the request line, percent-encoded: the sender signs it in this form."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return raw.decode("latin-1")


async def _body(request: Request) -> bytes:
    """The raw body. Raises _Refused when it is larger than LARGEST_BODY."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > LARGEST_BODY:
        raise _Refused(413, "too large")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise _Refused(413, "too large")
    return bytes(body)
