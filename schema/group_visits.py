"""GraphQL types of group visits, as everybody may see them: nobody who attends one is part of any of them."""

from datetime import datetime, timedelta

import strawberry
from strawberry import field

from booking.zones import zone
from schema.appointments import InTimeZone
from schema.catalog import Clinician, ContactType, Location, PageInfo
from schema.fields import computed
from schema.money import Money
from schema.permissions import reached


@strawberry.input(
    description="Which group visits are looked for. Everything is optional, and all that is given must fit."
)
class GroupVisitFilter:
    """`booking.groups.model.GroupWish`."""

    visit_type_id: strawberry.ID | None = field(
        default=strawberry.UNSET, description="Only this kind of group visit: a `visitTypeId` of one."
    )
    clinician_ids: list[strawberry.ID] | None = field(
        default=strawberry.UNSET, description="Only with one of these clinicians."
    )
    contact_type: ContactType | None = field(
        default=strawberry.UNSET, description="Only those that take place so."
    )
    state: str | None = field(
        default=strawberry.UNSET,
        description="The two-letter US state that the patient is in: only with clinicians who are licensed there.",
    )


@reached
@strawberry.type(
    description="A visit that several patients attend together, planned by the practice. It cannot be held or bought here: a patient "
    "who wants a seat takes it at the practice, or in the practice's own patient portal."
)
class GroupVisit:
    """`booking.groups.model.GroupVisit` with what the catalog says of its type."""

    id: strawberry.ID = field(description="Names the visit.")
    visit_type_id: strawberry.ID = field(
        description="The kind of group visit. It is none of `visitTypes`, for which free time is searched."
    )
    name: str = field(description="Its kind's name, as the practice calls it.")
    description: str | None = field(description="What it is for.")
    minutes: int = field(description="How long it lasts.")
    contact_type: ContactType = field(description="How the group meets.")
    clinician_id: strawberry.ID = field(description="Who leads it.")
    clinician: Clinician = field(description="Who leads it, with their name.")
    location_id: strawberry.ID | None = field(description="Where, for one in person.")
    location: Location | None = field(
        description="The place with its name, for one in person; null when patients cannot book there."
    )
    price: Money | None = field(description="Of one seat; null: the practice names no price.")
    requires_plan: bool = field(description="Whether a seat is sold as a part of plans only.")
    seats: int | None = field(
        description="How many patients can attend; null: the practice states no number."
    )
    seats_left: int | None = field(
        description="How many seats are free; null: the practice states no number. Zero: it is full."
    )
    is_full: bool = field(description="Whether no seat is free.")
    has_waitlist: bool = field(
        description="Whether the practice keeps a waitlist for it when it is full, and gives a seat that becomes free to the next on it."
    )
    begins: strawberry.Private[datetime]

    @computed(description="When it starts.")
    def start(self, time_zone: InTimeZone = "UTC") -> datetime:
        """When it starts. Raises InvalidInput on an unknown time zone."""
        return self.begins.astimezone(zone(time_zone))

    @computed(description="When it ends.")
    def end(self, time_zone: InTimeZone = "UTC") -> datetime:
        """When it ends. Raises InvalidInput on an unknown time zone."""
        return (self.begins + timedelta(minutes=self.minutes)).astimezone(zone(time_zone))


@reached
@strawberry.type(description="A group visit with its cursor.")
class GroupVisitEdge:
    """As Relay asks for it."""

    node: GroupVisit = field(description="The group visit.")
    cursor: str = field(description="An opaque cursor: its position in the list.")


@reached
@strawberry.type(description="A page of group visits.")
class GroupVisitConnection:
    """As Relay asks for it."""

    edges: list[GroupVisitEdge] = field(description="The group visits with their cursors.")
    nodes: list[GroupVisit] = field(description="The group visits alone.")
    page_info: PageInfo = field(description="Where the page stands.")
    total_count: int = field(description="How many group visits match, on all pages.")
