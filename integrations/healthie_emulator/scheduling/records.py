"""Records of scheduling besides appointments: seats of group visits, series, requests, reasons to cancel."""

import dataclasses
from datetime import datetime
from typing import Any

from integrations.healthie_emulator.records import Record

OPEN, CLOSED = "OPEN", "CLOSED"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seat(Record):
    """A patient's place in a group appointment: Healthie's AppointmentInclusion."""

    appointment_id: str
    user_id: str
    external_uuid: str  # whoever has it may change the seat
    waiting: bool = False  # on the waitlist, without a place yet
    attended: bool = False
    confirmed: bool = False
    cancelled: bool = False
    cancelled_at: datetime | None = None
    cancelled_by_id: str | None = None
    cancellation_reason: str | None = None
    other_cancellation_reason: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Series(Record):
    """A pattern that appointments follow: Healthie's RecurringAppointment."""

    repeat_interval: str
    repeat_times: int  # how many appointments, the first included
    join_all: bool = False
    previous_id: str | None = None  # the series that this one was split from
    rest_is_to_come: bool = False  # the appointments after the first are made in the background


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wish:
    """A span of time that suits whoever asks for an appointment."""

    id: str
    slot_start: datetime
    slot_end: datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class AppointmentRequest(Record):
    """A wish for an appointment that staff answer by booking one."""

    first_name: str
    last_name: str
    email: str
    phone: str
    timezone: str
    reason: str
    patient_id: str | None = None
    provider_id: str | None = None
    appointment_type_id: str | None = None
    appointment_location_id: str | None = None
    selected_contact_type: str | None = None
    selected_state: str | None = None
    booking_params: Any = None
    slots: tuple[Wish, ...] = ()
    current_status: str = OPEN
    closed_at: datetime | None = None
    closed_by_id: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class CancellationReason(Record):
    """One of the reasons that the practice lets people choose from."""

    label: str
    reason_type: str  # client, provider or organization
