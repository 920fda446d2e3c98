"""Maps visits from the domain to the API: the same visit to the same object, wherever it was found."""

from collections.abc import Sequence

from strawberry import ID

from booking import models as domain
from booking.catalog.model import Catalog
from booking.services import Services
from booking.visits.lists import VisitFilter, listed
from booking.visits.service import VisitService
from resolvers.catalog import to_clinician, to_id, to_location, to_money_or_none
from resolvers.once import Once
from resolvers.pages import page_of
from schema import appointments as api
from schema.catalog import ContactType


def to_appointments(
    visits: Sequence[domain.Appointment],
    catalog: Catalog,
    services: Services,
    *,
    which: api.AppointmentFilter,
    first: int,
    after: str | None = None,
    own: bool,
) -> api.AppointmentConnection:
    """A page of the list. `own`: it is shown to the patient whose visits they are."""
    chosen = listed(visits, VisitFilter[which.name], now=services.visits.now())
    page = page_of(chosen, [f"appointment:{visit.id}" for visit in chosen], first=first, after=after)
    edges = [
        api.AppointmentEdge(node=to_appointment(visit, catalog, services.visits, own=own), cursor=cursor)
        for visit, cursor in page.items
    ]
    return api.AppointmentConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=page.info,
        total_count=len(chosen),
    )


def to_appointment(
    visit: domain.Appointment, catalog: Catalog, visits: VisitService, *, own: bool
) -> api.Appointment:
    """Map a visit. `own`: it is shown to its patient, or to the guest who booked it, who alone get the way in."""
    person = catalog.clinician(visit.clinician_id) if visit.clinician_id else None
    place = catalog.location(visit.location_id) if visit.location_id else None

    async def join() -> api.JoinLinks | api.JoinNotReady | None:
        return await _join(visit, visits) if own else None

    async def options() -> api.ChangeOptions:
        found = await visits.options(visit)
        return api.ChangeOptions(
            can_cancel_until=found.cancel_until,
            can_reschedule_until=found.reschedule_until,
            fee_now=to_money_or_none(found.fee_now),
        )

    return api.Appointment(
        id=ID(visit.id),
        status=api.AppointmentStatus[visit.status.name],
        clinician_id=to_id(visit.clinician_id),
        clinician_name=visit.clinician_name,
        clinician=to_clinician(person) if person else None,
        visit_type_id=to_id(visit.visit_type_id),
        visit_type_name=visit.visit_type_name,
        contact_type=ContactType[visit.contact_type.name] if visit.contact_type else None,
        location_id=to_id(visit.location_id),
        location=to_location(place) if place else None,
        minutes=visit.minutes,
        calendar_url=visits.calendar_link(visit),
        begins=visit.start,
        load_join=join,
        load_options=Once(options),
    )


async def _join(visit: domain.Appointment, visits: VisitService) -> api.JoinLinks | api.JoinNotReady | None:
    opens = visits.joinable_from(visit)
    if opens is None:
        return None
    if visits.now() < opens:
        return api.JoinNotReady(ask_again_at=opens)
    links = await visits.join(visit)
    if links is None:
        return api.JoinNotReady(ask_again_at=None)
    return api.JoinLinks(url=links.url, dial_in=links.dial_in)
