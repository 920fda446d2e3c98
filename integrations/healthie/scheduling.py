"""HealthieScheduling: appointments, booked only with the treating clinician's own key."""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog

from booking.checkout.model import Checkout
from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.models import Appointment
from booking.refusals import SlotTaken
from integrations.healthie.acting import ClinicianClient, StaffClient
from integrations.healthie.answers import every, refusal
from integrations.healthie.contact_types import healthie_name
from integrations.healthie.generated.book import BookCreateAppointment
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import Visit
from integrations.healthie.permissions import PERMISSION_OF
from integrations.healthie.readback import READ_BACKS, Comparison
from integrations.healthie.visits import REFERENCE, appointment_of
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


class HealthieScheduling:
    """The port Scheduling. It cannot book with the organisation's key: `clinician` returns clients of clinicians only."""

    def __init__(self, *, clinician: ClinicianClient, staff: StaffClient, comparison: Comparison) -> None:
        self._clinician = clinician
        self._comparison = comparison
        self._staff = staff

    async def book(self, checkout: Checkout) -> Appointment:
        """Create the appointment with availability enforced, and read it back in a separate request.

        Raises SlotTaken, ClinicianNotBookable, UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        if checkout.patient_id is None:
            raise ValueError("a booking needs a patient")
        slot = checkout.slot
        client = await self._clinician(slot.clinician_id)
        with changing():
            try:
                payload = (
                    await client.book(
                        user_id=checkout.patient_id,
                        other_party_id=slot.clinician_id,
                        appointment_type_id=slot.visit_type_id,
                        contact_type=healthie_name(slot.contact_type),
                        appointment_location_id=slot.location_id,
                        # Unambiguous with its offset; if Healthie ignored that, it is still the local time in `timezone`.
                        datetime=slot.start.astimezone(ZoneInfo(checkout.time_zone)).isoformat(
                            timespec="seconds"
                        ),
                        timezone=checkout.time_zone,
                        metadata=json.dumps({REFERENCE: checkout.id}),
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
            await self._comparison.check("Book", **_agreement(appointment, checkout))
        if appointment is None:
            raise AssertionError("a visit that was compared is there")
        return appointment

    async def find(self, checkout: Checkout) -> Appointment | None:
        """The appointment whose metadata names this checkout, or None. Raises UpstreamUnavailable."""
        mine = await self.find_all(checkout)
        if len(mine) > 1:
            log.error("healthie.several_appointments_found", checkout=checkout.id, count=len(mine))
        return mine[0] if mine else None

    async def find_all(self, checkout: Checkout) -> Sequence[Appointment]:
        """Every appointment that is not deleted and whose metadata names this checkout. Raises UpstreamUnavailable."""
        patient_id = checkout.patient_id
        if patient_id is None:
            return ()
        client = await self._staff(checkout.slot.clinician_id)
        with reading():
            visits = await every(
                lambda after: client.visits_between(
                    user_id=patient_id,
                    start_date=checkout.slot.start - LOOK_AROUND,
                    end_date=checkout.slot.end + LOOK_AROUND,
                    after=after,
                ),
                lambda answer: answer.appointments,
            )
        return [
            each
            for visit in visits
            if visit.deleted_at is None
            and (each := appointment_of(visit)) is not None
            and each.checkout_id == checkout.id
        ]

    async def delete(self, checkout: Checkout) -> None:
        """Delete the checkout's appointment and read back that it is gone. Idempotent.

        Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        if checkout.appointment_id is None:
            raise ValueError("nothing was booked")
        client = await self._staff(checkout.slot.clinician_id)
        with reading():
            before = (await client.visit_by_id(id=checkout.appointment_id, include_deleted=True)).appointment
        if before is None:
            # A deleted visit is shown on request; one that is not shown may stand on a calendar that the key does not see.
            permission = PERMISSION_OF["VisitById"]
            log.error("healthie.visit_not_visible", checkout=checkout.id, permission=permission)
            raise UpstreamRefused("DeleteVisit", "not_visible", permission=permission)
        if _is_gone(before):
            return
        payload = None
        # An undecodable response does no harm: the read-back shows the outcome in any case.
        with changing(), suppress(UnreadableAnswer):
            payload = (await client.delete_visit(id=checkout.appointment_id)).delete_appointment
        refused = refusal("DeleteVisit", payload.messages) if payload else None
        gone = _is_gone(await _read_back(client, checkout.appointment_id, include_deleted=True))
        if refused is not None and not gone:
            raise UpstreamRefused("DeleteVisit", "refused")
        with changing():
            await self._comparison.check("DeleteVisit", gone=gone)


def _made(payload: BookCreateAppointment | None) -> str | None:
    """The id of the booked appointment, if any. Raises SlotTaken, UpstreamRefused or OutcomeUnknown for a refusal."""
    made = payload.appointment if payload else None
    refused = refusal("Book", payload.messages) if payload else None
    if refused is None:
        return made.id if made else None
    taken = [bool(_TAKEN.search(each)) for each in refused.messages]
    familiar = [gone or _INVALID.search(each) for gone, each in zip(taken, refused.messages, strict=True)]
    if made is not None or not all(familiar):
        raise OutcomeUnknown("Book: no proof")
    if any(taken):
        raise SlotTaken
    raise UpstreamRefused("Book", "invalid")


def _agreement(appointment: Appointment | None, checkout: Checkout) -> dict[str, bool]:
    """For each part of a visit, whether it matches the request. The caller compares the provider."""
    if appointment is None:
        return dict.fromkeys(READ_BACKS["Book"].compared, False)
    slot = checkout.slot
    return {
        "time": appointment.start == slot.start,
        "visit_type": appointment.visit_type_id == slot.visit_type_id,
        "patient": appointment.patient_id == checkout.patient_id,
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
