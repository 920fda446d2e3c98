"""HealthieVisitChanges: cancels and moves booked visits, and books and deletes what a move to another clinician needs.

Staff keys are bound by none of the practice's rules for patients (Healthie's guide on appointments), so the domain decides what is
allowed before anything is asked here. `deleteAppointment` would remove a visit from the patient's history: a cancellation sets a
status instead.
"""

from contextlib import suppress

import structlog

from booking.changes.model import ActionKind, RequestedChange
from booking.changes.ports import CHANGED_BY_PRACTICE, NOT_SINGLE
from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.models import Appointment, AppointmentStatus
from booking.refusals import SlotTaken
from booking.slots import Slot
from integrations.healthie.acting import ClinicianClient, StaffClient
from integrations.healthie.answers import refusal
from integrations.healthie.appointment_calls import (
    Booking,
    book_visit,
    certain_error,
    delete_visit,
    local_time,
    not_visible,
    visits_around,
)
from integrations.healthie.booked_visits import rules_for
from integrations.healthie.contact_types import healthie_name
from integrations.healthie.errors import Refused
from integrations.healthie.generated.base_model import UNSET
from integrations.healthie.generated.booked_visit import BookedVisitAppointment
from integrations.healthie.generated.client import Client
from integrations.healthie.readback import READ_BACKS, Comparison
from integrations.healthie.visit_rules import is_single
from integrations.healthie.visits import CHANGE_REFERENCE, appointment_of, reference_of
from integrations.upstream.errors import UnreadableAnswer, changing, reading, reading_back

log = structlog.get_logger(__name__)

CANCELLED = "Cancelled"
LATE = "Late Cancellation"  # makes Healthie charge the fee, where its settings say so

_CANCEL, _MOVE = "CancelVisit", "MoveVisit"


class HealthieVisitChanges:
    """The port VisitChanges. A visit is moved and booked with its clinician's own key only."""

    def __init__(self, *, clinician: ClinicianClient, staff: StaffClient, comparison: Comparison) -> None:
        self._clinician = clinician
        self._comparison = comparison
        self._staff = staff

    async def cancel(self, change: RequestedChange) -> None:
        """Set the visit's status to cancelled, with the patient's reason, and read it back. Idempotent.

        The status of a late one, which makes Healthie charge, is set only if the change is `late`, its action has that fee as its
        amount, and Healthie would charge just that now. Refuses a visit that is not as in `change.slot` ("changed_by_practice"), or a group's or one of a series
        ("not_single").
        Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        client = await self._staff(change.visit_slot.clinician_id)
        with reading():
            visit = (await client.booked_visit(id=change.visit_id)).appointment
        appointment = appointment_of(visit) if visit else None
        if visit is None or appointment is None:
            raise not_visible(_CANCEL, change.id)
        if visit.deleted_at is not None or appointment.status is AppointmentStatus.CANCELLED:
            return
        _require_as_accepted(_CANCEL, change, visit, appointment)
        charges = await _charges_as_accepted(client, change, visit)
        await self._cancel(client, change, LATE if charges else CANCELLED)

    async def _cancel(self, client: Client, change: RequestedChange, status: str) -> None:
        reasoned = bool(change.reason or change.reason_id)
        payload = None
        # An undecodable response does no harm: the read-back shows the outcome in any case.
        with changing(), suppress(UnreadableAnswer):
            payload = (
                await client.cancel_visit(
                    id=change.visit_id,
                    pm_status=status,
                    cancellation_reason_id=change.reason_id or UNSET,
                    cancellation_initiated_by="client" if reasoned and not change.by_staff else UNSET,
                    other_cancellation_reason=change.reason or UNSET,
                )
            ).update_appointment
        refused = refusal(_CANCEL, payload.messages) if payload else None
        after = await _read_back(client, change.visit_id)
        done = after is not None and (after.pm_status or "").casefold() == status.casefold()
        if refused is not None and not done:
            raise _refusal_of(_CANCEL, refused)
        with changing():
            await self._comparison.check(_CANCEL, status=done)

    async def move(self, change: RequestedChange) -> None:
        """Move the visit to `new_slot`, with availability enforced, and read it back. Idempotent.

        Raises SlotTaken when the time is certainly gone and the visit stands where it was; else as `cancel`, and
        ClinicianNotBookable without a proved key.
        """
        new = _new_slot(change)
        if new.clinician_id != change.visit_slot.clinician_id:
            raise ValueError("a visit is moved within its clinician's time")
        client = await self._clinician(new.clinician_id)
        with reading():
            visit = (await client.booked_visit(id=change.visit_id)).appointment
        appointment = appointment_of(visit) if visit else None
        if visit is None or appointment is None:
            raise not_visible(_MOVE, change.id)
        standing = visit.deleted_at is None and appointment.status is AppointmentStatus.BOOKED
        if standing and all(_agreement(appointment, new).values()):
            return
        _require_as_accepted(_MOVE, change, visit, appointment)
        await self._move(client, change, new, appointment)

    async def _move(self, client: Client, change: RequestedChange, new: Slot, before: Appointment) -> None:
        other_type = before.contact_type not in (None, new.contact_type)
        other_place = new.location_id is not None and new.location_id != before.location_id
        payload = None
        with changing(), suppress(UnreadableAnswer):
            payload = (
                await client.move_visit(
                    id=change.visit_id,
                    datetime=local_time(new.start, change.time_zone),
                    timezone=change.time_zone,
                    contact_type=healthie_name(new.contact_type) if other_type else UNSET,
                    appointment_location_id=new.location_id if other_place else UNSET,
                )
            ).update_appointment
        refused = refusal(_MOVE, payload.messages) if payload else None
        visit = await _read_back(client, change.visit_id)
        after = appointment_of(visit) if visit else None
        agreement = _agreement(after, new)
        if refused is not None and not all(agreement.values()):
            error = certain_error(_MOVE, refused)
            stays = after is not None and _is_at(after, change.visit_slot)
            raise error if stays else OutcomeUnknown(f"{_MOVE}: no proof")
        with changing():
            await self._comparison.check(_MOVE, **agreement)

    async def book(self, change: RequestedChange) -> Appointment:
        """Book a new visit in `new_slot` whose metadata names the change, and read it back. Raises as Scheduling.book."""
        wanted = Booking(
            patient_id=change.patient_id,
            slot=_new_slot(change),
            time_zone=change.time_zone,
            reference={CHANGE_REFERENCE: change.id},
        )
        client = await self._clinician(wanted.slot.clinician_id)
        return await book_visit(client, self._comparison, wanted)

    async def find_booked(self, change: RequestedChange) -> Appointment | None:
        """The visit whose metadata names the change; None when there is none. Raises UpstreamUnavailable."""
        slot = _new_slot(change)
        client = await self._staff(slot.clinician_id)
        with reading():
            visits = await visits_around(client, change.patient_id, slot)
        named = (each for each in visits if reference_of(each.metadata, name=CHANGE_REFERENCE) == change.id)
        mine = [visit for each in named if (visit := appointment_of(each)) is not None]
        if len(mine) > 1:
            log.error("healthie.several_appointments_found", row=change.id, count=len(mine))
        return mine[0] if mine else None

    async def delete_booked(self, change: RequestedChange) -> None:
        """Delete the visit that `book` made, and read back that it is gone. Idempotent.

        Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        made = change.new_appointment_id
        if made is None:
            found = await self.find_booked(change)
            made = found.id if found else None
        if made is None:
            return
        if made == change.visit_id:
            raise ValueError("the visit that was there before is cancelled, never deleted")
        client = await self._staff(_new_slot(change).clinician_id)
        await delete_visit(client, self._comparison, made, row_id=change.id)


