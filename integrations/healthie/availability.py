"""HealthieAvailability: free time as Healthie computes it. Each call is one request."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery
from booking.zones import day_start
from integrations.healthie.contact_types import healthie_name
from integrations.healthie.generated.available_slots import AvailableSlots
from integrations.healthie.generated.client import Client
from integrations.healthie.keys import KeyStore
from integrations.upstream.errors import ContractBroken, reading


class HealthieAvailability:
    """The port Availability. Does not know about holds. Healthie's query is meant for one day; long ranges are slow and can time out."""

    def __init__(self, *, client: Client, keys: KeyStore) -> None:
        self._client = client
        self._keys = keys

    async def slots(self, query: SlotQuery) -> SlotColumns:
        """Slots that start on the days first..last in the query's time zone. Raises UpstreamUnavailable."""
        query = self._bookable(query)
        if not query.clinician_ids:
            return query.no_slots
        with reading():
            return await self._read_slots(query)

    async def days(self, query: SlotQuery) -> Sequence[date]:
        """The days of first..last, one calendar month, that have a free slot, ascending. Raises UpstreamUnavailable."""
        query = self._bookable(query)
        if not query.clinician_ids:
            return []
        with reading():
            return await self._read_days(query)

    def _bookable(self, query: SlotQuery) -> SlotQuery:
        """The query restricted to clinicians whose key is proved; no others are offered."""
        return replace(query, clinician_ids=query.clinician_ids & self._keys.proved)

    async def _read_slots(self, query: SlotQuery) -> SlotColumns:
        zone, asked = ZoneInfo(query.time_zone), sorted(query.clinician_ids)
        answer = await self._client.available_slots(
            provider_id=asked[0],
            provider_ids=asked,
            appt_type_id=query.visit_type_id,
            contact_type=healthie_name(query.contact_type),
            appt_loc_id=query.location_id,
            start_date=datetime.combine(query.first, time.min, zone),
            end_date=datetime.combine(query.last, time(23, 59, 59), zone),
            timezone=query.time_zone,
        )
        return slots_of(answer, query).between(
            day_start(query.first, query.time_zone),
            day_start(query.last + timedelta(days=1), query.time_zone),
        )

    async def _read_days(self, query: SlotQuery) -> list[date]:
        asked = sorted(query.clinician_ids)
        answer = await self._client.available_days(
            provider_id=asked[0],
            provider_ids=asked,
            appt_type_id=query.visit_type_id,
            contact_type=healthie_name(query.contact_type),
            appt_loc_id=query.location_id,
            date_from_month=query.first.isoformat(),
            timezone=query.time_zone,
        )
        try:
            found = {date.fromisoformat(day[:10]) for day in answer.days_available_for_range or () if day}
        except ValueError:
            raise ContractBroken("AvailableDays", "undecodable_answer") from None
        return sorted(day for day in found if query.first <= day <= query.last)


def slots_of(answer: AvailableSlots, query: SlotQuery) -> SlotColumns:
    """The slots of an answer that the query's clinicians offer."""
    ids = {one: one for one in query.clinician_ids}  # the text of each id once, not once a slot
    offered: Sequence[Any] = answer.available_slots_for_range or ()
    if not _are_all_offered(offered, ids):
        offered = [each for each in offered if _is_offered(each, ids)]
    seconds = {moment: int(moment.timestamp()) for moment in {each.date for each in offered}}
    return query.no_slots.of_columns(
        [seconds[each.date] for each in offered],
        [ids[each.user_id] for each in offered],
        [each.length for each in offered],
    )


def _is_offered(each: Any, ids: Container[str]) -> bool:
    return each.user_id in ids and bool(each.date) and (each.length or 0) > 0 and not each.is_fully_booked


def _are_all_offered(records: Sequence[Any], ids: Mapping[str, str]) -> bool:
    """Whether each record is a slot of one of the clinicians: nearly always, and quickly seen of thousands."""
    return (
        ids.keys() >= {each.user_id for each in records}
        and None not in {each.date for each in records}
        and all((length or 0) > 0 for length in {each.length for each in records})
        and not any(map(attrgetter("is_fully_booked"), records))
    )
