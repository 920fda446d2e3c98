"""Records other than money: people, the catalog, working hours, appointments.

Attributes have the names of Healthie's fields where the two mean the same, so that a field without a resolver of its
own reads the attribute. All times are aware and in UTC; `dates` decides which zone they are written in.
"""

import dataclasses
import functools
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """Anything that has an id and a history."""

    id: str
    created_at: datetime
    updated_at: datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Organization(Record):
    """The practice."""

    name: str
    owner_id: str
    phone_number: str | None = None
    is_active: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Location(Record):
    """A postal address of a person."""

    user_id: str
    name: str | None = None
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None
    npi: str | None = None
    other_id: str | None = None
    other_id_qual: str | None = None
    place_of_service_id: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class User(Record):
    """A member of the practice or a patient; Healthie keeps both in one table."""

    first_name: str
    last_name: str
    email: str | None
    timezone: str  # IANA name; the zone in which this user's key reads and writes times
    is_patient: bool = False
    is_owner: bool = False
    is_org_admin: bool = False
    is_active_provider: bool = False
    active: bool = True
    dietitian_id: str | None = None  # a patient's main clinician
    qualifications: str | None = None
    npi: str | None = None
    phone_number: str | None = None
    dob: date | None = None
    gender: str | None = None
    legal_name: str | None = None
    record_identifier: str | None = None
    metadata: str | None = None
    default_stripe_customer_detail_id: str | None = None
    user_group_id: str | None = None
    default_onboarding_flow_id: str | None = None  # a clinician's, for patients of no group
    other_provider_ids: tuple[str, ...] = ()  # the clinicians of the care team besides the main one
    skipped_email: bool = False
    archived_at: datetime | None = None
    has_created_password: bool = False
    additional_phone_number: str | None = None
    additional_record_identifier: str | None = None
    auto_charge_enabled: bool = False
    consented_to_labs: bool = False
    default_billing_type: str | None = None
    gender_identity_code: str | None = None
    height: str | None = None
    preferred_language_code: str | None = None
    primary_ethnicity_code: str | None = None
    primary_race_code: str | None = None
    pronouns: str | None = None
    quick_notes: str | None = None
    restricted: bool = False
    secondary_ethnicity_code: str | None = None
    secondary_race_code: str | None = None
    sex: str | None = None
    sexual_orientation_code: str | None = None
    sexual_orientation_other: str | None = None
    ssn: str | None = dataclasses.field(default=None, repr=False)

    @functools.cached_property
    def searched(self) -> str:
        """Everything that a search by keywords looks at, in lower case."""
        names = (self.first_name, self.last_name, self.legal_name)
        rest = (self.id, self.email, self.dob, self.record_identifier, self.npi)
        return " ".join(str(each) for each in (*names, *rest) if each).lower()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApiKey(Record):
    """A key that acts as one user. The whole key is shown once, when it is made."""

    user_id: str
    name: str
    secret: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StateLicense(Record):
    """That a clinician may treat patients of a state."""

    user_id: str
    state: str  # two letters
    full_state_name: str


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
    user_id: str | None = None  # whose policy it is; None: the practice's
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # fields that nothing here acts upon
    use_client_credit_system: bool = True
    prevent_no_credit_booking: bool = False  # for patients who book themselves
    restore_credit_on_cancel: bool = False
    auto_schedule_charges_for_late_cancellation_no_show: bool = False
    charge_for_occurred_appts: bool = False
    invoice_clients_without_payment_method: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class OfferingInclude:
    """That a plan gives visits of a type."""

    id: str
    appointment_type_id: str
    quantity: int
    is_repeating: bool = True  # again with each payment of a recurring plan
    required_appointment_type: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Offering(Record):
    """A plan that patients buy, also called package."""

    name: str
    description: str
    price: int  # minor units, each period
    first_time_payment: int | None = None  # the first payment if it differs from the others
    initial_price_with_taxes: int | None = None
    currency: str = "USD"
    billing_frequency: str = "One-Time"
    repeat_times: int | None = None
    max_purchases: int | None = None
    visibility_status: str = "visible_to_all"  # or hidden, visible_to_specific_groups
    visible_to_group_ids: tuple[str, ...] = ()
    show_offering: bool = True
    archived: bool = False
    includes: tuple[OfferingInclude, ...] = ()
    row_order: int = 0
    user_id: str | None = None  # who owns it; None: the practice's owner
    user_group_id: str | None = None  # the group that a purchase moves the patient to
    charge_immediately: bool = True
    can_be_gifted: bool = False
    require_booking_purchase: bool = False
    show_free_text: bool = False
    override_group_on_purchase: bool = False
    video_url: str | None = None
    embed_question_form_id: str | None = None
    deleted_at: datetime | None = None


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class FormAnswerGroup(Record):
    """A filled form. `created_at` is the time of service where there is one; the answers are items of their own."""

    user_id: str  # whom it is about
    custom_module_form_id: str
    record_created_at: datetime
    filler_id: str | None = None  # who filled it
    name: str | None = None
    finished: bool = False  # not finished: a draft that no list shows
    external_id: str | None = None
    metadata: str | None = None
    appointment_id: str | None = None
    onboarding_item_id: str | None = None
    requested_form_completion_id: str | None = None
    locked_at: datetime | None = None
    locked_by_id: str | None = None
    deleted_at: datetime | None = None
