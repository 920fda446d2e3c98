"""Payments that a checkout did not know of when it ended."""

from collections.abc import Sequence

from booking.checkout_row import Attempt, Checkout
from booking.models import Charge
from booking.ports import LateCharges
from integrations.healthie.generated.fragments import Payment
from integrations.healthie.payments import (
    CLOCK_SKEW,
    Unproved,
    could_be,
    is_dead,
    proved_charge,
    refers_to,
    refunded,
)


def late_charges_among(payments: Sequence[Payment], checkout: Checkout) -> LateCharges:
    """The patient's payments that stand and name an attempt of the checkout, each charge once; and whether others may be."""
    standing = [each for each in payments if _stands(each, checkout)]
    certain: dict[str, tuple[int, Charge]] = {}
    uncertain: dict[str, None] = {}  # in their order
    for attempt in checkout.attempts:
        tried = checkout.changed(attempt=attempt.number, card_id=attempt.card_id)
        for payment in standing:
            if not refers_to(payment.note, tried):
                if _may_be(payment, tried, attempt):
                    uncertain[payment.id] = None
                continue
            try:
                charge = proved_charge(payment, tried)
            except Unproved:
                uncertain[payment.id] = None
            else:
                certain.setdefault(charge.charge_id, (attempt.number, charge))
    return LateCharges(certain=tuple(certain.values()), uncertain=tuple(uncertain))


def _stands(payment: Payment, checkout: Checkout) -> bool:
    """Whether money of the patient is gone: charged or to be charged, and not given back in full."""
    if is_dead(payment) or payment.sender_id != checkout.patient_id:
        return False
    due = checkout.quote.due_today
    try:
        given = refunded(payment, due.currency)
    except Unproved:
        return True
    return given.is_zero or given != due


def _may_be(payment: Payment, tried: Checkout, attempt: Attempt) -> bool:
    """Whether a payment without our note may be the attempt's, or that payment sent again by staff: days later, perhaps."""
    return payment.created_at >= attempt.intended_at - CLOCK_SKEW and could_be(payment, tried)
