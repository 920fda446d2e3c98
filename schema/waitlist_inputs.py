"""GraphQL inputs of the waitlist."""

from datetime import date

import strawberry
from strawberry import field

from schema.catalog import ContactType
from schema.waitlist import Weekday


@strawberry.input(description="A span of the day in which a visit may start.")
class DayHoursInput:
    """For `booking.waitlist.model.Hours`."""

    start: str = field(name="from", description="From when on, such as `09:00`.")
    end: str = field(name="until", description="Before when; `24:00` is midnight.")


@strawberry.input(description="Which times a patient waits for.")
class WaitlistFilter:
    """For `booking.waitlist.model.Wish`."""

    visit_type_id: strawberry.ID = field(description="The kind of visit.")
    time_zone: str = field(
        description="The patient's IANA time zone: days and hours are meant in it, and so is their quiet time."
    )
    until: date = field(description="The last day, at most 30 days from now.")
    contact_type: ContactType | None = field(
        default=None, description="How to meet; by default the visit type's first way."
    )
    location_id: strawberry.ID | None = field(default=None, description="Where; for an in-person visit only.")
    clinician_ids: list[strawberry.ID] | None = field(
        default=None, description="Whom to see; by default everybody who offers the visit."
    )
    state: str | None = field(
        default=None,
        description="The two-letter US state that the patient is in: only clinicians licensed there.",
    )
    days: list[Weekday] | None = field(default=None, description="Days of the week; by default any.")
    hours: list[DayHoursInput] | None = field(
        default=None, description="When the visit may start, up to 7 spans; by default at any time."
    )
    notice_hours: int = field(
        default=0, description="How many hours the patient needs between an offer and the visit."
    )


@strawberry.input(description="What to wait for.")
class JoinWaitlistInput:
    """For `joinWaitlist`."""

    sought: WaitlistFilter = field(name="filter", description="Which times the patient waits for.")


@strawberry.input(description="Which place on the waitlist to give up.")
class LeaveWaitlistInput:
    """For `leaveWaitlist`."""

    entry_id: strawberry.ID = field(description="The place's id.")
