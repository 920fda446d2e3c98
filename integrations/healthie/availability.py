"""HealthieAvailability: free time as Healthie computes it. Each call is one request."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from booking.slot_columns import Row, SlotColumns
from booking.slot_query import SlotQuery
from booking.zones import day_start
from integrations.healthie.contact_types import healthie_name
from integrations.healthie.flat_answers import MOST_TIMES
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
        return query.no_slots.of_rows(await self._read_rows(query)).between(
            day_start(query.first, query.time_zone),
            day_start(query.last + timedelta(days=1), query.time_zone),
        )

    async def _read_rows(self, query: SlotQuery) -> list[Row]:
        zone, asked = ZoneInfo(query.time_zone), sorted(query.clinician_ids)
        ids = {one: one for one in asked}  # the text of each id once, not once a slot
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
        return [
            (_seconds(each.date), clinician_id, minutes)
            for each in answer.available_slots_for_range or ()
            if (clinician_id := ids.get(each.user_id or ""))
            and each.date
            and (minutes := each.length or 0) > 0
            and not each.is_fully_booked
        ]

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


@lru_cache(maxsize=MOST_TIMES)
def _seconds(moment: datetime) -> int:
    """Whole seconds since 1970."""
    return int(moment.timestamp())
