"""Maps days, slots and holds from the domain to the API."""

from collections.abc import Sequence
from datetime import date

from strawberry import ID

from booking.catalog.model import Catalog, ContactType
from booking.models import Hold
from booking.scheduling.search import Day
from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery
from booking.slots import Slot
from resolvers import inputs
from resolvers.catalog import to_clinicians
from resolvers.slot_rows import Clinicians, ShownDays, slot_rows
from schema import slots as api
from schema.inputs import SlotFilter

# More clinicians than any legitimate search names.
_MOST_CLINICIANS = 100

# A month of a large practice, or the days that most patients look at of a small one; some 5 MB.
_MOST_SLOTS = 20_000

_SHOWN = ShownDays(most_slots=_MOST_SLOTS)


def to_days(days: Sequence[Day], *, time_zone: str, catalog: Catalog) -> list[api.Day]:
    """Map days with their slots. A day is shared by all who are shown the same of it: never modify it."""
    clinicians = to_clinicians(catalog)
    return [_SHOWN.day(day, time_zone=time_zone, clinicians=clinicians) for day in days]


def to_slot(slot: Slot, *, time_zone: str, clinicians: Clinicians) -> api.Slot:
    """Map a slot, with times in the time zone."""
    (shown,) = slot_rows(SlotColumns.one(slot), time_zone=time_zone, clinicians=clinicians)
    return shown


def to_hold(hold: Hold, *, clinicians: Clinicians) -> api.Hold:
    """Map a hold."""
    return api.Hold(
        id=ID(hold.id),
        slot=to_slot(hold.slot, time_zone=hold.time_zone, clinicians=clinicians),
        expires_at=hold.expires_at,
        extensions=hold.extensions,
    )


def check_filter(sought: SlotFilter) -> None:
    """Check the parts that need no catalog, so that a mistake in them costs no call upstream. Raises InvalidInput."""
    if sought.clinician_ids is not None and len(sought.clinician_ids) > _MOST_CLINICIANS:
        inputs.refuse("clinicianIds", f"Name at most {_MOST_CLINICIANS} clinicians.")
    inputs.state(sought.state)


def to_query(sought: SlotFilter, catalog: Catalog, *, first: date, last: date) -> SlotQuery:
    """The SlotQuery for a patient's filter and the days first..last (inclusive). Raises InvalidInput."""
    check_filter(sought)
    return SlotQuery.of(
        catalog,
        visit_type_id=sought.visit_type_id,
        contact_type=ContactType[sought.contact_type.name] if sought.contact_type else None,
        location_id=sought.location_id,
        clinician_ids=sought.clinician_ids,
        state=inputs.state(sought.state),
        first=first,
        last=last,
        time_zone=sought.time_zone,
    )
