"""GraphQL types of free time and holds. Slots are flat values: none of their fields has a resolver."""

import datetime as dt
from datetime import datetime

import strawberry
from strawberry import field

from schema.catalog import Clinician, ContactType
from schema.permissions import reached
from schema.shared import in_tables, shared


@in_tables
@reached
@strawberry.type(description="A time at which a visit can take place.")
class Slot:
    """`booking.slots.Slot`, in the requested time zone."""

    id: strawberry.ID = field(
        description="Names the slot as it is shown in `timeZone`: in another time zone it has another id. Hold it with `holdSlot`, by any of them."
    )
    clinician_id: strawberry.ID = field(description="Whose time it is.")
    clinician: Clinician | None = field(
        description="Whose time it is; null when the clinician is not bookable any more, or the practice's offer was never read."
    )
    visit_type_id: strawberry.ID = field(description="The kind of visit.")
    contact_type: ContactType = field(description="How patient and clinician meet.")
    location_id: strawberry.ID | None = field(description="Where, for an in-person visit.")
    start: datetime = field(description="When the visit starts, in `timeZone`.")
    end: datetime = field(description="When the visit ends, in `timeZone`.")
    time_zone: str = field(description="The IANA time zone that was asked for.")
    minutes: int = field(description="How long the visit lasts.")


@shared
@reached
@strawberry.type(description="One day of the calendar, in the time zone that was asked for.")
class Day:
    """`booking.scheduling.search.Day`."""

    date: dt.date = field(description="The day.")
    slots: list[Slot] = field(
        description="What is free on it, by start; slots that somebody holds are absent."
    )
    as_of: datetime = field(description="When the practice's calendar was read (UTC).")
    stale: bool = field(
        description="True while the practice's calendar cannot be read: these are the slots of `asOf`: in a "
        "query at most 15 seconds ago, in a subscription some minutes. Show them, and ask again; `holdSlot` always asks the calendar itself."
    )


@reached
@strawberry.type(description="A slot that is kept free for the caller until it expires.")
class Hold:
    """`booking.models.Hold`."""

    id: strawberry.ID = field(description="Names the hold; start a checkout with it.")
    slot: Slot = field(description="What is held, in the time zone that was asked for.")
    expires_at: datetime = field(description="When it ends by itself.")
    extensions: int = field(description="How often it has been extended.")
