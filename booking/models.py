"""What moves through a checkout: holds, quotes, patients, cards, appointments and charges. The checkout itself is in checkout/model.py."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import StrEnum

from booking.catalog.model import BillingFrequency, BookingPolicy, ContactType
from booking.money import Money
from booking.slots import Slot


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A slot kept free for one owner until it expires."""

    id: str
    owner: str  # Principal.key
    taken_by: str  # Principal.key of the first owner: the hold counts for them, whoever owns it now
    slot: Slot
    time_zone: str  # IANA, the zone that the patient asked in
    created_at: datetime  # UTC
    expires_at: datetime  # UTC
    extensions: int = 0
    client: str | None = None  # the network that it was taken from, made unreadable; None: not known

    def is_live(self, now: datetime) -> bool:
        """Whether the hold still keeps the slot."""
        return now < self.expires_at


@dataclass(frozen=True, kw_only=True)
class Promo:
    """A promo code that applies to a plan."""

    code: str
    coupon_id: str
    discounted: Money  # what the plan's first charge becomes


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """How a plan bills after today."""

    frequency: BillingFrequency
    amount: Money  # of each later payment
    payments: int | None  # in all, today's included; None: until cancelled


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What the patient will be charged, and on which terms. Frozen once a checkout starts."""

    plan_id: str | None
    visit_type_id: str | None  # None in a quote for a plan alone; never in a checkout
    description: str  # the plan's or the visit type's name
    list_price: Money  # gross: what is sent upstream, which takes the discount off itself
    discount: Money
    due_today: Money  # net: list price less discount
    promo_code: str | None
    coupon_id: str | None
    recurrence: Recurrence | None
    policy: BookingPolicy

    @property
    def id(self) -> str:
        """Names these very amounts and terms: who accepts it accepts them, and a quote that differs has another."""
        terms = json.dumps(asdict(self), default=str, sort_keys=True)
        return f"quo_{hashlib.sha256(terms.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, kw_only=True)
class GuestDetails:
    """Who a guest says they are. Patient data: kept on the checkout only until the patient is known upstream."""

    email: str = field(repr=False)
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    phone: str | None = field(default=None, repr=False)
    birth_date: date | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class EmailCode:
    """A one-time code that was mailed to a guest: never itself, which is nowhere but in the mail."""

    digest: str  # keyed, of the code with its checkout and email address
    expires_at: datetime  # UTC
    tries: int = 0  # wrong or right, so far


@dataclass(frozen=True, kw_only=True)
class CreatedPatient:
    """A patient record that a checkout created."""

    id: str
    apart: bool  # without the guest's email, since another record has it with these names


@dataclass(frozen=True, kw_only=True)
class Patient:
    """A signed-in patient's own record."""

    id: str
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    email: str | None = field(repr=False)
    time_zone: str | None


@dataclass(frozen=True, kw_only=True)
class Card:
    """A card on file; display data only."""

    id: str
    brand: str
    last4: str
    expires: date | None


@dataclass(frozen=True, kw_only=True)
class CardChoice:
    """The card that the patient chose: a fresh token of the payment form, or one on file. Exactly one is set."""

    token: str | None = field(default=None, repr=False)
    on_file_id: str | None = None


class AppointmentStatus(StrEnum):
    """Where a visit stands."""

    BOOKED = "booked"
    COMPLETED = "completed"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"
    RESCHEDULED = "rescheduled"
    CHECKED_IN = "checked_in"


@dataclass(frozen=True, kw_only=True)
class Appointment:
    """A visit in the system of record."""

    id: str
    clinician_id: str | None  # the primary provider as read back, never as asked
    clinician_name: str | None
    patient_id: str | None
    visit_type_id: str | None
    visit_type_name: str | None
    start: datetime  # UTC
    minutes: int
    contact_type: ContactType | None  # None: a way that patients cannot book
    location_id: str | None
    status: AppointmentStatus
    checkout_id: str | None  # the reference that the booking carried, if it survived
    open_invoice: bool  # the booking raised an invoice that is not paid


@dataclass(frozen=True, kw_only=True)
class Charge:
    """A payment that is certain: succeeded, with a processor's charge id, not an outside payment."""

    billing_item_id: str
    charge_id: str
    net: Money
    card_id: str | None
    recurring_payment_id: str | None
    package_id: str | None
    # Parts that are not as the patient accepted: amount, card, plan, recurrence.
    differs: tuple[str, ...] = ()
