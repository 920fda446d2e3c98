"""Transitions without a call: pure functions from a row to the row that follows from it.

checkout/states.py says at which state each applies. A driver writes the row that follows in the transaction that wrote what it
follows from, so that the outcome of a call and the intent of the next one are one commit (see `LeasedWriter`).
"""

from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.operations.model import AttentionReason


def to_the_patient(checkout: Checkout) -> Checkout:
    """Go on with the signed-in patient's record, or to finding or creating a guest's."""
    return checkout.changed(state=S.PATIENT_READY if checkout.patient_id else S.PATIENT_INTENDED)


def to_the_card(checkout: Checkout) -> Checkout | None:
    """Go on to the patient's card. None without one, for a visit that costs nothing: its terms are asked next."""
    if checkout.card is None:
        return None
    if checkout.quote.due_today.is_zero or checkout.card.token is not None:
        # For a visit that costs nothing it is put on file, and not charged.
        return checkout.changed(state=S.CARD_INTENDED)
    return checkout.changed(state=S.CARD_READY, card_id=checkout.card.on_file_id, card=None)


def to_the_booking(checkout: Checkout) -> Checkout:
    """Go on from the charge to the booking; a plan that is bought without a visit is confirmed by its charge.

    A charge that brought no package is for a person: the patient paid for what they do not have.
    """
    if checkout.slot is not None:
        return checkout.changed(state=S.BOOKING_INTENDED)
    confirmed = checkout.changed(state=S.CONFIRMED)
    has_package = checkout.charge is not None and checkout.charge.package_id is not None
    return confirmed if has_package else confirmed.flagged(AttentionReason.PACKAGE_MISSING)


def to_the_end(checkout: Checkout) -> Checkout | None:
    """End as confirmed: the visit stands as asked. None for one that is booked by credit: its use is proved first."""
    if checkout.quote.uses_credit:
        return None
    return checkout.changed(state=S.CONFIRMED)
