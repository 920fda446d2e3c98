"""Invoices: what becomes of an invoice that the booking of a paid visit raised.

The card is charged before there is a visit, so the charge cannot name the invoice that the visit raises. One that asks for just
what was charged for this visit is noted on the row, and follow-up closes it; any other is for a person.
"""

from booking.checkout.model import Checkout
from booking.models import OpenInvoice
from booking.operations.model import AttentionReason

# Among `resolved_ids`, before an invoice's id: it is to be closed. Written before the call, as an intent is.
_TO_CLOSE = "closing:"


def noted(checkout: Checkout, invoice: OpenInvoice) -> Checkout:
    """The row with an open invoice of its visit: to be closed if the charge covers it, else on the attention list, once.

    A visit that a credit paid for owes nothing, and no payment closes its invoice: it is for a person.
    """
    paid = checkout.charge is not None or checkout.quote.uses_credit
    if not paid or invoice.id in checkout.resolved_ids:
        return checkout
    if not _covers(checkout, invoice):
        return for_a_person(checkout, invoice.id)
    return intended(checkout, invoice.id)


def intended(checkout: Checkout, invoice_id: str) -> Checkout:
    """The row with the note that this invoice is to be closed."""
    note = _TO_CLOSE + invoice_id
    if note in checkout.resolved_ids:
        return checkout
    return checkout.changed(resolved_ids=(*checkout.resolved_ids, note))


def to_close(checkout: Checkout) -> str | None:
    """The id of an invoice that is noted as to be closed, and neither closed nor with a person; or None."""
    noted_ids = (each.removeprefix(_TO_CLOSE) for each in checkout.resolved_ids if each.startswith(_TO_CLOSE))
    return next((each for each in noted_ids if each not in checkout.resolved_ids), None)


def closed(checkout: Checkout, invoice_id: str) -> Checkout:
    """The row once the invoice is closed."""
    return checkout.changed(resolved_ids=(*checkout.resolved_ids, invoice_id))


def for_a_person(checkout: Checkout, invoice_id: str) -> Checkout:
    """The row on the attention list for an invoice that only a person can close."""
    return closed(checkout, invoice_id).flagged(AttentionReason.OPEN_INVOICE)


def none_left(checkout: Checkout) -> Checkout:
    """The row of a visit that is undone: an invoice that was to be closed as paid is for a person, since the payment is refunded."""
    invoice_id = to_close(checkout)
    return checkout if invoice_id is None else for_a_person(checkout, invoice_id)


def _covers(checkout: Checkout, invoice: OpenInvoice) -> bool:
    """Whether the charge paid for this visit alone, and just what the invoice asks for."""
    charge = checkout.charge
    single = charge is not None and checkout.quote.plan_id is None and not charge.differs
    return single and charge is not None and invoice.amount == charge.net
