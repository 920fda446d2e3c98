"""Refusals that concern the caller: sign-in, guest details and email verification."""

from booking.refusals.base import Refusal


class GuestDetailsRequired(Refusal):
    """A caller who is not signed in must give guest details."""

    code = "GUEST_DETAILS_REQUIRED"
    message = "Please sign in, or give your name and email to check out as a guest."


class SignInRequired(Refusal):
    """The practice requires sign-in to book a visit that costs nothing."""

    code = "SIGN_IN_REQUIRED"
    message = "Please sign in to book this visit."


class EmailVerificationRequired(Refusal):
    """The practice requires a verified email address before a guest books a visit that costs nothing."""

    code = "EMAIL_VERIFICATION_REQUIRED"
    message = "Please verify your email address first."
    retryable = True


class UnpaidVisitsUsedUp(Refusal):
    """The limit of free visits that guests may book for now is reached; `retry_after` is in seconds."""

    code = "UNPAID_VISITS_USED_UP"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "This visit cannot be booked without signing in at the moment. Please sign in, choose another day, or contact the practice."
        )
        self.retry_after = retry_after


class EmailVerificationUnavailable(Refusal):
    """The practice does not verify email addresses, or the checkout's patient record is already determined."""

    code = "EMAIL_VERIFICATION_UNAVAILABLE"
    message = "This email address cannot be verified here. You can book without that."


class EmailNotSent(Refusal):
    """The mail server did not accept the mail with the code. The attempt was not counted."""

    code = "EMAIL_NOT_SENT"
    message = "The mail could not be sent. Please check the address, or try again in a moment."
    retryable = True


class EmailCodeInvalid(Refusal):
    """The code is wrong, superseded or expired. `tries_left` counts the tries left for the code that was mailed last."""

    code = "EMAIL_CODE_INVALID"

    def __init__(self, tries_left: int) -> None:
        super().__init__(
            "This is not the code that was sent. Please check it."
            if tries_left
            else "There is no code that is still good. Please ask for a new one."
        )
        self.tries_left = tries_left
