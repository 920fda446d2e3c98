"""What a patient bought and owes, as the system of record has it at the moment of the reading."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from booking.catalog.model import BillingFrequency
from booking.change_quotes import quote_id
from booking.money import Money


@dataclass(frozen=True, kw_only=True)
class PackageVisits:
    """Visits that a package gave when it was bought. What is left of them is in the patient's credits."""

    visit_type_id: str
    visit_type_name: str | None
    quantity: int | None  # None: without limit
    repeats: bool  # given again with each payment of a membership
    expires_in: str | None  # the practice's own words; the system of record documents no unit


@dataclass(frozen=True, kw_only=True)
class Package:
    """A plan that the patient has. It stays after a refund, and after the end of its membership."""

    id: str
    plan_id: str | None
    name: str
    bought_at: datetime  # UTC
    price: Money | None  # the first payment's, after any promo code; None: not readable
    visits: tuple[PackageVisits, ...]
    payment_id: str | None  # the payment that bought it
    membership_id: str | None  # the series of payments that it started
    invoice_id: str | None  # the invoice that it was bought by


@dataclass(frozen=True, kw_only=True)
class CreditEntry:
    """A line of the ledger: a credit was given, used, given back, or its number set by staff."""

    id: str
    at: datetime  # UTC
    left: int  # after it
    change: int | None  # None: the first line that is known
    appointment_id: str | None
    plan_id: str | None


@dataclass(frozen=True, kw_only=True)
class Credit:
    """How many visits of one type the patient may still book without paying, by the ledger. One session, one credit."""

    visit_type_id: str
    visit_type_name: str | None
    left: int  # below zero: visits were booked without having a credit


class MembershipStatus(StrEnum):
    """Where a series of payments stands."""

    ACTIVE = "active"
    PAUSED = "paused"
    CANCELLED = "cancelled"  # no payment follows; credits stay
    COMPLETED = "completed"  # all payments were made


@dataclass(frozen=True, kw_only=True)
class Membership:
    """A plan that bills again without asking."""

    id: str
    plan_id: str | None
    plan_name: str | None
    status: MembershipStatus
    frequency: BillingFrequency | None  # None: one that is not known here
    started_at: datetime  # UTC
    next_payment_at: datetime | None  # UTC; None: no payment is to come, or it is paused
    next_amount: Money | None  # of that payment; None as before, or not readable
    payments_left: int | None  # None: until cancelled
    paused_at: datetime | None  # UTC
    resumes_at: datetime | None  # UTC; of a paused one: its first payment if it went on now
    cancelled_at: datetime | None  # UTC
    last_payment_id: str | None  # the series is ended and paused by a payment of it, and not by its own id

    @property
    def is_open(self) -> bool:
        """Whether payments may follow: it can be ended."""
        return self.status in {MembershipStatus.ACTIVE, MembershipStatus.PAUSED}


class PaymentStatus(StrEnum):
    """What became of a payment."""

    PAID = "paid"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    SCHEDULED = "scheduled"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Refund:
    """Money given back of a payment."""

    id: str
    amount: Money
    at: datetime | None  # UTC
    pending: bool  # asked for, and not yet done


@dataclass(frozen=True, kw_only=True)
class Payment:
    """A payment that was made, tried or planned, with what a receipt shows."""

    id: str
    status: PaymentStatus
    amount: Money
    refunded: Money  # in all
    refunds: tuple[Refund, ...]
    at: datetime  # UTC; when it was made, tried or planned
    description: str | None
    card_brand: str | None
    card_last4: str | None
    outside: bool  # paid elsewhere, such as in cash, and only recorded
    plan_id: str | None
    membership_id: str | None
    invoice_id: str | None
    receipt_sent_at: datetime | None  # UTC; None: none was mailed


class InvoiceStatus(StrEnum):
    """Whether an invoice is paid."""

    OPEN = "open"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    UNKNOWN = "unknown"  # a status of the practice's own: it is not to be paid here


@dataclass(frozen=True, kw_only=True)
class Invoice:
    """What the practice asks the patient to pay."""

    id: str
    number: str | None  # as the practice counts them
    status: InvoiceStatus
    total: Money
    due: Money  # what is still to be paid
    created_at: datetime  # UTC
    paid_at: datetime | None  # UTC
    serviced_at: datetime | None  # UTC
    description: str | None = field(repr=False)
    plan_id: str | None
    plan_name: str | None
    appointment_id: str | None
    payment_ids: tuple[str, ...]  # successful ones
    clinician_id: str | None = None  # who asks
    starts_membership: bool = (
        False  # it asks the price of a plan that bills again: paying it would begin that
    )

    @property
    def can_be_paid(self) -> bool:
        """Whether something is due on it, it says so itself, and a payment begins nothing that was not accepted."""
        is_open = self.status in {InvoiceStatus.OPEN, InvoiceStatus.PARTLY_PAID} and self.due.amount > 0
        return is_open and self.clinician_id is not None and not self.starts_membership

    @property
    def is_paid(self) -> bool:
        """Whether nothing is due on it."""
        return self.status is InvoiceStatus.PAID or self.due.is_zero

    @property
    def payment_quote_id(self) -> str | None:
        """Names what is due now, for accepting just that; None: it cannot be paid here. A payment, or another amount, changes it."""
        if not self.can_be_paid:
            return None
        terms: dict[str, object] = {
            "due": [str(self.due.amount), self.due.currency],
            "paid": sorted(self.payment_ids),
        }
        return quote_id("pay-invoice", self.id, terms)
