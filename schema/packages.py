"""GraphQL types of what patients bought: packages, credits, memberships."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import Enum

import strawberry
from strawberry import enum_value, field

from schema.catalog import BillingFrequency
from schema.fields import computed
from schema.money import Money
from schema.permissions import reached


@reached
@strawberry.type(description="Visits that a package gave when it was bought.")
class PackageVisits:
    """`booking.packages.model.PackageVisits`."""

    visit_type_id: strawberry.ID = field(description="The kind of visit.")
    visit_type_name: str | None = field(description="Its name.")
    quantity: int | None = field(description="How many; null: without limit.")
    repeats: bool = field(description="Whether each payment of a membership gives them again.")
    expires_in: str | None = field(
        description="When they expire, in the practice's own words; null: it says nothing."
    )


@reached
@strawberry.type(
    description="A plan that the patient has. It stays after a refund and after the end of its membership. What is left of it is in `credits`."
)
class Package:
    """`booking.packages.model.Package`."""

    id: strawberry.ID = field(description="Names what was bought.")
    plan_id: strawberry.ID | None = field(description="The plan; it may not be sold any more.")
    name: str = field(description="The plan's name.")
    bought_at: datetime = field(description="When it was bought (UTC).")
    price: Money | None = field(description="Of the first payment, less any promo code.")
    visits: list[PackageVisits] = field(description="What it gave.")
    payment_id: strawberry.ID | None = field(description="The payment that bought it.")
    membership_id: strawberry.ID | None = field(description="The membership that it started, if it recurs.")
    invoice_id: strawberry.ID | None = field(description="The invoice that it was bought by, if any.")


@reached
@strawberry.type(
    description="A line of the practice's ledger of credits: some were given, used or given back, or staff set their number."
)
class CreditEntry:
    """`booking.packages.model.CreditEntry`."""

    id: strawberry.ID = field(description="Names the line.")
    at: datetime = field(description="When (UTC).")
    change: int | None = field(
        description="How many were given, or, below zero, taken; null: the first line that is known."
    )
    left: int = field(description="How many were left after it.")
    appointment_id: strawberry.ID | None = field(description="The visit that it is about.")
    plan_id: strawberry.ID | None = field(description="The plan that it is about.")


@reached
@strawberry.type(
    description="How many visits of one type the patient may still book without paying. One credit is one visit."
)
class Credit:
    """`booking.packages.model.Credit`."""

    visit_type_id: strawberry.ID = field(description="The kind of visit.")
    visit_type_name: str | None = field(description="Its name.")
    left: int = field(
        description="How many, as the practice's ledger says; below zero: visits were booked without having a credit."
    )
    load_entries: strawberry.Private[Callable[[], Awaitable[list[CreditEntry]]]]

    @computed(
        description="The ledger's lines, newest first. Read from the practice for each kind of visit: ask for it on a page of its own."
    )
    async def entries(self) -> list[CreditEntry]:
        """The ledger's lines."""
        return await self.load_entries()


@strawberry.enum(description="Where a membership stands.")
class MembershipStatus(Enum):
    """`booking.packages.model.MembershipStatus`, with descriptions."""

    ACTIVE = enum_value("active", description="It bills on.")
    PAUSED = enum_value("paused", description="It bills nothing until it is resumed.")
    CANCELLED = enum_value("cancelled", description="It bills nothing any more. Credits stay.")
    COMPLETED = enum_value("completed", description="All its payments were made.")


@reached
@strawberry.type(description="A plan that bills again without asking.")
class Membership:
    """`booking.packages.model.Membership`."""

    id: strawberry.ID = field(description="Names the membership.")
    plan_id: strawberry.ID | None = field(description="The plan.")
    plan_name: str | None = field(description="Its name.")
    status: MembershipStatus = field(description="Where it stands.")
    frequency: BillingFrequency | None = field(
        description="How often it bills; null: in a way that is not known here."
    )
    started_at: datetime = field(description="When it began (UTC).")
    next_payment_at: datetime | None = field(
        description="When it bills next (UTC); null: not again, or it is paused."
    )
    next_amount: Money | None = field(
        description="Of the next payment, as the practice's system says; null: there is none."
    )
    payments_left: int | None = field(description="How many are to come; null: until it is cancelled.")
    paused_at: datetime | None = field(description="Since when it is paused (UTC).")
    resumes_at: datetime | None = field(
        description="When it would bill next if it were resumed now (UTC); null: it is not paused."
    )
    cancelled_at: datetime | None = field(description="When it was cancelled (UTC).")
    can_cancel: bool = field(description="Whether there is something to end: payments may follow.")
    load_can_pause: strawberry.Private[Callable[[], Awaitable[bool]]]
    load_can_resume: strawberry.Private[Callable[[], Awaitable[bool]]]

    @computed(
        description="Whether its patient may pause it; the same for whoever asks. `membershipPauseQuote` says why not."
    )
    async def can_pause(self) -> bool:
        """Whether its patient may pause it."""
        return await self.load_can_pause()

    @computed(
        description="Whether its patient may resume it: it is paused, and not by the practice. `membershipResumeQuote` says why not."
    )
    async def can_resume(self) -> bool:
        """Whether its patient may resume it."""
        return await self.load_can_resume()
