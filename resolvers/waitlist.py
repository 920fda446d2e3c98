"""Maps the waitlist between the domain and the API."""

import re
from datetime import timedelta

from strawberry import ID

from booking.catalog.model import Catalog
from booking.catalog.model import ContactType as DomainContactType
from booking.principals import Caller, Principal, PrincipalKind
from booking.services import Services
from booking.slot_query import check_contact
from booking.waitlist.model import Hours, WaitlistOffer, Wish
from booking.waitlist.service import WaitlistPlace
from booking.zones import zone
from resolvers import inputs
from resolvers.catalog import names, to_clinicians
from resolvers.slots import to_hold
from schema import waitlist as api
from schema.catalog import ContactType
from schema.slots import Hold
from schema.waitlist_inputs import DayHoursInput, WaitlistFilter

# More clinicians than any legitimate search names, as for slots.
_MOST_CLINICIANS = 100
_MOST_SPANS = 7
_MOST_NOTICE_HOURS = 24 * 14  # of 31 days that one can wait for

_DAYS = tuple(api.Weekday)  # Monday is 1 in the domain

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)


def check_wish(sought: WaitlistFilter) -> None:
    """Check the parts that need no catalog, so that a mistake in them costs no call upstream. Raises InvalidInput."""
    zone(sought.time_zone)
    inputs.state(sought.state)
    inputs.required_token(sought.visit_type_id, field="filter.visitTypeId")
    if sought.clinician_ids is not None and not 0 < len(sought.clinician_ids) <= _MOST_CLINICIANS:
        inputs.refuse("filter.clinicianIds", f"Name 1 to {_MOST_CLINICIANS} clinicians, or leave it out.")
    if len(sought.hours or ()) > _MOST_SPANS:
        inputs.refuse("filter.hours", f"Give at most {_MOST_SPANS} spans.")
    if not 0 <= sought.notice_hours <= _MOST_NOTICE_HOURS:
        inputs.refuse("filter.noticeHours", f"Give 0 to {_MOST_NOTICE_HOURS} hours.")


def to_wish(sought: WaitlistFilter, catalog: Catalog) -> Wish:
    """The wish, with defaults from the catalog. Raises InvalidInput."""
    check_wish(sought)
    visit_type = catalog.visit_type(sought.visit_type_id)
    if visit_type is None:
        inputs.refuse(
            "filter.visitTypeId", "There is no such visit type. Take an id from the visitTypes query."
        )
    contact = (
        DomainContactType[sought.contact_type.name] if sought.contact_type else visit_type.contact_types[0]
    )
    check_contact(visit_type, contact, sought.location_id, catalog)
    wanted = sought.clinician_ids
    return Wish(
        visit_type_id=visit_type.id,
        contact_type=contact,
        location_id=sought.location_id,
        clinician_ids=tuple(sorted(set(wanted))) if wanted is not None else None,
        state=sought.state.upper() if sought.state else None,
        weekdays=tuple(sorted({_DAYS.index(day) + 1 for day in sought.days or ()})),
        hours=tuple(
            sorted({_hours(one) for one in sought.hours or ()}, key=lambda one: (one.start, one.end))
        ),
        time_zone=sought.time_zone,
        notice=timedelta(hours=sought.notice_hours),
        until=sought.until,
    )


def to_entry(place: WaitlistPlace, services: Services) -> api.WaitlistEntry:
    """Map a place on the waitlist."""
    entry, wish = place.entry, place.entry.wish
    return api.WaitlistEntry(
        id=ID(entry.id),
        status=api.WaitlistStatus[entry.state.name],
        joined_at=entry.joined_at,
        visit_type_id=ID(wish.visit_type_id),
        contact_type=ContactType[wish.contact_type.name],
        location_id=ID(wish.location_id) if wish.location_id else None,
        clinician_ids=[ID(one) for one in wish.clinician_ids] if wish.clinician_ids is not None else None,
        state=wish.state,
        days=[_DAYS[day - 1] for day in wish.weekdays],
        hours=[api.DayHours(start=_clock(one.start), end=_clock(one.end)) for one in wish.hours],
        time_zone=wish.time_zone,
        notice_hours=wish.notice // timedelta(hours=1),
        until=wish.until,
        offer=_to_offer(place.offer, services) if place.offer is not None else None,
    )


def _to_offer(offer: WaitlistOffer, services: Services) -> api.WaitlistOffer:
    async def hold() -> Hold | None:
        caller = Caller(principal=Principal(kind=PrincipalKind.PATIENT, id=offer.patient_id))
        held = await services.holds.view(caller, offer.hold_id)
        return to_hold(held, clinicians=to_clinicians(await names(services))) if held is not None else None

    return api.WaitlistOffer(
        id=ID(offer.id), hold_id=ID(offer.hold_id), expires_at=offer.expires_at, load_hold=hold
    )


def _hours(span: DayHoursInput) -> Hours:
    start, end = _minutes(span.start), _minutes(span.end)
    if start >= end:
        inputs.refuse("filter.hours", "A span ends after it starts, on the same day; 24:00 is midnight.")
    return Hours(start=start, end=end)


def _minutes(text: str) -> int:
    if not _TIME.fullmatch(text):
        inputs.refuse("filter.hours", "Give times of the day such as 09:00.")
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
