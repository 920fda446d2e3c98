"""GraphQL types of the waitlist: what a patient waits for, their place, and the time on offer."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from enum import Enum

import strawberry
from strawberry import enum_value, field

from schema.catalog import ContactType
from schema.fields import computed
from schema.permissions import reached
from schema.slots import Hold


@strawberry.enum(description="A day of the week.")
class Weekday(Enum):
    """Days by their numbers in ISO 8601."""

    MONDAY = enum_value(1, description="Monday.")
    TUESDAY = enum_value(2, description="Tuesday.")
    WEDNESDAY = enum_value(3, description="Wednesday.")
    THURSDAY = enum_value(4, description="Thursday.")
    FRIDAY = enum_value(5, description="Friday.")
    SATURDAY = enum_value(6, description="Saturday.")
    SUNDAY = enum_value(7, description="Sunday.")


@strawberry.enum(description="Where a place on the waitlist stands.")
class WaitlistStatus(Enum):
    """`booking.waitlist.model.EntryState`, with descriptions."""

    WAITING = enum_value(
        "waiting", description="The patient waits; `offer` is the time on offer, if there is one."
    )
    BOOKED = enum_value("booked", description="An offered time was booked.")
    LEFT = enum_value("left", description="The patient left.")
    OVER = enum_value("over", description="The last day that they waited for has passed.")
    UNANSWERED = enum_value(
        "unanswered",
        description="Several offers in a row were not answered. Join again to go on waiting.",
    )


@reached
@strawberry.type(description="A span of the day in which a visit may start.")
class DayHours:
    """`booking.waitlist.model.Hours`."""

    start: str = field(name="from", description="From when on, such as `09:00`.")
    end: str = field(name="until", description="Before when; `24:00` is midnight.")


@reached
@strawberry.type(
    description="A time that came free, held for the patient. Book it by `startCheckout` with its hold, or move a visit to it; "
    "`releaseHold` declines it. After `expiresAt` it goes to the next."
)
class WaitlistOffer:
    """`booking.waitlist.model.WaitlistOffer`; its hold is read when it is selected."""

    id: strawberry.ID = field(description="Names the offer.")
    hold_id: strawberry.ID = field(description="The hold: `startCheckout` takes it.")
    expires_at: datetime = field(description="Until when the patient can answer (UTC).")
    load_hold: strawberry.Private[Callable[[], Awaitable[Hold | None]]]

    @computed(description="The hold with its slot; null: it is over.")
    async def hold(self) -> Hold | None:
        """The hold."""
        return await self.load_hold()


@reached
@strawberry.type(description="A patient's place on the waitlist, and which times they wait for.")
class WaitlistEntry:
    """`booking.waitlist.model.WaitlistEntry`, with its live offer."""

    id: strawberry.ID = field(description="Names the place; `leaveWaitlist` takes it.")
    status: WaitlistStatus = field(description="Where it stands.")
    joined_at: datetime = field(description="When the patient joined (UTC); it decides the order.")
    visit_type_id: strawberry.ID = field(description="The kind of visit.")
    contact_type: ContactType = field(description="How to meet.")
    location_id: strawberry.ID | None = field(description="Where; for an in-person visit only.")
    clinician_ids: list[strawberry.ID] | None = field(description="Whom to see; null: anybody.")
    state: str | None = field(description="The two-letter US state that the patient is in, if they named it.")
    days: list[Weekday] = field(description="The days of the week; empty: any.")
    hours: list[DayHours] = field(description="When the visit may start; empty: at any time.")
    time_zone: str = field(description="The patient's IANA time zone, in which days and hours are meant.")
    notice_hours: int = field(description="How many hours the patient needs between an offer and the visit.")
    until: date = field(description="The last day.")
    offer: WaitlistOffer | None = field(description="The time on offer now; null: none.")
