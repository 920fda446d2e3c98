"""Late payments: payments that a checkout did not know when it ended, and recurring payments that continue after it."""

from collections.abc import Sequence

from booking.checkout.model import Attempt, Checkout
from booking.models import Charge
from booking.ports import LateCharges
from integrations.healthie.asked_charge import AskedCharge, of_checkout
from integrations.healthie.generated.fragments import Payment
from integrations.healthie.payments import (
    CLOCK_SKEW,
    Unproved,
    bills_on,
    could_be,
    is_dead,
    is_given_back,
    proved_charge,
)


def late_charges_among(
    payments: Sequence[Payment], checkout: Checkout, *, known: frozenset[str]
) -> LateCharges:
    """Sort the patient's outstanding payments by whether they are the checkout's: certain, uncertain, recurring.

    Outstanding is a payment, made or scheduled, that was not refunded in full, or whose recurring payment continues. Certain
    are those that name an attempt and are proved, each charge once.
    """
    of_patient = [each for each in payments if not is_dead(each) and each.sender_id == checkout.patient_id]
    currency = checkout.quote.due_today.currency
    # By charge id: a repeated idempotency key may have created a second record, and either may show the refund.
    given_back = {each.stripe_charge_id for each in of_patient if is_given_back(each, currency)}
    standing = [
        each
        for each in of_patient
        if not _ids(each) & known and (bills_on(each) or each.stripe_charge_id not in given_back)
    ]
    certain: dict[str, tuple[int, Charge]] = {}
    uncertain: dict[str, None] = {}  # in their order
    for attempt in checkout.attempts:
        tried = of_checkout(checkout.changed(attempt=attempt.number, card_id=attempt.card_id))
        for payment in standing:
            if not tried.is_named_in(payment.note):
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
    """Whether the checkout's own charge, or one that was resolved and refunded, still recurs."""
    own = checkout.charge is not None and payment.id == checkout.charge.billing_item_id
    resolved = bool(_ids(payment) & set(checkout.resolved_ids))
    refunded = is_given_back(payment, checkout.quote.due_today.currency)
    return bills_on(payment) and (own or (resolved and refunded))


def _may_be(payment: Payment, tried: AskedCharge, attempt: Attempt) -> bool:
    """Whether a payment without our note may be the attempt's, or a repetition by staff, which may come days later.

    Its terms may differ: the same card with either the same plan or the same amount is enough.
    """
    recent = payment.created_at >= attempt.intended_at - CLOCK_SKEW
    return recent and could_be(payment, tried, on_other_terms=True)
