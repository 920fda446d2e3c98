"""GraphQL types of the practice's offer: plans, visit types, clinicians, locations, policy."""

from enum import Enum

import strawberry
from strawberry import enum_value, field

from schema.money import Money
from schema.permissions import reached
from schema.shared import shared


@strawberry.enum(description="How patient and clinician meet.")
class ContactType(Enum):
    """`booking.catalog.model.ContactType`, with descriptions."""

    VIDEO = enum_value("video", description="By video call.")
    PHONE = enum_value("phone", description="By phone.")
    IN_PERSON = enum_value("in_person", description="At one of the practice's locations.")


@strawberry.enum(description="How often a plan bills.")
class BillingFrequency(Enum):
    """`booking.catalog.model.BillingFrequency`, with descriptions."""

    ONE_TIME = enum_value("one_time", description="Once, and never again.")
    WEEKLY = enum_value("weekly", description="Every week.")
    BIWEEKLY = enum_value("biweekly", description="Every two weeks.")
    EVERY_4_WEEKS = enum_value("every_4_weeks", description="Every four weeks.")
    EVERY_8_WEEKS = enum_value("every_8_weeks", description="Every eight weeks.")
    MONTHLY = enum_value("monthly", description="Every month.")
    QUARTERLY = enum_value("quarterly", description="Every three months.")
    YEARLY = enum_value("yearly", description="Every year.")


@shared
@reached
@strawberry.type(description="A place for in-person visits.")
class Location:
    """`booking.catalog.model.Location`."""

    id: strawberry.ID = field(description="Names the location.")
    name: str = field(description="As the practice calls it.")


@shared
@reached
@strawberry.type(description="Somebody who treats patients and can be booked online.")
class Clinician:
    """`booking.catalog.model.Clinician`."""

    id: strawberry.ID = field(description="Names the clinician.")
    name: str = field(description="The clinician's full name.")
    qualifications: str | None = field(description="Titles and degrees, as the practice writes them.")
    time_zone: str = field(description="Where the clinician works, as an IANA time zone.")
    licensed_in: list[str] = field(
        description="Two-letter US states in which they may treat patients, sorted."
    )


@shared
@reached
@strawberry.type(description="A kind of visit that patients may book themselves.")
class VisitType:
    """`booking.catalog.model.VisitType`."""

    id: strawberry.ID = field(description="Names the visit type.")
    name: str = field(description="As the practice calls it.")
    description: str | None = field(description="What the visit is for.")
    minutes: int = field(description="How long it lasts.")
    contact_types: list[ContactType] = field(
        description="The ways in which it can take place; the first is usual."
    )
    price: Money | None = field(
        description="Of a single visit without a plan; null: the practice names no price."
    )
    requires_plan: bool = field(description="Whether it is sold as a part of plans only.")
    schedule_notice_minutes: int | None = field(
        description="How long before its start it must be booked; null: until it starts."
    )


@reached
@strawberry.type(description="Visits that a plan includes.")
class PlanVisits:
    """`booking.catalog.model.PlanVisits`."""

    visit_type_id: strawberry.ID = field(description="Which kind of visit.")
    visit_type: VisitType | None = field(
        description="The kind of visit; null when patients cannot book it themselves."
    )
    quantity: int | None = field(description="How many; null: without limit.")


@shared
@reached
@strawberry.type(description="Something a patient can buy: a bundle of visits, once or recurring.")
class Plan:
    """`booking.catalog.model.Plan`."""

    id: strawberry.ID = field(description="Names the plan.")
    name: str = field(description="As the practice calls it.")
    description: str | None = field(description="What it is for.")
    price: Money = field(description="Of each period.")
    due_today: Money = field(
        description="What buying it charges at once, before any promo code, taxes included."
    )
    frequency: BillingFrequency = field(description="How often it bills.")
    payments: int | None = field(
        description="How many payments in all, if they are limited; null: once, or until cancelled."
    )
    visits: list[PlanVisits] = field(description="What it includes.")
    sold_out: bool = field(description="Whether the cap on purchases is reached.")


# Default and maximum page size. A practice has some dozens of plans, a patient some dozens of visits.
DEFAULT_PAGE = 20
LARGEST_PAGE = 100


@reached
@strawberry.type(description="Where a page of a connection stands.")
class PageInfo:
    """As Relay asks for it."""

    has_next_page: bool = field(description="Whether anything follows.")
    has_previous_page: bool = field(description="Whether anything comes before.")
    start_cursor: str | None = field(description="The first edge's cursor; null on an empty page.")
    end_cursor: str | None = field(
        description="The last edge's cursor: give it as `after` for the next page."
    )


@reached
@strawberry.type(description="A plan with its cursor.")
class PlanEdge:
    """As Relay asks for it."""

    node: Plan = field(description="The plan.")
    cursor: str = field(description="An opaque cursor: its position in the list.")


@shared
@reached
@strawberry.type(description="A page of plans.")
class PlanConnection:
    """As Relay asks for it."""

    edges: list[PlanEdge] = field(description="The plans with their cursors.")
    nodes: list[Plan] = field(description="The plans alone.")
    page_info: PageInfo = field(description="Where the page stands.")
    total_count: int = field(description="How many plans match, on all pages.")


@shared
@reached
@strawberry.type(description="The practice's rules for visits; null where it states none.")
class BookingPolicy:
    """`booking.catalog.model.BookingPolicy`."""

    schedule_notice_minutes: int | None = field(
        description="A visit is booked at least so long before its start."
    )
    cancel_notice_minutes: int | None = field(description="A visit is cancelled without a fee until then.")
    late_cancellation_fee: Money | None = field(description="What a later cancellation costs.")
    no_show_fee: Money | None = field(description="What a missed visit costs.")
