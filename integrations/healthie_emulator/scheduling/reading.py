"""What inputs say of a visit, read and found possible: shared by bookings and changes, of staff and of patients."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from graphql import GraphQLError

from integrations.healthie_emulator import dates, hours
from integrations.healthie_emulator.amounts import PRACTICE_CURRENCY, to_minor
from integrations.healthie_emulator.errors import Refusal, not_allowed
from integrations.healthie_emulator.people import patient, provider
from integrations.healthie_emulator.scheduling import policy, series
from integrations.healthie_emulator.scheduling.records import Appointment, AppointmentType
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.visit_types import IN_PERSON

Payload = dict[str, Any]


PLAIN_FIELDS = (
    "confirmed",
    "contact_type",
    "external_videochat_url",
    "is_zoom_chat",
    "location",
    "max_attendees",
    "metadata",
    "notes",
    "other_cancellation_reason",
    "room_id",
)


def read_pattern(given: dict[str, Any]) -> series.Pattern | None:
    """Read how an appointment repeats; raise Refusal for what is no pattern."""
    pattern = series.read_pattern(given)
    if isinstance(pattern, str):
        raise Refusal("recurring_appointment", pattern)
    return pattern


def read_price(given: dict[str, Any]) -> int | None:
    """Read a price of the appointment's own (minor units), times `units`; None leaves it to the type."""
    if not given.get("price"):
        return None
    price, units = to_minor(given["price"], PRACTICE_CURRENCY), given.get("units") or "1"
    if price is None or not units.isdecimal():
        raise Refusal("price", "Price is not a number")
    return price * int(units)


def listed_ids(texts: Iterable[object] | None) -> list[str]:
    """Read ids: a list of them, or of texts with commas between them."""
    return [part.strip() for text in texts or () if text for part in str(text).split(",") if part.strip()]


def read_attendee_ids(request: Request, given: dict[str, Any]) -> list[str]:
    """Read `attendee_ids`; raise Refusal for one that is no patient."""
    ids = listed_ids(given.get("attendee_ids"))
    for each in ids:
        if patient(request, each) is None:
            raise Refusal("attendee_ids", "Client not found")
    return ids


def comma_terminated(world: World, text: str | None) -> tuple[str, ...]:
    """Read `101,102,`; a list that does not end in a comma is silently no list."""
    if not text or not text.endswith(","):
        return ()
    return tuple(i for i in (part.strip() for part in text.split(",")) if provider(world, i))


def read_start(request: Request, given: dict[str, Any]) -> datetime:
    """Read `datetime`, or `date` and `time`; without a `timezone` on the wall clock of the key's owner."""
    text = given.get("datetime") or " ".join(t for t in (given.get("date"), given.get("time")) if t)
    if not text:
        raise Refusal("datetime", "Date can't be blank")
    try:
        return dates.read(text, given.get("timezone") or request.zone)
    except GraphQLError as error:
        raise Refusal("datetime", error.message) from None


def read_place(world: World, given: dict[str, Any], kind: AppointmentType | None) -> str | None:
    """Read where a visit is; raise Refusal for one in person that has no place."""
    contact_type, place = given.get("contact_type"), given.get("appointment_location_id")
    if kind and contact_type and contact_type not in kind.available_contact_types:
        raise Refusal("contact_type", "Contact type is not offered for this appointment type")
    if place and world.appointment_locations.get(place) is None:
        raise Refusal("appointment_location_id", "Appointment location not found")
    if contact_type == IN_PERSON and not place:
        raise Refusal(
            "appointment_location_id", "Appointment location can't be blank for in-person appointments"
        )
    return place


def require_free(world: World, values: dict[str, Any], moved: Appointment | None) -> None:
    """Raise Refusal unless the clinician is free for what `values` say; `moved` makes room for itself."""
    wanted = hours.Wanted(
        kind=world.appointment_types.get(values["appointment_type_id"]),
        length=values["length"],
        contact_type=values.get("contact_type"),
        appointment_location_id=values["appointment_location_id"],
        moved_appointment_id=moved.id if moved else None,
    )
    if not hours.is_free(world, values["provider_id"], wanted, values["starts_at"]):
        raise Refusal("datetime", "This time is not available")


def read_reason(request: Request, reason_id: str | None, initiated_by: str | None) -> dict[str, Any]:
    """Read one of the practice's reasons to cancel; `initiated_by` must be of whom it is a reason."""
    if reason_id is None:
        return {}
    reason = request.world.cancellation_reasons.get(reason_id)
    if reason is None or initiated_by not in {None, "all", reason.reason_type}:
        raise Refusal("cancellation_reason", "Cancellation reason not found")
    return {"cancellation_reason_id": reason.id}


def keep_policy(request: Request, found: Appointment, changes: dict[str, Any]) -> None:
    """Raise Refusal for what the policy lets no patient do; for its notice, unless the switch says that Healthie's API does not look."""
    if changes.get("pm_status") not in {None, "Cancelled"}:
        raise not_allowed()
    own = policy.policy_of(request.world, found)
    reasons = ("cancellation_reason_id", "other_cancellation_reason")
    if "pm_status" in changes and own.client_cancel_reason_required and not any(map(changes.get, reasons)):
        raise Refusal("cancellation_reason", policy.REASON_MISSING)
    if not request.world.switches.notice_binds_patients:
        return
    if "pm_status" in changes and not policy.may_cancel(request.world, found):
        raise Refusal("pm_status", own.more.get("cant_cancel_message") or policy.TOO_LATE_TO_CANCEL)
    if "starts_at" in changes and not policy.may_move(request.world, found):
        raise Refusal("datetime", own.more.get("cant_reschedule_message") or policy.TOO_LATE_TO_MOVE)
