"""Conversion of holds to and from rows."""

from sqlalchemy import RowMapping

from booking.catalog.model import ContactType
from booking.models import Hold
from booking.slots import Slot
from booking.stored_names import known_here


def to_row(hold: Hold) -> dict[str, object]:
    """The columns of a hold."""
    slot = hold.slot
    return {
        "id": hold.id,
        "owner": hold.owner,
        "taken_by": hold.taken_by,
        "clinician_id": slot.clinician_id,
        "visit_type_id": slot.visit_type_id,
        "contact_type": slot.contact_type.value,
        "location_id": slot.location_id,
        "starts_at": slot.start,
        "ends_at": slot.end,
        "minutes": slot.minutes,
        "time_zone": hold.time_zone,
        "created_at": hold.created_at,
        "expires_at": hold.expires_at,
        "extensions": hold.extensions,
        "client": hold.client,
    }


def from_row(row: RowMapping) -> Hold:
    """The hold in this row. Raises UpstreamUnavailable for values that only a newer version knows."""
    return Hold(
        id=row["id"],
        owner=row["owner"],
        taken_by=row["taken_by"] or row["owner"],
        slot=Slot(
            clinician_id=row["clinician_id"],
            visit_type_id=row["visit_type_id"],
            contact_type=known_here(ContactType, row["contact_type"], where="hold store"),
            location_id=row["location_id"],
            start=row["starts_at"],
            minutes=row["minutes"],
        ),
        time_zone=row["time_zone"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        extensions=row["extensions"],
        client=row["client"],
    )
