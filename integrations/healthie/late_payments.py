"""Payments that a checkout did not know of when it ended, and recurring payments that go on after it."""

from collections.abc import Sequence

from booking.checkout.model import Attempt, Checkout
from booking.models import Charge
from booking.ports import LateCharges
from integrations.healthie.generated.fragments import Payment
from integrations.healthie.payments import (
    CLOCK_SKEW,
    Unproved,
    bills_on,
    could_be,
    is_dead,
    is_given_back,
    proved_charge,
    refers_to,
)


def late_charges_among(
    payments: Sequence[Payment], checkout: Checkout, *, known: frozenset[str]
) -> LateCharges:
    """The patient's payments that stand and name an attempt of the checkout, each charge once; and whether others may be.

    What stands is money that was not given back in full, charged or to be charged, or a recurring payment that will take more.
    """
    of_patient = [each for each in payments if not is_dead(each) and each.sender_id == checkout.patient_id]
    currency = checkout.quote.due_today.currency
    # By charge: a repeated key may have written a second row for one, and which of them tells the refund nobody knows.
    given_back = {each.stripe_charge_id for each in of_patient if is_given_back(each, currency)}
    standing = [
        each
        for each in of_patient
        if not _ids(each) & known and (bills_on(each) or each.stripe_charge_id not in given_back)
    ]
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
    return LateCharges(
        certain=tuple(certain.values()),
        uncertain=tuple(one for one in uncertain if one not in checkout.resolved_ids),
        series=tuple(each.id for each in of_patient if _goes_on(each, checkout)),
    )


def _ids(payment: Payment) -> set[str | None]:
    return {payment.id, payment.stripe_charge_id}


def _goes_on(payment: Payment, checkout: Checkout) -> bool:
    """Whether the checkout's own charge, or one that was dealt with and given back, still bills."""
    own = checkout.charge is not None and payment.id == checkout.charge.billing_item_id
    resolved_ids = bool(_ids(payment) & set(checkout.resolved_ids))
    given = is_given_back(payment, checkout.quote.due_today.currency)
    return bills_on(payment) and (own or (resolved_ids and given))


def _may_be(payment: Payment, tried: Checkout, attempt: Attempt) -> bool:
    """Whether a payment without our note may be the attempt's, or that payment sent again by staff: days later, perhaps.

    On other terms too: with its card, and either for its plan or of its amount.
    """
    recent = payment.created_at >= attempt.intended_at - CLOCK_SKEW
    return recent and could_be(payment, tried, on_other_terms=True)
