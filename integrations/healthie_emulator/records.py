"""Records other than money and scheduling: people, keys, licenses, plans, filled forms.

Attributes have the names of Healthie's fields where the two mean the same, so that a field without a resolver of its
own reads the attribute. All times are aware and in UTC; `dates` decides which zone they are written in.
"""

import dataclasses
import functools
from datetime import date, datetime


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
