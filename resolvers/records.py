"""Maps patients' records from the domain to the API."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from strawberry import ID

from booking import models as domain
from booking.catalog.model import Catalog
from booking.services import Services
from booking.zones import zone
from resolvers.catalog import to_clinician, to_id
from resolvers.pages import check_size, page_of
from schema import records as api
from schema.catalog import ContactType


def to_me(patient: domain.Patient, services: Services) -> api.Me:
    """Map the signed-in patient; visits and cards are read when they are selected."""

    async def cards() -> list[api.Card]:
        return [_to_card(card) for card in await services.records.cards(patient.id)]

    return api.Me(**_record(patient, services), load_cards=cards)


def to_patient(patient: domain.Patient, services: Services) -> api.Patient:
    """Map a patient for staff; visits are read when they are selected."""
    return api.Patient(**_record(patient, services))


def _record(patient: domain.Patient, services: Services) -> dict[str, Any]:
    """The fields that patients and staff share."""

    async def appointments(time_zone: str | None, first: int, after: str | None) -> api.AppointmentConnection:
        place = time_zone or patient.time_zone or "UTC"
        check_page(place, first)
        visits = await services.records.appointments(patient.id)
        return to_appointments(
            visits, await services.catalog.catalog(), time_zone=place, first=first, after=after
        )

    return {
        "id": ID(patient.id),
        "first_name": patient.first_name,
        "last_name": patient.last_name,
        "email": patient.email,
        "time_zone": patient.time_zone,
        "load_appointments": appointments,
    }


def check_page(time_zone: str, first: int) -> None:
    """Raise InvalidInput for an invalid time zone or page size, before anything is read."""
    zone(time_zone)
    check_size(first)


def to_appointments(
    visits: Sequence[domain.Appointment],
    catalog: Catalog,
    *,
    time_zone: str,
    first: int,
    after: str | None = None,
) -> api.AppointmentConnection:
    """A page of visits, with times in the time zone."""
    page = page_of(visits, [f"appointment:{visit.id}" for visit in visits], first=first, after=after)
    edges = [
        api.AppointmentEdge(node=to_appointment(visit, catalog, time_zone=time_zone), cursor=cursor)
        for visit, cursor in page.items
    ]
    return api.AppointmentConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=page.info,
        total_count=len(visits),
    )


def to_appointment(visit: domain.Appointment, catalog: Catalog, *, time_zone: str) -> api.Appointment:
    """Map a visit, with times in the time zone."""
    person = catalog.clinician(visit.clinician_id) if visit.clinician_id else None
    start = visit.start.astimezone(zone(time_zone))
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
        start=start,
        end=(visit.start + timedelta(minutes=visit.minutes)).astimezone(zone(time_zone)),
        time_zone=time_zone,
        minutes=visit.minutes,
    )


def _to_card(card: domain.Card) -> api.Card:
    return api.Card(id=ID(card.id), brand=card.brand, last4=card.last4, expires=card.expires)
