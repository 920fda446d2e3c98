"""GraphQL types of patients' records: visits, cards, profile."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated

import strawberry
from strawberry import field

from schema.appointments import AppointmentConnection, AppointmentFilter
from schema.catalog import DEFAULT_PAGE, LARGEST_PAGE
from schema.fields import computed
from schema.permissions import reached
from schema.waitlist import WaitlistEntry


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
        Callable[[AppointmentFilter, int, str | None], Awaitable[AppointmentConnection]]
    ]

    @computed(description="The visits, by page.")
    async def appointments(
        self,
        which: Annotated[
            AppointmentFilter, strawberry.argument(name="filter", description="Which, and in which order.")
        ] = AppointmentFilter.ALL,
        first: Annotated[
            int, strawberry.argument(description=f"How many at most; up to {LARGEST_PAGE}.")
        ] = DEFAULT_PAGE,
        after: Annotated[
            str | None,
            strawberry.argument(
                description="The cursor behind which to go on, of a page of the same filter."
            ),
        ] = None,
    ) -> AppointmentConnection:
        """The visits."""
        return await self.load_appointments(which, first, after)


@reached
@strawberry.type(description="The signed-in patient.")
class Me(Patient):
    """The signed-in patient's own record, with their cards on file, which nobody else can read."""

    load_cards: strawberry.Private[Callable[[], Awaitable[list[Card]]]]
    load_waitlist: strawberry.Private[Callable[[], Awaitable[list[WaitlistEntry]]]]

    @computed(description="Cards on file.")
    async def cards(self) -> list[Card]:
        """Cards on file."""
        return await self.load_cards()

    @computed(
        description="The places on the waitlist, with the times on offer; those that ended stay for a week. The latest joined first."
    )
    async def waitlist(self) -> list[WaitlistEntry]:
        """Places on the waitlist."""
        return await self.load_waitlist()
