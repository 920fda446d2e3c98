"""Converts Healthie's billing items and requested payments to the domain's payments and invoices.

A row whose amounts cannot be parsed is left out, and logged by its id: a wrong amount must not be shown.
"""

from decimal import Decimal

import structlog

from booking.money import Money
from booking.packages.model import Invoice, InvoiceStatus, Payment, PaymentStatus, Refund
from integrations.healthie.answers import money
from integrations.healthie.catalog import FREQUENCIES
from integrations.healthie.generated.enums import BillingItemState
from integrations.healthie.generated.fragments import OwedInvoice, Receipt
from integrations.healthie.payments import Unproved, charged, refunded

# An invoice's statuses (Healthie's guide on invoices).
_STATUSES = {
    "not yet paid": InvoiceStatus.OPEN,
    "partial": InvoiceStatus.PARTLY_PAID,
    "paid": InvoiceStatus.PAID,
}

# Statuses of a refund that is not yet done; Healthie lists none, so these are the card processor's words.
_PENDING = frozenset({"pending", "requires_action", "scheduled"})

log = structlog.get_logger(__name__)


def payment_of(row: Receipt, currency: str) -> Payment | None:
    """The payment. None: its record was deleted and no card was charged, or its amounts cannot be parsed."""
    if row.deleted_at is not None and not row.stripe_charge_id:
        return None
    code = row.currency or currency
    try:
        given = refunded(row, code)
        amount = charged(row, code) if row.state == BillingItemState.SUCCEEDED else _amount(row, code)
    except (Unproved, ValueError):
        log.warning("healthie.payment_unreadable", payment=row.id)
        return None
    return Payment(
        id=row.id,
        status=_status(row, amount, given),
        amount=amount,
        refunded=given,
        refunds=_refunds(row, code),
        at=row.created_at,
        description=row.shown_description or None,
        card_brand=row.card_brand,
        card_last4=row.card_last_4,
        outside=row.is_outside_payment is True,
        plan_id=row.offering_id,
        membership_id=row.recurring_payment.id if row.recurring_payment else None,
        invoice_id=row.requested_payment_id,
        receipt_sent_at=row.receipt_last_sent_at,
    )


def _amount(row: Receipt, currency: str) -> Money:
    amount = money(row.amount_paid, currency)
    if amount is None:
        raise ValueError("a payment without an amount")
    return amount


def _status(row: Receipt, amount: Money, given: Money) -> PaymentStatus:
    if row.state == BillingItemState.FAILED:
        return PaymentStatus.FAILED
    if row.state == BillingItemState.SCHEDULED:
        return PaymentStatus.SCHEDULED
    if given.is_zero:
        return PaymentStatus.PAID
    return PaymentStatus.REFUNDED if given.amount >= amount.amount else PaymentStatus.PARTLY_REFUNDED


def _refunds(row: Receipt, currency: str) -> tuple[Refund, ...]:
    found = []
    for item in row.refund_items or ():
        amount = money(item.refund_amount, item.currency or currency)
        if amount is not None:
            pending = (item.status or "").casefold() in _PENDING
            found.append(Refund(id=item.id, amount=amount, at=item.refund_date, pending=pending))
    return tuple(found)


def invoice_of(row: OwedInvoice, currency: str) -> Invoice | None:
    """The invoice; None when its price cannot be parsed."""
    code = row.currency or currency
    try:
        total = money(row.price, code)
    except ValueError:
        total = None
    if total is None:
        log.warning("healthie.invoice_unreadable", invoice=row.id)
        return None
    status, due = _due(row, total)
    return Invoice(
        id=row.id,
        number=row.invoice_id,
        status=status,
        total=total,
        due=due,
        created_at=row.created_at,
        paid_at=row.paid_at,
        serviced_at=row.service_date,
        description=row.services_provided or None,
        plan_id=row.offering_id,
        plan_name=row.offering.name if row.offering else None,
        appointment_id=row.appointment_id,
        payment_ids=tuple(each.id for each in row.billing_items),
        clinician_id=row.sender_id,
        starts_membership=row.offering is not None and _recurs(row.offering.billing_frequency),
    )


def _recurs(frequency: str | None) -> bool:
    """Whether a plan bills again, or may: a frequency that is not known here counts."""
    if not frequency:
        return False
    known = FREQUENCIES.get(frequency.strip().casefold())
    return known is None or known.recurs


def _due(row: OwedInvoice, total: Money) -> tuple[InvoiceStatus, Money]:
    """The status, and what is due. Without a readable rest nothing but a paid invoice says what is due: it is not to be paid here."""
    status = _STATUSES.get((row.status or "").casefold(), InvoiceStatus.UNKNOWN)
    if row.is_manually_paid or status is InvoiceStatus.PAID:
        return InvoiceStatus.PAID, total - total
    if row.balance_due is None:
        return InvoiceStatus.UNKNOWN, total
    due = Money.of(Decimal(str(row.balance_due)), total.currency)
    if due.is_zero:  # the rest was written off
        return InvoiceStatus.PAID, due
    return status, due
