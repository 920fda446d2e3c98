"""What a confirm comes to: the row as it stands, or the refusal that its patient is told."""

from collections.abc import Mapping

from booking.checkout.guards import bookable_until
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.transitions import TERMINAL, WAITING, at_rest
from booking.errors import UpstreamUnavailable
from booking.refusals import (
    AmountNotChargeable,
    BookingFailed,
    CardDeclined,
    ChargedWrongly,
    CheckoutClosed,
    ClinicianNotBookable,
    DeclineReason,
    HoldExpired,
    PaymentInProgress,
    PaymentUnavailable,
    Refusal,
    SlotTaken,
    TermsChanged,
    TooLateToBook,
)
from booking.stored_names import Unknown

_ENDS: Mapping[str | None, type[Refusal]] = {
    EndReason.SLOT_TAKEN: SlotTaken,
    EndReason.CLINICIAN_NOT_BOOKABLE: ClinicianNotBookable,
    EndReason.PAYMENT_UNAVAILABLE: PaymentUnavailable,
    EndReason.AMOUNT_NOT_CHARGEABLE: AmountNotChargeable,
    EndReason.HOLD_EXPIRED: HoldExpired,
    EndReason.TERMS_CHANGED: TermsChanged,
}


_NOT_CHARGED = "The visit could not be booked. You have not been charged."


def outcome(checkout: Checkout) -> Checkout:
    """The row, or the refusal that it ended in. Raises UpstreamUnavailable when the card was not sent: nothing was done."""
    stands = checkout.stands
    if checkout.state in WAITING and at_rest(checkout):
        raise _back_at_the_patient(checkout)
    if checkout.end_reason is EndReason.CANCELLED_BY_PATIENT and stands in TERMINAL:
        raise CheckoutClosed(stands)
    if stands is S.REFUNDED:
        raise ChargedWrongly if checkout.end_reason is EndReason.CHARGED_WRONGLY else BookingFailed
    if checkout.end_reason is EndReason.TOO_LATE and stands in TERMINAL:
        raise TooLateToBook(bookable_until(checkout))
    if stands in TERMINAL and stands is not S.CONFIRMED:
        raise _ENDS[checkout.end_reason] if checkout.end_reason in _ENDS else BookingFailed(_NOT_CHARGED)
    return checkout


def _told(declined: DeclineReason | Unknown) -> DeclineReason:
    """Why the card was declined; of a newer version's reason what is true of all of them."""
    return DeclineReason.TRY_ANOTHER_CARD if isinstance(declined, Unknown) else declined


def _back_at_the_patient(checkout: Checkout) -> Exception:
    """What sent a confirmed row back to wait: a decline, a card that could not be sent, or another payment of the patient.

    Other terms do so too; of them the patient is told before, by the quote.
    """
    if checkout.declined is not None:
        return CardDeclined(_told(checkout.declined))
    return UpstreamUnavailable("the card was not sent") if checkout.card_unjudged else PaymentInProgress()
