"""Samples of the waitlist."""

from datetime import timedelta

from booking.slots import Slot
from booking.waitlist.model import Wish


def a_wish_for(slot: Slot, **changes: object) -> Wish:
    """A wish that the slot fits, with any clinician."""
    values: dict[str, object] = {
        "visit_type_id": slot.visit_type_id,
        "contact_type": slot.contact_type,
        "location_id": slot.location_id,
        "clinician_ids": None,
        "state": None,
        "weekdays": (),
        "hours": (),
        "time_zone": "UTC",
        "notice": timedelta(),
        "until": slot.day + timedelta(days=5),
    }
    return Wish(**(values | changes))  # type: ignore[arg-type]  # names as in Wish
