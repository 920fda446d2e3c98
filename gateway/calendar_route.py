"""`GET /calendar/<token>.ics`: a visit as a calendar entry, for whoever has its link (`gateway/callers/calendar_links.py`)."""

from dataclasses import dataclass
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse, Response

from booking.catalog.model import Catalog
from booking.errors import UpstreamUnavailable
from booking.models import Appointment
from booking.services import Services
from booking.visits.calendar import calendar_entry
from booking.work_context import ANONYMOUS, asked_by
from gateway.callers.calendar_links import CALENDAR_PATH, SealedCalendarLinks
from gateway.callers.client_networks import NetworkPseudonyms
from gateway.headers import RequestHeaders
from gateway.rates import OperationRates, TooManyRequests
from resolvers.catalog import names

_MEDIA_TYPE = "text/calendar"

# Never kept by a proxy: the entry is the patient's, and the next one may say that the visit was moved.
_HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Disposition": 'attachment; filename="visit.ics"',
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}

_TOKEN = {
    "name": "token",
    "in": "path",
    "required": True,
    "description": "The sealed part of the link. Anything else is answered with 404.",
    "schema": {"type": "string"},
}
_RETRY_AFTER = {"description": "Seconds after which to ask again.", "schema": {"type": "integer"}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The visit as it stands. It names no patient, and holds no link to join.",
        "content": {_MEDIA_TYPE: {"schema": {"type": "string"}}},
    },
    404: {"description": "No such link, or it has expired."},
    429: {
        "description": "Too many requests for this entry, or from this network.",
        "headers": {"Retry-After": _RETRY_AFTER},
    },
    503: {
        "description": "The visit cannot be read at the moment, and was never read before.",
        "headers": {"Retry-After": _RETRY_AFTER},
    },
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class CalendarEndpoint:
    """Answers calendar entries. The application keeps it as `state.calendar`."""

    services: Services
    links: SealedCalendarLinks
    rates: OperationRates
    networks: NetworkPseudonyms

    async def answer(self, token: str, headers: RequestHeaders) -> Response:
        """The entry, or why there is none. Links that nobody made are refused before anything is read."""
        client = self.networks.name(headers)
        appointment_id = self.links.read(token)
        try:
            await self.rates.network(client)
            if appointment_id is None:
                return PlainTextResponse("Not Found", 404)
            uid = self.links.uid(appointment_id)
            await self.rates.calendar(uid, client)
            with asked_by(ANONYMOUS, client=client):
                return await self._entry(appointment_id, uid)
        except TooManyRequests as refused:
            return PlainTextResponse(refused.message, 429, headers=dict(refused.headers))
        except UpstreamUnavailable:
            return PlainTextResponse("Please try again later.", 503, headers={"Retry-After": "60"})

    async def _entry(self, appointment_id: str, uid: str) -> Response:
        record = await self.services.visits.record(appointment_id)
        if record is None:
            return PlainTextResponse("Not Found", 404)
        catalog = await names(self.services)
        text = calendar_entry(
            record,
            uid=uid,
            title=_title(record.appointment, catalog),
            place=_place(record.appointment, catalog),
            now=self.services.visits.now(),
        )
        return Response(text, media_type=f"{_MEDIA_TYPE}; charset=utf-8", headers=_HEADERS)


def _title(visit: Appointment, catalog: Catalog) -> str:
    kind = catalog.visit_type(visit.visit_type_id) if visit.visit_type_id else None
    person = catalog.clinician(visit.clinician_id) if visit.clinician_id else None
    what = visit.visit_type_name or (kind.name if kind else None) or "Visit"
    who = visit.clinician_name or (person.name if person else None)
    return f"{what} with {who}" if who else what


def _place(visit: Appointment, catalog: Catalog) -> str | None:
    place = catalog.location(visit.location_id) if visit.location_id else None
    return place.name if place else None


async def _endpoint(request: Request) -> CalendarEndpoint:
    endpoint: CalendarEndpoint = request.app.state.calendar
    return endpoint


router = APIRouter(tags=["calendar"])


@router.get(
    f"{CALENDAR_PATH}/{{token}}.ics",
    operation_id="calendarEntry",
    summary="A visit as a calendar entry (RFC 5545)",
    response_class=Response,
    responses=_ANSWERS,
    openapi_extra={"parameters": [_TOKEN]},
)
async def calendar_entry_of(
    request: Request, endpoint: Annotated[CalendarEndpoint, Depends(_endpoint)]
) -> Response:
    """`Appointment.calendarUrl` is the address: whoever has it needs no other credentials. It ends a month after the visit.

    The visit is read when the entry is asked for: UID stays, SEQUENCE grows with each change, and a cancelled visit has the status CANCELLED.
    """
    return await endpoint.answer(request.path_params["token"], RequestHeaders(request.scope["headers"]))
