"""Refusals that concern the waitlist."""

from booking.refusals.base import Refusal


class WaitlistLimitReached(Refusal):
    """The patient is on the waitlist as often as one may be."""

    code = "WAITLIST_LIMIT_REACHED"

    def __init__(self, limit: int) -> None:
        super().__init__(f"You are waiting for {limit} times already. Leave one of them first.")
        self.limit = limit


class WaitlistFull(Refusal):
    """The practice's waitlist takes no more entries at the moment."""

    code = "WAITLIST_FULL"
    message = "The waitlist is full at the moment. Please try again later, or look for a free time."
    retryable = True
