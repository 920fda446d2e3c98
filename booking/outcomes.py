"""What a confirm comes to: the row as it stands, or the refusal that its patient is told."""

from booking.checkout_row import Checkout, EndReason
from booking.checkout_row import CheckoutState as S
from booking.recording import at_rest
from booking.refusals import (
    BookingFailed,
    CardDeclined,
    ChargedWrongly,
    CheckoutClosed,
    ClinicianNotBookable,
    HoldExpired,
    PaymentInProgress,
    PaymentUnavailable,
    Refusal,
    SlotTaken,
    TermsChanged,
)
from booking.saga_table import TERMINAL, WAITING

_ENDS: dict[EndReason | None, type[Refusal]] = {
    EndReason.SLOT_TAKEN: SlotTaken,
    EndReason.CLINICIAN_NOT_BOOKABLE: ClinicianNotBookable,
    EndReason.PAYMENT_UNAVAILABLE: PaymentUnavailable,
    EndReason.HOLD_EXPIRED: HoldExpired,
    EndReason.TERMS_CHANGED: TermsChanged,
}


_NOT_CHARGED = "The visit could not be booked. You have not been charged."


def outcome(checkout: Checkout) -> Checkout:
    """The row, or the refusal that it ended in."""
    stands = checkout.stands
    if checkout.state in WAITING and at_rest(checkout):
        # A decline, another payment of the patient and other terms send a confirmed row back to wait; the last is told before.
        raise CardDeclined(checkout.declined) if checkout.declined else PaymentInProgress
    if checkout.end_reason is EndReason.CANCELLED_BY_PATIENT and stands in TERMINAL:
        raise CheckoutClosed(stands)
    if stands is S.REFUNDED:
        raise ChargedWrongly if checkout.end_reason is EndReason.CHARGED_WRONGLY else BookingFailed
    if stands in TERMINAL and stands is not S.CONFIRMED:
        raise _ENDS[checkout.end_reason] if checkout.end_reason in _ENDS else BookingFailed(_NOT_CHARGED)
    return checkout
