"""Maps patients' records from the domain to the API."""

from typing import Any

from strawberry import ID

from booking import models as domain
from booking.services import Services
from resolvers.appointments import to_appointments
from resolvers.packages import purchase_loaders
from resolvers.pages import check_size
from resolvers.waitlist import to_entry
from schema import records as api
from schema.appointments import AppointmentConnection, AppointmentFilter
from schema.waitlist import WaitlistEntry


def to_me(patient: domain.Patient, services: Services) -> api.Me:
    """Map the signed-in patient; visits and cards are read when they are selected."""

    async def cards() -> list[api.Card]:
        return [_to_card(card) for card in await services.records.cards(patient.id)]

    async def waitlist() -> list[WaitlistEntry]:
        return [to_entry(place, services) for place in await services.waitlist.places(patient.id)]

    return api.Me(**_record(patient, services, own=True), load_cards=cards, load_waitlist=waitlist)


def to_patient(patient: domain.Patient, services: Services) -> api.Patient:
    """Map a patient for staff; visits are read when they are selected."""
    return api.Patient(**_record(patient, services, own=False))


def _record(patient: domain.Patient, services: Services, *, own: bool) -> dict[str, Any]:
    """The fields that patients and staff share."""

    async def appointments(which: AppointmentFilter, first: int, after: str | None) -> AppointmentConnection:
        check_size(first)
        visits = await services.records.appointments(patient.id)
        catalog = await services.catalog.catalog()
        return to_appointments(visits, catalog, services, which=which, first=first, after=after, own=own)

    return {
        "id": ID(patient.id),
        "first_name": patient.first_name,
        "last_name": patient.last_name,
        "email": patient.email,
        "time_zone": patient.time_zone,
        "load_appointments": appointments,
        **purchase_loaders(patient.id, services.purchases, services.memberships),
    }


def _to_card(card: domain.Card) -> api.Card:
    return api.Card(id=ID(card.id), brand=card.brand, last4=card.last4, expires=card.expires)
