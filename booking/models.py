"""Value objects of a checkout: holds, quotes, patients, cards, appointments and charges.

The checkout itself is in checkout/model.py.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import StrEnum

from booking.catalog.model import BillingFrequency, BookingPolicy, ContactType
from booking.money import Money
from booking.slots import Slot

_WAITLIST = "waitlist:"


def taker_of(entry_id: str) -> str:
    """What has taken the hold of an offer to this entry of the waitlist: it counts against no principal's limit."""
    return f"{_WAITLIST}{entry_id}"


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A slot kept free for one owner until it expires."""

    id: str
    owner: str  # Principal.key
    taken_by: str  # Principal.key of the first owner, against whose limit the hold counts; or see `taker_of`
    slot: Slot
    time_zone: str  # IANA; the zone of the patient's request
    created_at: datetime  # UTC
    expires_at: datetime  # UTC
    extensions: int = 0
    client: str | None = None  # pseudonym of the network it was taken from; None: unknown

    def is_live(self, now: datetime) -> bool:
        """Whether the hold has not expired."""
        return now < self.expires_at

    @property
    def offered_to(self) -> str | None:
        """The entry of the waitlist that the time was offered to; None: no offer."""
        return self.taken_by.removeprefix(_WAITLIST) if self.taken_by.startswith(_WAITLIST) else None


@dataclass(frozen=True, kw_only=True)
class Promo:
    """A promo code that applies to a plan."""

    code: str
    coupon_id: str
    discounted: Money  # the plan's first charge after the discount
    discounted_later: Money | None = None  # each later payment while the code lasts; None: not stated
    payments: int | None = None  # for how many payments, the first included; None: not stated


@dataclass(frozen=True, kw_only=True)
class LastingDiscount:
    """A promo code that lowers later payments too."""

    amount: Money  # of each later payment while it lasts
    payments: int | None  # for how many payments in all, today's included; None: every one
    certain: bool = (
        True  # False: the practice's system does not say how long, so it may end after any payment
    )


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """How a plan bills after today."""

    frequency: BillingFrequency
    amount: Money  # of each later payment without a discount: none is higher
    payments: int | None  # in total, today's included; None: until cancelled
    discount: LastingDiscount | None = None  # None: the promo code, if any, is good for today's payment only

    def amount_of(self, number: int) -> Money:
        """What payment `number` charges; today's is the first and not among them, so from 2 on. Raises ValueError otherwise."""
        if number <= 1 or (self.payments is not None and number > self.payments):
            raise ValueError("there is no such later payment")
        lasting = self.discount
        if lasting is None or (lasting.payments is not None and number > lasting.payments):
            return self.amount
        return lasting.amount


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What the patient will be charged, and on which terms. A checkout keeps the quote that it started with."""

    plan_id: str | None
    visit_type_id: str | None  # None in a quote for a plan alone; never in a checkout
    description: str  # the plan's or the visit type's name
    list_price: Money  # gross; sent upstream, which subtracts the discount itself
    discount: Money
    due_today: Money  # net: list price minus discount
    promo_code: str | None
    coupon_id: str | None
    recurrence: Recurrence | None
    policy: BookingPolicy
    uses_credit: bool = False  # of a package: nothing is due, and a credit must be used

    @property
    def id(self) -> str:
        """A digest of all amounts and terms: accepting the id accepts exactly these, and any other quote has another id.

        What a quote of an earlier version lacks does not count while there is none of it: that quote keeps the id that was shown.
        """
        said = asdict(self)
        if self.recurrence is not None and self.recurrence.discount is None:
            del said["recurrence"]["discount"]
        if not self.uses_credit:
            del said["uses_credit"]
        terms = json.dumps(said, default=str, sort_keys=True)
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
    """A one-time code that was mailed to a guest. Only its digest is stored."""

    digest: str  # keyed, over the code with its checkout and email address
    expires_at: datetime  # UTC
    tries: int = 0  # so far, wrong and right ones


@dataclass(frozen=True, kw_only=True)
class PatientMatch:
    """A patient record with a guest's email and names."""

    id: str
    archived: bool  # the practice has put it away; no active record matches


@dataclass(frozen=True, kw_only=True)
class CreatedPatient:
    """A patient record that a checkout created."""

    id: str
    apart: bool  # without the guest's email, because another record has the same email and names


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
    is_default: bool = False  # charged where no card is named


@dataclass(frozen=True, kw_only=True)
class CardChoice:
    """The card that the patient chose: a new token of the payment form, or a card on file. Exactly one is set."""

    token: str | None = field(default=None, repr=False)
    on_file_id: str | None = None


class AppointmentStatus(StrEnum):
    """The status of a visit."""

    BOOKED = "booked"
    COMPLETED = "completed"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"
    RESCHEDULED = "rescheduled"
    CHECKED_IN = "checked_in"


@dataclass(frozen=True, kw_only=True)
class OpenInvoice:
    """An invoice that is not paid."""

    id: str
    amount: Money | None  # None: one that cannot be read


@dataclass(frozen=True, kw_only=True)
class Appointment:
    """A visit in the system of record."""

    id: str
    clinician_id: str | None  # the primary provider as read back, never as requested
    clinician_name: str | None
    patient_id: str | None
    visit_type_id: str | None
    visit_type_name: str | None
    start: datetime  # UTC
    minutes: int
    contact_type: ContactType | None  # None: one that patients cannot book
    location_id: str | None
    status: AppointmentStatus
    checkout_id: str | None  # from the reference in the booking's metadata, if it survived
    open_invoice: OpenInvoice | None  # that the booking created


@dataclass(frozen=True, kw_only=True)
class Charge:
    """A proved payment: succeeded, with the card processor's charge id, and not an outside payment."""

    billing_item_id: str
    charge_id: str
    net: Money
    card_id: str | None
    recurring_payment_id: str | None
    package_id: str | None
    # The terms that differ from what the patient accepted: amount, card, plan, recurrence.
    differs: tuple[str, ...] = ()
