"""The GraphQL types of the peer on Strawberry: the part of the gateway's API that is compared."""

import datetime as dt
from datetime import datetime
from decimal import Decimal
from enum import Enum

import strawberry


@strawberry.enum
class ContactType(Enum):
    """How patient and clinician meet."""

    VIDEO = "Healthie Video Call"
    PHONE = "Phone Call"


@strawberry.enum
class BillingFrequency(Enum):
    """How often a plan bills."""

    ONE_TIME = "One-Time"
    MONTHLY = "Monthly"


@strawberry.type
class Money:
    """An amount."""

    amount: Decimal
    currency: str


@strawberry.type
class VisitType:
    """A kind of visit."""

    name: str
    minutes: int
    contact_types: list[ContactType]


@strawberry.type
class PlanVisits:
    """What a plan includes."""

    visit_type_id: strawberry.ID
    quantity: int | None
    visit_type: VisitType | None


@strawberry.type
class Plan:
    """What is sold."""

    id: strawberry.ID
    name: str
    description: str | None
    frequency: BillingFrequency
    sold_out: bool
    price: Money
    due_today: Money
    visits: list[PlanVisits]


@strawberry.type
class PlanConnection:
    """A page of plans."""

    total_count: int
    nodes: list[Plan]


@strawberry.type
class Clinician:
    """Who treats."""

    id: strawberry.ID
    name: str


@strawberry.type
class Slot:
    """A free time."""

    id: strawberry.ID
    start: datetime
    minutes: int
    contact_type: ContactType
    clinician: Clinician | None


@strawberry.type
class Day:
    """A day's free times."""

    date: dt.date
    slots: list[Slot]


@strawberry.input
class SlotFilter:
    """What is looked for."""

    visit_type_id: strawberry.ID
    time_zone: str
