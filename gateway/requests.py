"""Requests, whatever transport brings them: who asks, under which id, and whom the records of it name."""

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
    """Opens requests."""

    services: Services
    authenticator: Authenticator
    rates: OperationRates

    @asynccontextmanager
    async def opened(
        self, headers: Headers, *, request_id: str, key: str | None = None, course: Course | None = None
    ) -> AsyncIterator[Context]:
        """The request's context; inside, logs and audit know whose it is. Raises Unauthenticated, TooManyRequests.

        `headers` are the caller's, `key` is the idempotency key where the transport has a place for it, `course` tells the transport
        how far the request has come.
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
        """Whoever asks; their network is counted first, since a token costs something to check.

        Raises Unauthenticated, TooManyRequests.
        """
        await self.rates.network(self.authenticator.network(headers))
        return await self.authenticator.caller(headers)


def request_id_of(given: str | None) -> str:
    """The caller's own id, if it can stand in a log; else a fresh one."""
    return given if given and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
