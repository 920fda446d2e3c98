"""Requests of any transport: authentication, rate limits, the request id, and the actor in logs and audit records."""

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from starlette.datastructures import Headers

from booking.principals import Caller
from booking.services import Services
from booking.work_context import ANONYMOUS, asked_by
from gateway.callers.authentication import Authenticator
from gateway.rates import OperationRates
from schema.context import Context, Course

REQUEST_ID_HEADER = "x-request-id"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Requests:
    """Authenticates and counts requests, and opens their contexts."""

    services: Services
    authenticator: Authenticator
    rates: OperationRates

    @asynccontextmanager
    async def opened(
        self, headers: Headers, *, request_id: str, key: str | None = None, course: Course | None = None
    ) -> AsyncIterator[Context]:
        """The request's context; inside the block, logs and audit records carry its actor and id.

        `headers` are the caller's, `key` is the idempotency key if the transport carries one in its headers, `course` lets the
        transport follow how far the request has come. Raises what `caller` raises.
        """
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            caller = await self.caller(headers)
            await self.rates.caller(caller)
            context = Context(
                services=self.services,
                tokens=self.authenticator.tokens,
                caller=caller,
                client=self.authenticator.network(headers),
                request_id=request_id,
                idempotency_key=key,
                course=course or Course(),
            )
            actor = context.caller.principal.key if context.caller else ANONYMOUS
            with asked_by(actor, request_id=request_id, client=context.client):
                yield context

    async def caller(self, headers: Headers) -> Caller | None:
        """Authenticates the caller. Their network is counted first, since verifying a token is costly.

        Raises Unauthenticated, TooManyRequests, and what a TokenVerifier raises.
        """
        await self.rates.network(self.authenticator.network(headers))
        return await self.authenticator.caller(headers)


def request_id_of(given: str | None) -> str:
    """The request id that the caller gave, if it is safe in a log; else a fresh one."""
    return given if given and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
