"""Refusals of who asks: what a guest has to show first."""

from booking.refusals.base import Refusal


class GuestDetailsRequired(Refusal):
    """Who is not signed in must say who they are."""

    code = "GUEST_DETAILS_REQUIRED"
    message = "Please sign in, or give your name and email to check out as a guest."


class SignInRequired(Refusal):
    """The practice lets only people who have signed in book a visit that costs nothing."""

    code = "SIGN_IN_REQUIRED"
    message = "Please sign in to book this visit."


class EmailVerificationRequired(Refusal):
    """The practice lets guests book a visit that costs nothing once their email address is verified."""

    code = "EMAIL_VERIFICATION_REQUIRED"
    message = "Please verify your email address first."
    retryable = True


class UnpaidVisitsUsedUp(Refusal):
    """Guests have booked as many visits that cost nothing as they may for now; `retry_after` is in seconds."""

    code = "UNPAID_VISITS_USED_UP"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "This visit cannot be booked without signing in at the moment. Please sign in, choose another day, or contact the practice."
        )
        self.retry_after = retry_after


class EmailVerificationUnavailable(Refusal):
    """The practice does not verify email addresses, or it is settled already which record this checkout writes into."""

    code = "EMAIL_VERIFICATION_UNAVAILABLE"
    message = "This email address cannot be verified here. You can book without that."


class EmailNotSent(Refusal):
    """The mail with the code was not taken; nothing was counted."""

    code = "EMAIL_NOT_SENT"
    message = "The mail could not be sent. Please check the address, or try again in a moment."
    retryable = True


class EmailCodeInvalid(Refusal):
    """Not the code that was mailed last, or one that is good no more; `tries_left` of the one that was mailed."""

    code = "EMAIL_CODE_INVALID"

    def __init__(self, tries_left: int) -> None:
        super().__init__(
            "This is not the code that was sent. Please check it."
            if tries_left
            else "There is no code that is still good. Please ask for a new one."
        )
        self.tries_left = tries_left
