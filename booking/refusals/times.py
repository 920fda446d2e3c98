"""Refusals of a time: a slot, a hold, whoever would be met."""

from datetime import datetime

from booking.refusals.base import Refusal, in_words


class SlotTaken(Refusal):
    """Somebody else holds or has booked an overlapping part of the clinician's time."""

    code = "SLOT_TAKEN"
    message = "Somebody else has just taken this time. Please choose another."


class SlotNotOffered(Refusal):
    """The practice does not offer this slot (any more)."""

    code = "SLOT_NOT_OFFERED"
    message = "This time is not on offer. Please choose one from the list."


class TooLateToBook(Refusal):
    """The visit has begun, or begins sooner than the practice takes bookings; `bookable_until` is in UTC."""

    code = "TOO_LATE_TO_BOOK"
    message = "It is too late to book this time. Please choose a later one. You have not been charged."

    def __init__(self, bookable_until: datetime) -> None:
        super().__init__()
        self.bookable_until = bookable_until


class HoldExpired(Refusal):
    """The hold is over, or was released."""

    code = "HOLD_EXPIRED"
    message = "The reservation of this time is over. Please choose a time again."


class HoldInCheckout(Refusal):
    """A hold that a live checkout stands on cannot be released by itself."""

    code = "HOLD_IN_CHECKOUT"
    message = "A checkout is using this reservation. Cancel the checkout instead."


class HoldLimitReached(Refusal):
    """One caller, or all from one network, may hold only so many slots at once."""

    code = "HOLD_LIMIT_REACHED"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} times are held for you already. Release one first.")
        self.limit = limit


class HoldCapacityReached(Refusal):
    """People who have not signed in hold as much of the clinician's day as they may; `retry_after` is in seconds."""

    code = "HOLD_CAPACITY_REACHED"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "Many times of this clinician's day are being held at the moment. Please try again in "
            f"{in_words(retry_after)}, choose another day, or sign in."
        )
        self.retry_after = retry_after


class HoldExtensionsUsedUp(Refusal):
    """A hold can be extended a bounded number of times."""

    code = "HOLD_EXTENSIONS_USED_UP"

    def __init__(self, expires_at: datetime) -> None:
        super().__init__("This reservation cannot be extended again.")
        self.expires_at = expires_at


class ClinicianNotBookable(Refusal):
    """No key of the clinician is proved, or they do not offer the visit."""

    code = "CLINICIAN_NOT_BOOKABLE"
    message = "This clinician cannot be booked online at the moment."
