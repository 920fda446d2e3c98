"""Offer days: what the system of record offers of one kind of visit on one day (UTC), as one request read it and all queries share it.

Days are cut in UTC, whatever time zone a query counts in: so queries from all zones share them, no day is longer than another, and
every process cuts alike.
"""

import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache

from booking.catalog.model import ContactType
from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery
from booking.zones import day_start

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class OfferKind:
    """What one request asks for, besides its days."""

    visit_type_id: str
    contact_type: ContactType
    location_id: str | None
    # All who offer the visit, or a group of them; not only those whom one query wants.
    clinician_ids: frozenset[str]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        """Worked out once: each day of each query is looked up by it several times."""
        return hash((self.visit_type_id, self.contact_type, self.location_id, self.clinician_ids))

    def query(self, first: date, last: date) -> SlotQuery:
        """The query of the days first..last, in UTC."""
        return SlotQuery(
            visit_type_id=self.visit_type_id,
            contact_type=self.contact_type,
            location_id=self.location_id,
            clinician_ids=self.clinician_ids,
            first=first,
            last=last,
            time_zone="UTC",
        )


@dataclass(frozen=True, kw_only=True)
class OfferDay:
    """The slots of one kind that start on one day (UTC)."""

    slots: SlotColumns
    as_of: datetime  # UTC, taken when the request was sent


def kinds_of(query: SlotQuery, *, groups: int) -> list[OfferKind]:
    """The kinds that contain the clinicians of the query, where all who offer the visit are asked for in so many groups."""
    everybody = query.offering_ids | query.clinician_ids
    kinds = _kinds(query.visit_type_id, query.contact_type, query.location_id, everybody, groups)
    return [kind for kind in kinds if not query.clinician_ids.isdisjoint(kind.clinician_ids)]


@lru_cache(maxsize=1_000)
def _kinds(
    visit_type_id: str,
    contact_type: ContactType,
    location_id: str | None,
    clinician_ids: frozenset[str],
    groups: int,
) -> tuple[OfferKind, ...]:
    """All kinds of a visit: the same objects for all queries, so that they are quickly told apart."""
    grouped: dict[int, set[str]] = {}
    for one in clinician_ids:
        grouped.setdefault(zlib.crc32(one.encode()) % groups, set()).add(one)
    return tuple(
        OfferKind(
            visit_type_id=visit_type_id,
            contact_type=contact_type,
            location_id=location_id,
            clinician_ids=frozenset(group),
        )
        for _, group in sorted(grouped.items())
    )


def utc_days_of(query: SlotQuery, now: datetime) -> list[date]:
    """The days in UTC on which slots of the query may start, ascending; days that are over are left out."""
    begin, end = bounds_of(query)
    first = max(datetime.fromtimestamp(begin, UTC), now.astimezone(UTC)).date()
    last = datetime.fromtimestamp(end - 1, UTC).date()
    return list(days_between(first, last))


def bounds_of(query: SlotQuery) -> tuple[int, int]:
    """When the first day of the query begins and when its last one ends, in seconds since 1970."""
    return day_start(query.first, query.time_zone), day_start(query.last + _DAY, query.time_zone)


def days_between(first: date, last: date) -> Iterator[date]:
    """The days first..last."""
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def by_day(slots: SlotColumns, days: Collection[date], as_of: datetime) -> dict[date, OfferDay]:
    """What was read of these days, cut into them."""
    return {
        day: OfferDay(slots=slots.between(day_start(day, "UTC"), day_start(day + _DAY, "UTC")), as_of=as_of)
        for day in days
    }


def joined(query: SlotQuery, offers: Collection[OfferDay]) -> SlotColumns:
    """The slots of these days that the query asks for."""
    slots = query.no_slots.merged(one.slots for one in offers).between(*bounds_of(query))
    return slots if query.offering_ids <= query.clinician_ids else slots.of_clinicians(query.clinician_ids)