def _new_slot(change: RequestedChange) -> Slot:
    if change.new_slot is None:
        raise ValueError("only a reschedule has a new slot")
    return change.new_slot


def _require_as_accepted(
    operation: str, change: RequestedChange, visit: BookedVisitAppointment, appointment: Appointment
) -> None:
    """Raise UpstreamRefused unless the visit is the patient's own single one, and stands as it did when the change was accepted."""
    if not is_single(visit):
        raise UpstreamRefused(operation, NOT_SINGLE)
    if appointment.patient_id != change.patient_id:
        raise UpstreamRefused(operation, "not_theirs")
    standing = visit.deleted_at is None and appointment.status is AppointmentStatus.BOOKED
    if not standing or not _is_at(appointment, change.visit_slot):
        raise UpstreamRefused(operation, CHANGED_BY_PRACTICE)


def _is_at(appointment: Appointment, slot: Slot) -> bool:
    return appointment.start == slot.start and appointment.clinician_id == slot.clinician_id


async def _charges_as_accepted(
    client: Client, change: RequestedChange, visit: BookedVisitAppointment
) -> bool:
    """Whether the status of a late cancellation makes Healthie charge just the fee that was accepted for it."""
    action = change.action(ActionKind.CANCEL_VISIT)
    if not change.late or action is None or action.amount is None:
        return False
    with reading():
        rules = await rules_for(client, visit)
    if rules.practice_charges_late_fee and rules.late_cancellation_fee == action.amount:
        return True
    log.warning("healthie.late_fee_not_charged", row=change.id)
    return False


def _agreement(appointment: Appointment | None, new: Slot) -> dict[str, bool]:
    """For each part of a move, whether the visit is there."""
    if appointment is None:
        return dict.fromkeys(READ_BACKS[_MOVE].compared, False)
    return {
        "time": appointment.start == new.start,
        "clinician": appointment.clinician_id == new.clinician_id,
        # An unknown string of Healthie's may mean the same contact type.
        "contact_type": appointment.contact_type in (None, new.contact_type),
        "location": new.location_id is None or appointment.location_id == new.location_id,
    }


def _refusal_of(operation: str, refused: Refused) -> Exception:
    """The error of a refusal that changed nothing; that a time is taken is no refusal of a cancellation."""
    error = certain_error(operation, refused)
    return OutcomeUnknown(f"{operation}: no proof") if isinstance(error, SlotTaken) else error


async def _read_back(client: Client, appointment_id: str) -> BookedVisitAppointment | None:
    """The visit after a mutation. Any failure is OutcomeUnknown, because the mutation was sent."""
    with reading_back():
        return (await client.booked_visit(id=appointment_id)).appointment
