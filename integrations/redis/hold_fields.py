"""Conversion of holds to Redis hashes (texts, moments in microseconds) and to the arguments of the Lua scripts."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from booking.catalog.model import ContactType
from booking.models import Hold
from booking.principals import block_of
from booking.scheduling.day_capacity import GAP, DayCapacity
from booking.slots import Interval, Slot
from booking.stored_names import known_here

# The argument of a script for no bound.
NO_LIMIT = -1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> str:
    """A moment as stored in Redis: whole microseconds since 1970 (UTC), as text."""
    return str((moment - _EPOCH) // _MICROSECOND)


def _moment(text: str) -> datetime:
    return _EPOCH + int(text) * _MICROSECOND


def capacity_arguments(capacity: DayCapacity | None, hold: Hold) -> list[str | int]:
    """The arguments of acquire.lua for the day's capacity, in its order.

    The day's start and end, the bounds in minutes, the network's block, the least gap; then the number of offered moments, and those.
    """
    if capacity is None:
        return [NO_LIMIT, 0, 0, 0, 0, 0, "", 0, 0]
    block = block_of(hold.client) if hold.client is not None else ""
    bounds = (capacity.everybody, capacity.visitor, capacity.network, capacity.block)
    offered = [micros(moment) for span in capacity.offered for moment in (span.start, span.end)]
    day = micros(capacity.day.start), micros(capacity.day.end)
    return [*day, *bounds, block, GAP // _MICROSECOND, len(offered), *offered]


def from_entry(entry: str) -> tuple[Interval, datetime]:
    """Parse an entry of a clinician's index: the hold's interval, and when it expires."""
    start, end, expires_at = map(_moment, entry.split(" "))
    return Interval(start=start, end=end), expires_at


def to_fields(hold: Hold) -> dict[str, str]:
    """The fields of a hold's hash."""
    slot = hold.slot
    return {
        "id": hold.id,
        "owner": hold.owner,
        "taken_by": hold.taken_by,
        "clinician_id": slot.clinician_id,
        "visit_type_id": slot.visit_type_id,
        "contact_type": slot.contact_type.value,
        "location_id": slot.location_id or "",
        "starts_at": micros(slot.start),
        "ends_at": micros(slot.end),
        "minutes": str(slot.minutes),
        "time_zone": hold.time_zone,
        "created_at": micros(hold.created_at),
        "expires_at": micros(hold.expires_at),
        "extensions": str(hold.extensions),
        "client": hold.client or "",
    }


def from_fields(fields: Mapping[str, Any]) -> Hold:
    """The hold with these fields. Raises UpstreamUnavailable for values that only a newer version knows."""
    return Hold(
        id=fields["id"],
        owner=fields["owner"],
        taken_by=fields.get("taken_by") or fields["owner"],  # as an earlier version wrote it
        slot=Slot(
            clinician_id=fields["clinician_id"],
            visit_type_id=fields["visit_type_id"],
            contact_type=known_here(ContactType, fields["contact_type"], where="hold store"),
            location_id=fields["location_id"] or None,
            start=_moment(fields["starts_at"]),
            minutes=int(fields["minutes"]),
        ),
        time_zone=fields["time_zone"],
        created_at=_moment(fields["created_at"]),
        expires_at=_moment(fields["expires_at"]),
        extensions=int(fields["extensions"]),
        client=fields.get("client") or None,
    )
