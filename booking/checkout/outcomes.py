"""The outcome of a confirm: returns the row, or raises the refusal that its patient gets."""

from collections.abc import Mapping

from booking.checkout.guards import bookable_until
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.sale_words import NOT_BOUGHT, said_of
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
    NoCreditLeft,
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
    EndReason.NO_CREDIT_LEFT: NoCreditLeft,
}


_NOT_CHARGED = "The visit could not be booked. You have not been charged."


def outcome(checkout: Checkout) -> Checkout:
    """Return the row if it is confirmed or under way; otherwise raise the refusal that says how it ended.

    Raises UpstreamUnavailable when the card was not sent: nothing was done.
    """
    stands = checkout.stands
    if checkout.state in WAITING and at_rest(checkout):
        raise _why_it_waits_again(checkout)
    if checkout.end_reason is EndReason.CANCELLED_BY_PATIENT and stands in TERMINAL:
        raise CheckoutClosed(stands)
    if stands is S.REFUNDED:
        why = ChargedWrongly if checkout.end_reason is EndReason.CHARGED_WRONGLY else BookingFailed
        raise why(said_of(checkout, why))
    if checkout.end_reason is EndReason.TOO_LATE and stands in TERMINAL:
        raise TooLateToBook(bookable_until(checkout))
    if stands in TERMINAL and stands is not S.CONFIRMED:
        if (end := _ENDS.get(checkout.end_reason)) is not None:
            raise end(said_of(checkout, end))
        raise BookingFailed(_NOT_CHARGED if checkout.slot is not None else NOT_BOUGHT)
    return checkout


def _known_reason(declined: DeclineReason | Unknown) -> DeclineReason:
    """Return the decline reason; for one of a newer release the advice that is true of all."""
    return DeclineReason.TRY_ANOTHER_CARD if isinstance(declined, Unknown) else declined


def _why_it_waits_again(checkout: Checkout) -> Exception:
    """Return why a confirmed row waits for its patient again: a decline, a card that was not sent, or their other payment.

    Changed terms are another cause; the caller has raised QuoteChanged for them before.
    """
    if checkout.declined is not None:
        return CardDeclined(_known_reason(checkout.declined))
    return UpstreamUnavailable("the card was not sent") if checkout.card_unjudged else PaymentInProgress()
