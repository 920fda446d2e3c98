"""Records of scheduling: visit types and their policy, working hours, appointments, seats, series, requests, reasons to cancel.

Like those in the package's records.py: attributes have the names of Healthie's fields, times are aware and in UTC.
"""

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime, time
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class AppointmentType(Record):
    """A kind of visit."""

    name: str
    length: int  # minutes
    available_contact_types: tuple[str, ...]
    clients_can_book: bool = True
    client_display_description: str | None = None
    price: int | None = None  # minor units; set: booking one raises an invoice
    provider_ids: tuple[str, ...] = ()  # only these clinicians offer it; empty: everyone
    deleted_at: datetime | None = None
    position: int = 0
    minimum_advance_schedule_time: int | None = None  # minutes; set: the type has settings of its own
    own_settings: Mapping[str, Any] | None = None  # what the type changes of the practice's policy
    is_group: bool = False
    is_waitlist_enabled: bool = False
    require_cc_at_booking: bool = False
    client_facing_display_name: str | None = None
    user_group_id: str | None = None  # where patients are put after booking
    metadata: str | None = None
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # fields that nothing here acts upon


@dataclasses.dataclass(frozen=True, kw_only=True)
class AppointmentLocation(Record):
    """A place for visits in person."""

    location: str
    provider_ids: tuple[str, ...]
    clients_can_book: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class AppointmentSetting(Record):
    """The practice's policy. Times are minutes, fees minor units (cents)."""

    base_calendar_interval: str = "FIFTEEN_MINUTES"
    minimum_advance_schedule_time: int = 0
    minimum_advance_cancel_time: int = 0
    minimum_advance_reschedule_time: int = 0
    max_days_in_future: int | None = None
    late_cancellation_fee: int | None = None
    no_show_fee: int | None = None
    enable_late_cancellation_status: bool = False
    enable_checked_in_status: bool = False
    allow_clients_to_cancel_appt: bool = True
    allow_clients_to_reschedule_appt: bool = True
    allow_past_appointment_rescheduling: bool = False
    disallowed_reschedulable_statuses: tuple[str, ...] = ()
    patient_reschedule_count_cap: str | None = None
    client_cancel_reason_required: bool = False
    prevent_client_booking: bool = False
    same_day_appointments: bool = False  # true: clients do not book for the same day
    buffer: str = "0"  # minutes between appointments
    booking_interval_restriction: int | None = None  # minutes between the starts that clients are offered
    enable_appointment_requests: bool = True
    auto_invoicing: bool = True  # booking a priced type raises an invoice
    confirm_by_default: bool = False
    default_to_zoom: bool = False  # every video call is by Zoom; inferred from the name
    user_id: str | None = None  # whose policy it is; None: the practice's
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # fields that nothing here acts upon
    use_client_credit_system: bool = True
    prevent_no_credit_booking: bool = False  # for patients who book themselves
    restore_credit_on_cancel: bool = False
    auto_schedule_charges_for_late_cancellation_no_show: bool = False
    charge_for_occurred_appts: bool = False
    invoice_clients_without_payment_method: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeeklyHours(Record):
    """A clinician's standing working hours on one weekday, on the wall clock of `timezone`."""

    user_id: str
    weekday: int  # 0 is Monday
    start: time
    end: time
    timezone: str
    contact_types: tuple[str, ...] = ()  # empty: all
    appointment_location_id: str | None = None  # for visits in person
    appointment_type_ids: tuple[str, ...] = ()  # empty: all
    first_day: date | None = None  # the hours begin then
    last_day: date | None = None  # and end after this day


@dataclasses.dataclass(frozen=True, kw_only=True)
class Opening(Record):
    """Working hours on one occasion, besides the weekly ones."""

    user_id: str
    range_start: datetime
    range_end: datetime
    contact_types: tuple[str, ...] = ()
    appointment_location_id: str | None = None
    appointment_type_ids: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Appointment(Record):
    """A visit, or a blocker (no patient)."""

    provider_id: str
    user_id: str | None
    appointment_type_id: str | None
    starts_at: datetime
    length: int  # minutes
    contact_type: str | None = None
    provider_ids: tuple[str, ...] = ()  # secondary clinicians
    other_party_id: str | None = None
    initiator_id: str | None = None
    last_updated_by_id: str | None = None
    appointment_location_id: str | None = None
    location: str | None = None
    metadata: Any = None
    notes: str | None = None
    pm_status: str | None = None
    pm_status_changed_at: datetime | None = None
    pm_status_last_changed_by_id: str | None = None
    deleted_at: datetime | None = None
    other_cancellation_reason: str | None = None
    confirmed: bool = False
    is_blocker: bool = False
    client_updating: bool = False
    credit_was_used: bool = False
    requested_payment_id: str | None = None
    external_videochat_url: str | None = None
    is_zoom_chat: bool = False
    max_attendees: str | None = None  # of a group; None: no limit
    reason: str | None = None  # the patient's own, for coming
    price: int | None = None  # minor units, instead of the type's
    room_id: str | None = None
    actual_duration: int | None = None  # minutes
    client_confirmed: bool = False
    patient_reschedule_count: int = 0
    cancellation_reason_id: str | None = None
    late_cancellation_fee: int | None = None  # cents, instead of the policy's
    no_show_fee: int | None = None
    appointment_request_id: str | None = None
    filled_embed_form_id: str | None = None
    series_id: str | None = None
    position_in_series: int | None = None
