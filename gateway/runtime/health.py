"""`GET /healthz` and `GET /readyz`: typed routes for load balancers, orchestrators and people.

Both answer in plain text, so that the whole answer can be read in a probe's log. Liveness asks nothing of anything; readiness
asks the database at most once a second, however often it is asked (`gateway.runtime.readiness`).
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
    """The database answers, has today's tables, and has kept a write lately.

    The second text: production runs without FRONTDOOR_CLIENT_ADDRESS_HEADER, so no bound of a client network holds. Whoever
    deploys may have meant it so, and requests are served.
    """

    READY = "ready"
    NO_NETWORK_BOUNDS = "ready, but no bound of a network holds: FRONTDOOR_CLIENT_ADDRESS_HEADER is not set"


class NotReady(StrEnum):
    """A mutation would not be kept; the text says what to look at."""

    NO_DATABASE = "not ready: run `frontdoor migrate`, or look whether the database answers"
    NO_WRITES = "not ready: the database takes no writes; look whether its disk is full, or it is read-only"


@dataclass(frozen=True, kw_only=True)
class HealthChecks:
    """What readiness asks. The application keeps one as `state.health`."""

    database: Readiness
    writes: Readiness
    blind_to_networks: bool

    async def __call__(self) -> Ready | NotReady:
        """Whether requests can be served: the database answers, has today's tables, and would keep a mutation."""
        if not await self.database():
            return NotReady.NO_DATABASE
        if not await self.writes():
            return NotReady.NO_WRITES
        return Ready.NO_NETWORK_BOUNDS if self.blind_to_networks else Ready.READY


router = APIRouter(tags=["health"], default_response_class=PlainTextResponse)


async def _checks(request: Request) -> HealthChecks:
    checks: HealthChecks = request.app.state.health
    return checks


# The route that is registered first serves GET and, for probes that send it, HEAD; the second is what the document lists.
@router.get(
    "/healthz",
    operation_id="liveness",
    summary="Whether the process answers",
    responses={200: {"model": Liveness, "description": "It does."}},
)
@router.api_route("/healthz", methods=["GET", "HEAD"], include_in_schema=False)
async def live() -> Liveness:
    """Answers whenever the process does. It asks no database: restarting a process mends none."""
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
    """Proved by a write of 32 KB that is committed and deleted again, every five seconds at most.

    Everything else is asked once a second at most. However many ask, they share one question.
    """
    found = await checks()
    return PlainTextResponse(found.value, 503 if isinstance(found, NotReady) else 200)
