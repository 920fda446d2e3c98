"""Records of money. Amounts are integer minor units (`amounts.py`), times aware and in UTC."""

import dataclasses
import uuid
from datetime import datetime

from integrations.healthie_emulator.records import Record


@dataclasses.dataclass(frozen=True, kw_only=True)
class Card(Record):
    """A card on file: Healthie's StripeCustomerDetail."""

    user_id: str
    stripe_id: str  # the card at Stripe
    card_type: str  # brand
    last_four: str
    expiration: datetime
    card_type_label: str | None = None
    country: str = "US"
    zip: str | None = None
    source_status: str = "chargeable"
    source_type: str = "Card"  # or Bank Account
    deleted_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RefundItem(Record):
    """A refund of one billing item."""

    billing_item_id: str
    amount: int
    currency: str
    refund_date: datetime
    stripe_refund_id: str | None = None
    status: str = "succeeded"


@dataclasses.dataclass(frozen=True, kw_only=True)
class BillingItem(Record):
    """A payment, tried, made, planned, or only written down (`is_outside_payment`)."""

    sender_id: str  # the patient
    recipient_id: str | None
    amount: int  # charged or recorded, after any discount
    currency: str = "USD"
    original_price: int | None = None  # before any discount
    state: str | None = None  # SUCCEEDED, FAILED, SCHEDULED
    is_outside_payment: bool = False
    stripe_charge_id: str | None = None
    stripe_error: str | None = None  # JSON
    failure_reason: str | None = None  # for people
    stripe_customer_detail_id: str | None = None
    stripe_idempotency_key: str | None = None
    payment_medium: str | None = None
    payment_due_date: datetime | None = None
    note: str | None = None
    metadata: str | None = None  # kept, never answered
    offering_id: str | None = None
    offering_coupon_id: str | None = None
    requested_payment_id: str | None = None
    recurring_payment_id: str | None = None
    # False: bought with `payment_due_date`, which keeps a recurring plan from recurring.
    starts_recurring: bool = True
    user_package_selection_id: str | None = None
    successful_retried_payment_id: str | None = None
    is_canceled: bool = False
    receipt_last_sent_at: datetime | None = None
    deleted_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChargeBack(Record):
    """A charge that the cardholder disputes."""

    billing_item_id: str
    amount: int
    currency: str
    response_required_by: datetime
    fee: int = 1_500  # Stripe's fee for a dispute in the United States
    reason: str = "fraudulent"
    status: str = "needs_response"
    stripe_dispute_id: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecurringPayment(Record):
    """A series of payments that a recurring plan started."""

    sender_id: str
    recipient_id: str | None
    offering_id: str
    billing_frequency: str
    amount: int  # each period, before any coupon; in the plan's currency
    start_at: datetime
    next_payment_date: datetime | None
    payments_made: int = 1  # periods billed so far, tried or paid
    counted_from: datetime  # periods are counted from here: from the start, or from when it was resumed …
    period: int = 1  # … and the next payment is that many later
    repeat_times: int | None = None
    offering_coupon_id: str | None = None
    stripe_customer_detail_id: str | None = None
    is_canceled: bool = False
    is_paused: bool = False
    paused_at: datetime | None = None
    paused_by_id: str | None = None
    canceled_at: datetime | None = None
    canceled_by_id: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequestedPayer:
    """Who is asked for the money of an invoice instead of the patient."""

    id: str
    name: str | None = None
    email: str | None = None
    address: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class WriteOff(Record):
    """A part of an invoice that nobody will pay."""

    requested_payment_id: str
    amount: int
    write_off_type: str
    other_reason: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequestedPayment(Record):
    """An invoice."""

    sender_id: str | None  # who asks for the money
    recipient_id: str | None  # the patient; None: a third party is asked
    price: int
    currency: str = "USD"
    appointment_id: str | None = None
    offering_id: str | None = None
    offering_price: int | None = None  # the package's price when the invoice was made
    user_package_selection_id: str | None = None
    invoice_id: str | None = None
    invoice_type: str = "other"
    status: str = "Not Yet Paid"
    paid_at: datetime | None = None
    is_manually_paid: bool = False
    metadata: str | None = None
    notes: str | None = None
    services_provided: str | None = None
    service_date: datetime | None = None
    is_preview: bool = False
    payer: RequestedPayer | None = None  # who pays instead of the patient
    cms1500_id: str | None = None
    email_sent_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def token(self) -> str:
        """What a link to the invoice names it by."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"requested-payment/{self.id}"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class PackageSelection(Record):
    """A plan that a patient has."""

    user_id: str
    offering_id: str
    billing_item_id: str | None = None
    recurring_payment_id: str | None = None
    requested_payment_id: str | None = None
    offering_coupon_id: str | None = None
    initial_price: int = 0  # after any coupon; in the plan's currency


@dataclasses.dataclass(frozen=True, kw_only=True)
class AppointmentCredit(Record):
    """How many visits of a type a patient may still book; below zero, how many they booked without having them."""

    user_id: str
    appointment_type_id: str
    quantity: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class CreditChange(Record):
    """A line in the history of a credit."""

    user_id: str
    appointment_type_id: str
    quantity: int  # after the change
    event: str
    event_type: str
    appointment_id: str | None = None
    offering_id: str | None = None
    initiator_id: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class SuperBill(Record):
    """A statement of services that a patient hands in to an insurer."""

    patient_id: str
    dietitian_id: str
    service_date: datetime
    total: int
    paid: int = 0
    currency: str = "USD"
    status: str = "Not Sent"  # Sent, Fully Paid, Rejected
    deleted_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Coupon(Record):
    """A promo code."""

    code: str
    percent_off: int | None = None  # either this
    cents_off: int | None = None  # or this, in minor units of the plan's currency
    offering_ids: tuple[str, ...] = ()  # empty: every plan
    expires_at: datetime | None = None
    usage_limit: int | None = None
    number_of_times_used: int = 0
    repeat_times: int | None = None  # for how many payments of a recurring plan; None: as switched
    user_id: str | None = None
