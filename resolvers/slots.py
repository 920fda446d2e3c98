"""Maps days, slots and holds from the domain to the API."""

from collections.abc import Mapping, Sequence
from datetime import date
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from strawberry import ID

from booking.catalog.model import Catalog, ContactType
from booking.models import Hold
from booking.scheduling.search import Day
from booking.slot_query import SlotQuery
from booking.slots import Slot
from booking.zones import zone
from resolvers import inputs
from resolvers.catalog import to_clinicians, to_id
from schema import catalog as api_catalog
from schema import slots as api
from schema.inputs import SlotFilter

_CONTACT_TYPES = {way: api_catalog.ContactType[way.name] for way in ContactType}

# More clinicians than any legitimate search names.
_MOST_CLINICIANS = 100

Clinicians = Mapping[str, api_catalog.Clinician]

# Cache of mapped days of live queries, by day and time zone; an entry lives as long as its day.
_MAPPED: WeakKeyDictionary[Day, dict[str, tuple[Catalog, api.Day]]] = WeakKeyDictionary()


def to_days(days: Sequence[Day], *, time_zone: str, clinicians: Clinicians) -> list[api.Day]:
    """Map days with their slots."""
    tz = zone(time_zone)
    return [
        api.Day(
            date=day.date,
            slots=[_to_slot(slot, tz, time_zone, clinicians) for slot in day.slots],
            as_of=day.as_of,
            stale=day.stale,
        )
        for day in days
    ]


def to_shared_days(days: Sequence[Day], *, time_zone: str, catalog: Catalog) -> list[api.Day]:
    """Map days with their slots, once for all subscribers of a live query.

    The results are shared: never modify them.
    """
    return [_mapped_day(day, time_zone, catalog) for day in days]


def to_slot(slot: Slot, *, time_zone: str, clinicians: Clinicians) -> api.Slot:
    """Map a slot, with times in the time zone."""
    return _to_slot(slot, zone(time_zone), time_zone, clinicians)


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


def _mapped_day(day: Day, time_zone: str, catalog: Catalog) -> api.Day:
    """The mapped day from the cache, or mapped now."""
    by_zone = _MAPPED.setdefault(day, {})
    if time_zone not in by_zone or by_zone[time_zone][0] is not catalog:
        (mapped,) = to_days([day], time_zone=time_zone, clinicians=to_clinicians(catalog))
        by_zone[time_zone] = (catalog, mapped)
    return by_zone[time_zone][1]


def _to_slot(slot: Slot, tz: ZoneInfo, time_zone: str, clinicians: Clinicians) -> api.Slot:
    return api.Slot(
        id=ID(slot.id),
        clinician_id=ID(slot.clinician_id),
        clinician=clinicians.get(slot.clinician_id),
        visit_type_id=ID(slot.visit_type_id),
        contact_type=_CONTACT_TYPES[slot.contact_type],
        location_id=to_id(slot.location_id),
        start=slot.start.astimezone(tz),
        end=slot.end.astimezone(tz),
        time_zone=time_zone,
        minutes=slot.minutes,
    )
