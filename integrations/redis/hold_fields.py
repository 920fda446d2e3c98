"""Holds as Redis keeps them: names and texts, moments in microseconds; and what its scripts are told."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from booking.catalog.model import ContactType
from booking.models import Hold
from booking.principals import block_of
from booking.scheduling.day_capacity import GAP, DayCapacity
from booking.slots import Interval, Slot
from booking.stored_names import known_here

# What a script is told where there is no bound.
NO_LIMIT = -1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> str:
    """A moment as Redis keeps it: whole microseconds since 1970."""
    return str((moment - _EPOCH) // _MICROSECOND)


def _moment(text: str) -> datetime:
    return _EPOCH + int(text) * _MICROSECOND


def capacity_arguments(capacity: DayCapacity | None, hold: Hold) -> list[str | int]:
    """What acquire.lua is told of the room that there is, in its order.

    The day, the bounds in minutes, the block of the network, the least gap; the offered time, after its length.
    """
    if capacity is None:
        return [NO_LIMIT, 0, 0, 0, 0, 0, "", 0, 0]
    block = block_of(hold.client) if hold.client is not None else ""
    bounds = (capacity.everybody, capacity.visitor, capacity.network, capacity.block)
    offered = [micros(moment) for span in capacity.offered for moment in (span.start, span.end)]
    day = micros(capacity.day.start), micros(capacity.day.end)
    return [*day, *bounds, block, GAP // _MICROSECOND, len(offered), *offered]


def from_entry(entry: str) -> tuple[Interval, datetime]:
    """The interval of a hold and its end, as the index of a clinician has them."""
    start, end, expires_at = map(_moment, entry.split(" "))
    return Interval(start=start, end=end), expires_at


def to_fields(hold: Hold) -> dict[str, str]:
    """The hash of a hold."""
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
    """The hold of a hash. Raises UpstreamUnavailable for a newer version's."""
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
