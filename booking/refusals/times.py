"""Refusals that concern a time: the slot, the hold, the clinician."""

from datetime import datetime

from booking.refusals.base import Refusal, in_words


class SlotTaken(Refusal):
    """Someone else holds or has booked an overlapping interval of the clinician's time."""

    code = "SLOT_TAKEN"
    message = "Somebody else has just taken this time. Please choose another."


class SlotNotOffered(Refusal):
    """The practice does not offer this slot (any more)."""

    code = "SLOT_NOT_OFFERED"
    message = "This time is not on offer. Please choose one from the list."


class TooLateToBook(Refusal):
    """The visit has begun, or begins within the practice's booking notice; `bookable_until` is in UTC."""

    code = "TOO_LATE_TO_BOOK"
    message = "It is too late to book this time. Please choose a later one. You have not been charged."

    def __init__(self, bookable_until: datetime) -> None:
        super().__init__()
        self.bookable_until = bookable_until


class HoldExpired(Refusal):
    """The hold has expired or was released."""

    code = "HOLD_EXPIRED"
    message = "The reservation of this time is over. Please choose a time again."


class HoldInCheckout(Refusal):
    """The hold is used by a live checkout and cannot be released by itself."""

    code = "HOLD_IN_CHECKOUT"
    message = "A checkout is using this reservation. Cancel the checkout instead."


class HoldLimitReached(Refusal):
    """The limit of simultaneous holds of one caller, or of one network, is reached."""

    code = "HOLD_LIMIT_REACHED"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} times are held for you already. Release one first.")
        self.limit = limit


class HoldCapacityReached(Refusal):
    """Anonymous holds use up their share of the clinician's day; `retry_after` is in seconds."""

    code = "HOLD_CAPACITY_REACHED"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "Many times of this clinician's day are being held at the moment. Please try again in "
            f"{in_words(retry_after)}, choose another day, or sign in."
        )
        self.retry_after = retry_after


class HoldExtensionsUsedUp(Refusal):
    """The hold has been extended as often as allowed; `expires_at` is in UTC."""

    code = "HOLD_EXTENSIONS_USED_UP"

    def __init__(self, expires_at: datetime) -> None:
        super().__init__("This reservation cannot be extended again.")
        self.expires_at = expires_at


class ClinicianNotBookable(Refusal):
    """The clinician has no proved key, or does not offer the visit."""

    code = "CLINICIAN_NOT_BOOKABLE"
    message = "This clinician cannot be booked online at the moment."
