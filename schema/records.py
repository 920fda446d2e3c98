"""GraphQL types of patients' records: visits, cards, profile, and what they bought."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, TypeAlias

import strawberry
from strawberry import field

from schema.appointments import AppointmentConnection, AppointmentFilter
from schema.catalog import DEFAULT_PAGE, LARGEST_PAGE
from schema.fields import computed
from schema.packages import Credit, Membership, Package
from schema.payments import InvoiceConnection, InvoiceFilter, PaymentConnection
from schema.permissions import reached
from schema.waitlist import WaitlistEntry

_Size: TypeAlias = Annotated[
    int, strawberry.argument(name="first", description=f"How many at most; up to {LARGEST_PAGE}.")
]
_After: TypeAlias = Annotated[
    str | None, strawberry.argument(name="after", description="The cursor behind which to go on.")
]


@reached
@strawberry.type(description="A card on file; enough of it to recognise it.")
class Card:
    """`booking.models.Card`."""

    id: strawberry.ID = field(description="Names the card; pay with it as `cardOnFileId`.")
    brand: str = field(description="The card's brand.")
    last4: str = field(description="The number's last four digits.")
    expires: date | None = field(description="The month in which it expires, as a day of it.")
    is_default: bool = field(description="Whether it is charged where no card is named, as memberships do.")


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
    load_packages: strawberry.Private[Callable[[], Awaitable[list[Package]]]]
    load_credits: strawberry.Private[Callable[[], Awaitable[list[Credit]]]]
    load_memberships: strawberry.Private[Callable[[], Awaitable[list[Membership]]]]
    load_payments: strawberry.Private[Callable[[int, str | None], Awaitable[PaymentConnection]]]
    load_invoices: strawberry.Private[
        Callable[[InvoiceFilter, int, str | None], Awaitable[InvoiceConnection]]
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

    @computed(description="The plans that the patient has, newest first.")
    async def packages(self) -> list[Package]:
        """The plans that the patient has."""
        return await self.load_packages()

    @computed(
        description="What is left for each kind of visit, by the practice's ledger. "
        "Empty where the practice uses no credits."
    )
    async def credits(self) -> list[Credit]:
        """What is left for each kind of visit."""
        return await self.load_credits()

    @computed(description="Plans that bill again, those that go on first.")
    async def memberships(self) -> list[Membership]:
        """Plans that bill again."""
        return await self.load_memberships()

    @computed(description="The payments, newest first, by page.")
    async def payments(self, first: _Size = DEFAULT_PAGE, after: _After = None) -> PaymentConnection:
        """The payments."""
        return await self.load_payments(first, after)

    @computed(description="The invoices, newest first, by page.")
    async def invoices(
        self,
        which: Annotated[
            InvoiceFilter, strawberry.argument(name="filter", description="Which.")
        ] = InvoiceFilter.ALL,
        first: _Size = DEFAULT_PAGE,
        after: _After = None,
    ) -> InvoiceConnection:
        """The invoices."""
        return await self.load_invoices(which, first, after)


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
