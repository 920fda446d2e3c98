"""What the practice's policy lets a patient do with an appointment: cancel it, move it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from integrations.healthie_emulator.scheduling.records import Appointment, AppointmentSetting
from integrations.healthie_emulator.scheduling.settings import settings_for
from integrations.healthie_emulator.state import Request, World

# An appointment with one of these is active no more (Healthie's guide on appointments).
INACTIVE_STATUSES = frozenset({"Cancelled", "Re-Scheduled", "No-Show"})

TOO_LATE_TO_CANCEL = "It is too late to cancel this appointment"
TOO_LATE_TO_MOVE = "It is too late to reschedule this appointment"
REASON_MISSING = "Cancellation reason can't be blank"


def policy_of(world: World, appointment: Appointment) -> AppointmentSetting:
    """Return the policy that an appointment is under: its type's own, else the practice's."""
    return settings_for(world, world.appointment_types.get(appointment.appointment_type_id))


def is_active(appointment: Appointment) -> bool:
    """Return whether an appointment stands: neither deleted, cancelled, moved away nor missed."""
    return appointment.deleted_at is None and appointment.pm_status not in INACTIVE_STATUSES


def end_of(appointment: Appointment) -> datetime:
    """Return when an appointment ends."""
    return appointment.starts_at + timedelta(minutes=appointment.length)


def may_cancel(world: World, appointment: Appointment) -> bool:
    """Return whether a patient may cancel: allowed at all, not done already, and early enough."""
    settings = policy_of(world, appointment)
    return (
        settings.allow_clients_to_cancel_appt
        and appointment.pm_status is None
        and appointment.deleted_at is None
        and _minutes_left(world, appointment) >= settings.minimum_advance_cancel_time
    )


def may_move(world: World, appointment: Appointment) -> bool:
    """Return whether a patient may move an appointment: allowed, early enough, and not too often before.

    A past one only if the policy says so, and not with a status that it excludes.
    """
    settings = policy_of(world, appointment)
    if not settings.allow_clients_to_reschedule_appt or appointment.deleted_at is not None:
        return False
    cap = settings.patient_reschedule_count_cap or ""
    if cap.isdecimal() and appointment.patient_reschedule_count >= int(cap):
        return False
    if _minutes_left(world, appointment) >= settings.minimum_advance_reschedule_time:
        return appointment.pm_status is None
    return (
        settings.allow_past_appointment_rescheduling
        and appointment.starts_at < world.clock.now()
        and appointment.pm_status not in settings.disallowed_reschedulable_statuses
    )


def _minutes_left(world: World, appointment: Appointment) -> float:
    return (appointment.starts_at - world.clock.now()).total_seconds() / 60


def _fee(name: str) -> Callable[..., Any]:
    def read(each: Appointment, request: Request, _args: dict[str, Any]) -> int | None:
        own: int | None = getattr(each, name)
        general: int | None = getattr(policy_of(request.world, each), name)
        return general if own is None else own

    return read


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Appointment.can_client_cancel": lambda each, request, _: may_cancel(request.world, each),
    "Appointment.can_client_reschedule": lambda each, request, _: may_move(request.world, each),
    "Appointment.can_be_rescheduled": lambda each, request, _: may_move(request.world, each),
    "Appointment.minimum_advance_cancel_time": lambda each, request, _: (
        policy_of(request.world, each).minimum_advance_cancel_time
    ),
    "Appointment.minimum_advance_reschedule_time": lambda each, request, _: (
        policy_of(request.world, each).minimum_advance_reschedule_time
    ),
    "Appointment.late_cancellation_fee": _fee("late_cancellation_fee"),
    "Appointment.no_show_fee": _fee("no_show_fee"),
}
