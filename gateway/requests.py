"""Requests of any transport: authentication, rate limits, the request id, and the request's context."""

import random
import re
from dataclasses import dataclass
from typing import Any

from structlog.contextvars import bind_contextvars, reset_contextvars

from booking.principals import Caller
from booking.services import Services
from gateway.callers.authentication import Authenticator
from gateway.headers import Headers
from gateway.rates import OperationRates
from schema.context import Context, Course

REQUEST_ID_HEADER = "x-request-id"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Requests:
    """Authenticates and counts requests, and makes their contexts."""

    services: Services
    authenticator: Authenticator
    rates: OperationRates

    async def context(
        self, headers: Headers, *, request_id: str, key: str | None = None, course: Course | None = None
    ) -> Context:
        """Authenticate and count a request. Raises what `caller` raises.

        `headers` are the caller's, `key` is the idempotency key if the transport carries one in its headers, `course` lets the
        transport follow how far the request has come.
        """
        client = self.authenticator.network(headers)
        caller = await self._caller(headers, client)
        await self.rates.caller(caller)
        return Context(
            services=self.services,
            tokens=self.authenticator.tokens,
            caller=caller,
            client=client,
            request_id=request_id,
            idempotency_key=key,
            course=course or Course(),
        )

    async def caller(self, headers: Headers) -> Caller | None:
        """Authenticate the caller. Their network is counted first, since verifying a token is costly.

        Raises Unauthenticated, TooManyRequests, and what a TokenVerifier raises.
        """
        return await self._caller(headers, self.authenticator.network(headers))

    async def _caller(self, headers: Headers, client: str | None) -> Caller | None:
        await self.rates.network(client)
        return await self.authenticator.caller(headers)


class InLogs:
    """Everything that is logged inside carries the request's id."""

    __slots__ = ("_request_id", "_tokens")

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id
        self._tokens: dict[str, Any] = {}

    def __enter__(self) -> None:
        self._tokens = dict(bind_contextvars(request_id=self._request_id))

    def __exit__(self, *_: object) -> None:
        reset_contextvars(**self._tokens)


def request_id_of(given: str | None) -> str:
    """The request id that the caller gave, if it is safe in a log; else a fresh one."""
    if given and _REQUEST_ID.fullmatch(given):
        return given
    # Unique and no secret; the system's random bits cost a system call.
    return f"{random.getrandbits(128):032x}"
