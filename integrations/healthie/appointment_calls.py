"""Books, finds and deletes appointments, for a checkout and for a requested change alike: sent, and read back."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.models import Appointment
from booking.refusals import SlotTaken
from booking.slots import Slot
from integrations.healthie.answers import every, refusal
from integrations.healthie.contact_types import healthie_name
from integrations.healthie.errors import Refused
from integrations.healthie.generated.book import BookCreateAppointment
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import Visit
from integrations.healthie.permissions import PERMISSION_OF
from integrations.healthie.readback import READ_BACKS, Comparison
from integrations.healthie.visits import appointment_of
from integrations.upstream.errors import UnreadableAnswer, changing, reading, reading_back

log = structlog.get_logger(__name__)

# Healthie's messages for a time that is gone. Any message that is neither here nor in _INVALID leaves the outcome unknown.
_TAKEN = re.compile(
    r"not available|no longer available|unavailable|no availability|outside of (the )?(provider's )?availability"
    r"|already (been )?(booked|taken)",
    re.IGNORECASE,
)

# Healthie's messages for an invalid request: nothing was booked, and a retry would not help.
_INVALID = re.compile(
    r"can't be blank|not found|is not offered|is not included in the list|is invalid", re.IGNORECASE
)

# Appointments are searched a day around their time, because Healthie interprets dates in the time zone of the key's owner.
LOOK_AROUND = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Booking:
    """A visit to book: what is sent, and what is compared."""

    patient_id: str
    slot: Slot
    time_zone: str  # IANA, the patient's
    reference: Mapping[str, str]  # the appointment's metadata; no patient data


async def book_visit(client: Client, comparison: Comparison, wanted: Booking) -> Appointment:
    """Create the appointment with availability enforced, and read it back in a separate request.

    Raises SlotTaken, UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
    """
    slot = wanted.slot
    with changing():
        try:
            payload = (
                await client.book(
                    user_id=wanted.patient_id,
                    other_party_id=slot.clinician_id,
                    appointment_type_id=slot.visit_type_id,
                    contact_type=healthie_name(slot.contact_type),
                    appointment_location_id=slot.location_id,
                    datetime=local_time(slot.start, wanted.time_zone),
                    timezone=wanted.time_zone,
                    metadata=json.dumps(dict(wanted.reference)),
                )
            ).create_appointment
        except UnreadableAnswer as answer:
            if answer.record_id is None:
                raise
            made_id: str | None = answer.record_id
        else:
            made_id = _made(payload)
        visit = await _read_back(client, made_id, include_deleted=False) if made_id else None
        appointment = appointment_of(visit) if visit else None
        await comparison.check("Book", **_agreement(appointment, wanted))
    if appointment is None:
        raise AssertionError("a visit that was compared is there")
    return appointment


async def visits_around(client: Client, patient_id: str, slot: Slot) -> list[Visit]:
    """The patient's appointments a day around the slot that are not deleted, in any status. Raises CallError."""
    visits = await every(
        lambda after: client.visits_between(
            user_id=patient_id,
            start_date=slot.start - LOOK_AROUND,
            end_date=slot.end + LOOK_AROUND,
            after=after,
        ),
        lambda answer: answer.appointments,
    )
    return [visit for visit in visits if visit.deleted_at is None]


async def delete_visit(client: Client, comparison: Comparison, appointment_id: str, *, row_id: str) -> None:
    """Delete an appointment and read back that it is gone. Idempotent. `row_id` is for the log.

    Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
    """
    with reading():
        before = (await client.visit_by_id(id=appointment_id, include_deleted=True)).appointment
    if before is None:
        raise not_visible("DeleteVisit", row_id)
    if _is_gone(before):
        return
    payload = None
    # An undecodable response does no harm: the read-back shows the outcome in any case.
    with changing(), suppress(UnreadableAnswer):
        payload = (await client.delete_visit(id=appointment_id)).delete_appointment
    refused = refusal("DeleteVisit", payload.messages) if payload else None
    gone = _is_gone(await _read_back(client, appointment_id, include_deleted=True))
    if refused is not None and not gone:
        raise UpstreamRefused("DeleteVisit", "refused")
    with changing():
        await comparison.check("DeleteVisit", gone=gone)


def not_visible(operation: str, row_id: str) -> UpstreamRefused:
    """The refusal of a change of a visit that the key is not shown.

    A deleted visit is shown on request; one that is not shown may stand on a calendar that the key does not see.
    """
    permission = PERMISSION_OF["VisitById"]
    log.error("healthie.visit_not_visible", row=row_id, permission=permission)
    return UpstreamRefused(operation, "not_visible", permission=permission)


def certain_error(operation: str, refused: Refused) -> Exception:
    """The error of a refusal that changed nothing, if every message is a known one; otherwise OutcomeUnknown."""
    taken = [bool(_TAKEN.search(each)) for each in refused.messages]
    familiar = [gone or _INVALID.search(each) for gone, each in zip(taken, refused.messages, strict=True)]
    if not all(familiar):
        return OutcomeUnknown(f"{operation}: no proof")
    return SlotTaken() if any(taken) else UpstreamRefused(operation, "invalid")


def local_time(moment: datetime, time_zone: str) -> str:
    """A time as it is sent: unambiguous with its offset; if Healthie ignored that, still the local time in the zone."""
    return moment.astimezone(ZoneInfo(time_zone)).isoformat(timespec="seconds")


def _made(payload: BookCreateAppointment | None) -> str | None:
    """The id of the booked appointment, if any. Raises SlotTaken, UpstreamRefused or OutcomeUnknown for a refusal."""
    made = payload.appointment if payload else None
    refused = refusal("Book", payload.messages) if payload else None
    if refused is None:
        return made.id if made else None
    if made is not None:
        raise OutcomeUnknown("Book: no proof")
    raise certain_error("Book", refused)


def _agreement(appointment: Appointment | None, wanted: Booking) -> dict[str, bool]:
    """For each part of a visit, whether it matches the request. The caller compares the provider."""
    if appointment is None:
        return dict.fromkeys(READ_BACKS["Book"].compared, False)
    slot = wanted.slot
    return {
        "time": appointment.start == slot.start,
        "visit_type": appointment.visit_type_id == slot.visit_type_id,
        "patient": appointment.patient_id == wanted.patient_id,
        # An unknown string of Healthie's may mean the same contact type.
        "contact_type": appointment.contact_type in (None, slot.contact_type),
        "location": slot.location_id is None or appointment.location_id == slot.location_id,
    }


def _is_gone(visit: Visit | None) -> bool:
    return visit is None or visit.deleted_at is not None


async def _read_back(client: Client, appointment_id: str, *, include_deleted: bool) -> Visit | None:
    """The visit after a mutation. Any failure is OutcomeUnknown, because the mutation was sent."""
    with reading_back():
        return (await client.visit_by_id(id=appointment_id, include_deleted=include_deleted)).appointment
