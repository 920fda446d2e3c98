"""Health checks: `GET /healthz` (liveness) and `GET /readyz` (readiness), for orchestrators, load balancers and people.

Both answer in plain text, so that a probe's log shows the whole answer. Liveness makes no call. Readiness checks the database at most
once a second, however many requests come (`gateway.runtime.readiness`).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse

from gateway.runtime.readiness import Readiness


class Liveness(StrEnum):
    """The process answers."""

    ALIVE = "alive"


class Ready(StrEnum):
    """The database answers, its migrations are current, and a write was committed lately.

    The second text: production runs without FRONTDOOR_CLIENT_ADDRESS_HEADER, so no limit per client network applies. That may be
    intended, and requests are served.
    """

    READY = "ready"
    NO_NETWORK_BOUNDS = "ready, but no bound of a network holds: FRONTDOOR_CLIENT_ADDRESS_HEADER is not set"


class NotReady(StrEnum):
    """A mutation could not be committed; the text says what to check."""

    NO_DATABASE = "not ready: run `frontdoor migrate`, or check that the database answers"
    NO_WRITES = "not ready: the database takes no writes; check whether its disk is full, or it is read-only"


@dataclass(frozen=True, kw_only=True)
class HealthChecks:
    """The checks of readiness. The application keeps them as `state.health`."""

    database: Readiness
    writes: Readiness
    blind_to_networks: bool

    async def __call__(self) -> Ready | NotReady:
        """Check the database, then its writes; the first that fails is the answer."""
        if not await self.database():
            return NotReady.NO_DATABASE
        if not await self.writes():
            return NotReady.NO_WRITES
        return Ready.NO_NETWORK_BOUNDS if self.blind_to_networks else Ready.READY


router = APIRouter(tags=["health"], default_response_class=PlainTextResponse)


async def _checks(request: Request) -> HealthChecks:
    checks: HealthChecks = request.app.state.health
    return checks


# The decorator nearest the function registers first: it serves GET, and HEAD for probes that send it. The other is for the document.
@router.get(
    "/healthz",
    operation_id="liveness",
    summary="Whether the process answers",
    responses={200: {"model": Liveness, "description": "It does."}},
)
@router.api_route("/healthz", methods=["GET", "HEAD"], include_in_schema=False)
async def live() -> Liveness:
    """Answers whenever the process does. It does not check the database: restarting a process mends none."""
    return Liveness.ALIVE


@router.get(
    "/readyz",
    operation_id="readiness",
    summary="Whether requests can be served",
    responses={
        200: {"model": Ready, "description": "They can."},
        503: {"model": NotReady, "description": "They cannot: send no requests to this process."},
    },
)
@router.api_route("/readyz", methods=["GET", "HEAD"], include_in_schema=False)
async def ready(checks: Annotated[HealthChecks, Depends(_checks)]) -> PlainTextResponse:
    """Proved by committing a write of 32 KB, which is deleted again, at most every five seconds.

    Everything else is checked at most once a second. Concurrent requests share one check.
    """
    found = await checks()
    return PlainTextResponse(found.value, 503 if isinstance(found, NotReady) else 200)
