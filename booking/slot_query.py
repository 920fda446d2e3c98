"""SlotQuery: a request for free slots, validated against the catalog and passed unchanged from the API to the system of record."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Self

from booking.catalog.model import Catalog, ContactType, VisitType
from booking.errors import InvalidInput
from booking.slot_columns import SlotColumns
from booking.slots import Interval, Slot
from booking.zones import zone


@dataclass(frozen=True, kw_only=True)
class SlotQuery:
    """Which slots are requested. Equal queries have equal results, so the query is also the key for sharing and caching them."""

    visit_type_id: str
    contact_type: ContactType
    location_id: str | None  # set for in-person visits, and only for them
    clinician_ids: frozenset[str]  # empty: no clinician qualifies, so nothing is free
    first: date  # in time_zone
    last: date  # inclusive, in time_zone
    time_zone: str  # IANA; days are counted in it
    notice: timedelta = timedelta()  # minimum time between booking and visit; enforced here, never upstream
    # All who offer the visit: whom a reading that others can share asks for. Makes no difference to the result.
    offering_ids: frozenset[str] = field(default=frozenset(), compare=False)

    @classmethod
    def of(
        cls,
        catalog: Catalog,
        *,
        visit_type_id: str,
        contact_type: ContactType | None = None,
        location_id: str | None = None,
        clinician_ids: Collection[str] | None = None,
        state: str | None = None,
        first: date,
        last: date,
        time_zone: str = "UTC",
    ) -> Self:
        """Build a query from a patient's wishes, with defaults from the catalog.

        `contact_type` defaults to the visit type's first, `clinician_ids` to all who offer the visit. `state` (two letters)
        restricts it to clinicians who are licensed there. Raises InvalidInput on an unknown time zone, visit type or clinician,
        and on a contact type or location that the visit does not have. SlotSearch checks the days.
        """
        zone(time_zone)
        visit_type = catalog.visit_type(visit_type_id)
        if visit_type is None:
            raise InvalidInput(
                field="visitTypeId",
                reason="There is no such visit type. Take an id from the visitTypes query.",
            )
        contact_type = contact_type or visit_type.contact_types[0]
        check_contact(visit_type, contact_type, location_id, catalog)
        return cls(
            visit_type_id=visit_type.id,
            contact_type=contact_type,
            location_id=location_id,
            clinician_ids=_clinicians(catalog, visit_type, clinician_ids, state),
            first=first,
            last=last,
            time_zone=time_zone,
            notice=catalog.policy_for(visit_type).schedule_notice or timedelta(),
            offering_ids=frozenset(one.id for one in catalog.clinicians_for(visit_type_id=visit_type.id)),
        )

    @classmethod
    def like(cls, slot: Slot) -> Self:
        """The query for slots like this one on its day (UTC): same clinician, visit type, contact type and location."""
        return cls(
            visit_type_id=slot.visit_type_id,
            contact_type=slot.contact_type,
            location_id=slot.location_id,
            clinician_ids=frozenset({slot.clinician_id}),
            first=slot.day,
            last=slot.day,
            time_zone="UTC",
        )

    @property
    def no_slots(self) -> SlotColumns:
        """No slots, of the kind that is requested: a base for those that are found."""
        return SlotColumns(
            visit_type_id=self.visit_type_id, contact_type=self.contact_type, location_id=self.location_id
        )

    @property
    def span(self) -> Interval:
        """The days as an interval in UTC, extended by a day on each side because a visit may cross midnight."""
        time_zone = zone(self.time_zone)
        start = datetime.combine(self.first - timedelta(days=1), datetime.min.time(), time_zone)
        end = datetime.combine(self.last + timedelta(days=2), datetime.min.time(), time_zone)
        return Interval(start=start.astimezone(UTC), end=end.astimezone(UTC))


def check_contact(
    visit_type: VisitType, contact: ContactType, location_id: str | None, catalog: Catalog
) -> None:
    """Raise InvalidInput unless the visit can take place by this contact type and at this location.

    An in-person visit needs a location (required upstream since 2025-04-01).
    """
    if contact not in visit_type.contact_types:
        offered = ", ".join(way.name for way in visit_type.contact_types)
        raise InvalidInput(field="contactType", reason=f"This visit takes place by: {offered}.")
    if contact is ContactType.IN_PERSON and location_id not in {place.id for place in catalog.locations}:
        raise InvalidInput(
            field="locationId", reason="An in-person visit needs one of the practice's locations."
        )
    if contact is not ContactType.IN_PERSON and location_id is not None:
        raise InvalidInput(field="locationId", reason="Only an in-person visit takes place at a location.")


def _clinicians(
    catalog: Catalog, visit_type: VisitType, wanted: Collection[str] | None, state: str | None
) -> frozenset[str]:
    """The wanted clinicians who offer the visit in the state. Raises InvalidInput on an unknown one."""
    able = frozenset(person.id for person in catalog.clinicians_for(visit_type_id=visit_type.id, state=state))
    if wanted is None:
        return able
    if any(catalog.clinician(one) is None for one in wanted):
        raise InvalidInput(
            field="clinicianIds", reason="There is no such clinician. Take ids from the clinicians query."
        )
    return able.intersection(wanted)
