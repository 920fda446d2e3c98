"""GraphQL types of patients' records: visits, cards, profile."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import enum_value, field

from schema.catalog import DEFAULT_PAGE, LARGEST_PAGE, Clinician, ContactType, PageInfo
from schema.fields import computed
from schema.permissions import reached


@strawberry.enum(description="Where a visit stands.")
class AppointmentStatus(Enum):
    """`booking.models.AppointmentStatus`, with descriptions."""

    BOOKED = enum_value("booked", description="It is going to take place.")
    COMPLETED = enum_value("completed", description="It took place.")
    NO_SHOW = enum_value("no_show", description="The patient did not come.")
    CANCELLED = enum_value("cancelled", description="It was cancelled.")
    RESCHEDULED = enum_value("rescheduled", description="It was moved to another time.")
    CHECKED_IN = enum_value("checked_in", description="The patient has arrived.")


@reached
@strawberry.type(description="A visit in the practice's books.")
class Appointment:
    """`booking.models.Appointment`, in a time zone."""

    id: strawberry.ID = field(description="Names the visit.")
    status: AppointmentStatus = field(description="Where it stands.")
    clinician_id: strawberry.ID | None = field(description="Who treats, as the practice's books say.")
    clinician_name: str | None = field(description="Their name.")
    clinician: Clinician | None = field(description="Who treats; null when they cannot be booked online.")
    visit_type_id: strawberry.ID | None = field(description="The kind of visit.")
    visit_type_name: str | None = field(description="Its name.")
    contact_type: ContactType | None = field(description="How patient and clinician meet.")
    location_id: strawberry.ID | None = field(description="Where, for an in-person visit.")
    start: datetime = field(description="When it starts, in `timeZone`.")
    end: datetime = field(description="When it ends, in `timeZone`.")
    time_zone: str = field(description="The IANA time zone in which its times are given.")
    minutes: int = field(description="How long it lasts.")


@reached
@strawberry.type(description="A visit with its cursor.")
class AppointmentEdge:
    """As Relay asks for it."""

    node: Appointment = field(description="The visit.")
    cursor: str = field(description="An opaque cursor: its position in the list.")


@reached
@strawberry.type(description="A page of visits.")
class AppointmentConnection:
    """As Relay asks for it."""

    edges: list[AppointmentEdge] = field(description="The visits with their cursors.")
    nodes: list[Appointment] = field(description="The visits alone.")
    page_info: PageInfo = field(description="Where the page stands.")
    total_count: int = field(description="How many visits there are, on all pages.")


@reached
@strawberry.type(description="A card on file; enough of it to recognise it.")
class Card:
    """`booking.models.Card`."""

    id: strawberry.ID = field(description="Names the card; pay with it as `cardOnFileId`.")
    brand: str = field(description="The card's brand.")
    last4: str = field(description="The number's last four digits.")
    expires: date | None = field(description="The month in which it expires, as a day of it.")


@reached
@strawberry.type(description="A patient's record, as staff of the practice read it.")
class Patient:
    """`booking.models.Patient`; fields that need an upstream call are loaded when they are selected."""

    id: strawberry.ID = field(description="Names the patient.")
    first_name: str = field(description="First name.")
    last_name: str = field(description="Last name.")
    email: str | None = field(description="The address on record.")
    time_zone: str | None = field(description="The patient's IANA time zone, if the practice knows it.")
    load_appointments: strawberry.Private[
        Callable[[str | None, int, str | None], Awaitable[AppointmentConnection]]
    ]

    @computed(description="All visits, newest start first.")
    async def appointments(
        self,
        time_zone: Annotated[
            str | None,
            strawberry.argument(
                description="The IANA time zone for their times; by default the patient's, else UTC."
            ),
        ] = None,
        first: Annotated[
            int, strawberry.argument(description=f"How many at most; up to {LARGEST_PAGE}.")
        ] = DEFAULT_PAGE,
        after: Annotated[
            str | None, strawberry.argument(description="The cursor behind which to go on.")
        ] = None,
    ) -> AppointmentConnection:
        """All visits, latest start first."""
        return await self.load_appointments(time_zone, first, after)


@reached
@strawberry.type(description="The signed-in patient.")
class Me(Patient):
    """The signed-in patient's own record, with their cards on file, which nobody else can read."""

    load_cards: strawberry.Private[Callable[[], Awaitable[list[Card]]]]

    @computed(description="Cards on file.")
    async def cards(self) -> list[Card]:
        """Cards on file."""
        return await self.load_cards()
