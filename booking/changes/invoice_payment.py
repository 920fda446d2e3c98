"""What paying an invoice means, and the row that an accepted payment becomes: pure.

All that is due is paid at once. What was accepted is frozen on the row; an invoice that asks for anything else is not paid.
"""

import secrets
from datetime import datetime, timedelta

from booking.card_amounts import is_chargeable
from booking.changes.model import Action, ActionKind, ChangeEndReason, ChangeKind, RequestedChange
from booking.checkout.invoices import to_close
from booking.checkout.model import Checkout
from booking.operations.model import AttentionReason
from booking.packages.model import Invoice
from booking.principals import Caller
from booking.refusals import AmountNotChargeable
from booking.refusals.invoices import InvoiceChanged, InvoiceNotPayable, InvoicePaid

# A card is not charged later than this after its patient accepted: they may have paid elsewhere since. As a checkout's.
PAY_WITHIN = timedelta(minutes=15)


def check_payable(invoice: Invoice, quote_id: str, paid_by: Checkout | None) -> None:
    """Check that the invoice asks for just what was accepted, and may be paid here. `paid_by`: the checkout of the visit that it is for.

    Raises InvoicePaid, InvoiceNotPayable, InvoiceChanged, AmountNotChargeable.
    """
    if invoice.is_paid:
        raise InvoicePaid
    if not invoice.can_be_paid or (paid_by is not None and _asks_again(invoice, paid_by)):
        raise InvoiceNotPayable
    if invoice.payment_quote_id != quote_id:
        raise InvoiceChanged(invoice)
    if not is_chargeable(invoice.due):
        raise AmountNotChargeable


def changed_since(
    change: RequestedChange, invoice: Invoice | None, *, now: datetime
) -> ChangeEndReason | None:
    """Why the invoice is not paid (any more), right before its card would be charged; None: it is as it was accepted."""
    if invoice is None:
        return ChangeEndReason.CHANGED_BY_PRACTICE
    if invoice.is_paid:
        return ChangeEndReason.INVOICE_PAID
    if invoice.payment_quote_id != change.quote_id:
        return ChangeEndReason.CHANGED_BY_PRACTICE
    return ChangeEndReason.TOO_LATE if now > change.created_at + PAY_WITHIN else None


def new_invoice_payment(
    caller: Caller, invoice: Invoice, *, patient_id: str, quote_id: str, card_id: str, now: datetime
) -> RequestedChange:
    """The row of an accepted payment; `now` is in UTC."""
    return RequestedChange(
        id=f"chg_{secrets.token_urlsafe(16)}",
        kind=ChangeKind.INVOICE_PAYMENT,
        owner=caller.principal.key,
        patient_id=patient_id,
        invoice_id=invoice.id,
        time_zone="UTC",
        checkout_id=None,
        quote_id=quote_id,
        card_id=card_id,
        charged_by=invoice.clinician_id,
        actions=(
            Action(kind=ActionKind.PAY_INVOICE, amount=invoice.due),
            Action(kind=ActionKind.READ_INVOICE),
        ),
        created_at=now,
        updated_at=now,
        due_at=now,
    )


def _asks_again(invoice: Invoice, checkout: Checkout) -> bool:
    """Whether the invoice may ask for what the checkout of its visit has paid already: booking a visit may raise one."""
    charge = checkout.charge
    if charge is None and not checkout.quote.uses_credit:
        return False
    known = to_close(checkout) == invoice.id or AttentionReason.OPEN_INVOICE in checkout.attention
    same = invoice.total == checkout.quote.list_price or (charge is not None and invoice.total == charge.net)
    return known or same or invoice.id in checkout.resolved_ids
