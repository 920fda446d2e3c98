"""GraphQL types of visits. No field depends on where the visit was found: one id, one state (ADR 60)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated, TypeAlias

import strawberry
from strawberry import enum_value, field

from booking.zones import zone
from schema.catalog import Clinician, ContactType, Location, PageInfo
from schema.fields import computed
from schema.money import Money
from schema.permissions import reached

InTimeZone = Annotated[str, strawberry.argument(description="The IANA time zone in which to say it.")]


@strawberry.enum(description="Where a visit stands.")
class AppointmentStatus(Enum):
    """`booking.models.AppointmentStatus`, with descriptions."""

    BOOKED = enum_value("booked", description="It is going to take place.")
    COMPLETED = enum_value("completed", description="It took place.")
    NO_SHOW = enum_value("no_show", description="The patient did not come.")
    CANCELLED = enum_value("cancelled", description="It was cancelled.")
    RESCHEDULED = enum_value("rescheduled", description="It was moved to another time.")
    CHECKED_IN = enum_value("checked_in", description="The patient has arrived.")


@strawberry.enum(description="Which visits are listed. Every visit is either upcoming or past.")
class AppointmentFilter(Enum):
    """`booking.visits.lists.VisitFilter`, with descriptions."""

    UPCOMING = enum_value("upcoming", description="Going to take place, or taking place; soonest first.")
    PAST = enum_value("past", description="Over, cancelled, missed or moved away; newest start first.")
    ALL = enum_value("all", description="All of them, newest start first.")


@reached
@strawberry.type(
    description="The patient's way into a visit by video, read just now. A secret: show it, and do not store it."
)
class JoinLinks:
    """`booking.changes.visit.JoinLinks`."""

    url: str | None = field(description="The address to open; null: there is only a number to dial.")
    dial_in: str | None = field(description="How to take part by phone, in the practice's words.")

    def __repr__(self) -> str:
        """Without its values, so that no log or trace shows them."""
        return "JoinLinks()"


@reached
@strawberry.type(description="There is no way into the visit yet. It is not an error: ask again.")
class JoinNotReady:
    """Neither link nor number is there."""

    ask_again_at: datetime | None = field(
        description="From when it can be there (UTC); null: at any moment, so ask again in some seconds."
    )


AppointmentJoin: TypeAlias = Annotated[
    JoinLinks | JoinNotReady,
    strawberry.union("AppointmentJoin", description="The way into a visit, or that there is none yet."),
]


@dataclass(frozen=True, kw_only=True)
class ChangeOptions:
    """`booking.changes.policy.ChangeOptions`: values of three fields that one read answers. Not a type of the API."""

    can_cancel_until: datetime | None
    can_reschedule_until: datetime | None
    fee_now: Money | None


@reached
@strawberry.type(description="A visit in the practice's books.")
class Appointment:
    """`booking.models.Appointment`; fields that need an upstream call are loaded when they are selected."""

    id: strawberry.ID = field(description="Names the visit.")
    status: AppointmentStatus = field(description="Where it stands.")
    clinician_id: strawberry.ID | None = field(description="Who treats, as the practice's books say.")
    clinician_name: str | None = field(description="Their name.")
    clinician: Clinician | None = field(description="Who treats; null when they cannot be booked online.")
    visit_type_id: strawberry.ID | None = field(description="The kind of visit.")
    visit_type_name: str | None = field(description="Its name.")
    contact_type: ContactType | None = field(description="How patient and clinician meet.")
    location_id: strawberry.ID | None = field(description="Where, for an in-person visit.")
    location: Location | None = field(
        description="The place with its name, for an in-person visit; null when patients cannot book there any more."
    )
    minutes: int = field(description="How long it lasts.")
    calendar_url: str = field(
        description="Where calendars read the visit as an iCalendar entry (RFC 5545), with its later changes. Whoever has the address can read the "
        "entry, which names no patient, until a month after the visit. A path of this server, unless the practice has set its public address."
    )
    begins: strawberry.Private[datetime]
    load_join: strawberry.Private[Callable[[], Awaitable[JoinLinks | JoinNotReady | None]]]
    load_options: strawberry.Private[Callable[[], Awaitable[ChangeOptions]]]

    @computed(description="When it starts.")
    def start(self, time_zone: InTimeZone = "UTC") -> datetime:
        """When it starts. Raises InvalidInput on an unknown time zone."""
        return self.begins.astimezone(zone(time_zone))

    @computed(description="When it ends.")
    def end(self, time_zone: InTimeZone = "UTC") -> datetime:
        """When it ends. Raises InvalidInput on an unknown time zone."""
        return (self.begins + timedelta(minutes=self.minutes)).astimezone(zone(time_zone))

    @computed(
        description="The way into a visit by video: read when it is asked for, from a day before the start. Ask for it when the patient wants to join. "
        "Null: there is none, since the visit is over, cancelled or not by video, or for staff, who join in the practice's own system."
    )
    async def join(self) -> AppointmentJoin | None:
        """The way in."""
        return await self.load_join()

    @computed(
        description="Until when it may be cancelled here (UTC); null when it cannot be. Like the next two fields, read from the practice "
        "for each visit: ask for it on a visit's own page, or on short lists."
    )
    async def can_cancel_until(self) -> datetime | None:
        """Until when it may be cancelled."""
        return (await self.load_options()).can_cancel_until

    @computed(description="Until when it may be moved here (UTC); null when it cannot be.")
    async def can_reschedule_until(self) -> datetime | None:
        """Until when it may be moved."""
        return (await self.load_options()).can_reschedule_until

    @computed(
        description="What cancelling costs at this moment, in addition to what is not given back; null: nothing."
    )
    async def fee_now(self) -> Money | None:
        """What cancelling costs now."""
        return (await self.load_options()).fee_now


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
