"""Problems: expected refusals as members of result unions, one type for each refusal of the domain."""

from datetime import datetime

import strawberry
from strawberry import field

from schema.checkouts import CheckoutStatus, DeclineReason
from schema.permissions import reached
from schema.quotes import Quote


@reached
@strawberry.interface(description="An expected refusal: what is wrong, and whether it may pass.")
class Problem:
    """The fields that all problems share. `code` corresponds to the type."""

    code: str = field(description="A stable code, for programs.")
    message: str = field(description="What to tell the patient, in English.")
    retryable: bool = field(
        description="Whether the same request may succeed later, sent with a new idempotency key."
    )


@strawberry.type(description="Somebody else holds or has booked an overlapping part of the clinician's time.")
class SlotTaken(Problem):
    """`booking.refusals.SlotTaken`."""


@strawberry.type(description="The practice does not offer this slot, or not any more.")
class SlotNotOffered(Problem):
    """`booking.refusals.SlotNotOffered`."""


@strawberry.type(description="The visit has begun, or begins sooner than the practice takes bookings.")
class TooLateToBook(Problem):
    """`booking.refusals.TooLateToBook`."""

    bookable_until: datetime = field(description="Until when it could be booked.")


@strawberry.type(description="The hold is over, was released, or is not the caller's.")
class HoldExpired(Problem):
    """`booking.refusals.HoldExpired`."""


@strawberry.type(description="A checkout stands on the hold: cancel the checkout instead.")
class HoldInCheckout(Problem):
    """`booking.refusals.HoldInCheckout`."""


@strawberry.type(description="The caller holds as many slots as one may at once.")
class HoldLimitReached(Problem):
    """`booking.refusals.HoldLimitReached`."""

    limit: int = field(description="How many one may hold.")


@strawberry.type(
    description="People who have not signed in hold as much of the clinician's day at the moment as they may. Patients who sign in are not "
    "concerned, and other days may have room."
)
class HoldCapacityReached(Problem):
    """`booking.refusals.HoldCapacityReached`."""

    retry_after: int = field(description="Seconds until there is room again, if nobody else takes it.")


@strawberry.type(description="The hold was extended as often as it can be.")
class HoldExtensionsUsedUp(Problem):
    """`booking.refusals.HoldExtensionsUsedUp`."""

    expires_at: datetime = field(description="When the hold ends.")


@strawberry.type(description="The clinician cannot be booked online at the moment.")
class ClinicianNotBookable(Problem):
    """`booking.refusals.ClinicianNotBookable`."""


@strawberry.type(description="The visit is sold as a part of plans only.")
class PlanRequired(Problem):
    """`booking.refusals.PlanRequired`."""


@strawberry.type(description="The plan's cap on purchases is reached.")
class PlanSoldOut(Problem):
    """`booking.refusals.PlanSoldOut`."""


@strawberry.type(description="The plan does not include the visit that was chosen.")
class PlanDoesNotCoverVisit(Problem):
    """`booking.refusals.PlanDoesNotCoverVisit`."""


@strawberry.type(description="A plan with nothing to pay today cannot be bought online.")
class NothingDueToday(Problem):
    """`booking.refusals.NothingDueToday`."""


@strawberry.type(
    description="The card processor charges no card this amount: it is too small, too large, or in a currency that the practice "
    "cannot be paid in. Nothing was charged."
)
class AmountNotChargeable(Problem):
    """`booking.refusals.AmountNotChargeable`."""


@strawberry.type(description="The promo code does not apply.")
class PromoInvalid(Problem):
    """`booking.refusals.PromoInvalid`."""

    reason: str = field(description="Why, in the practice's own words.")


@strawberry.type(
    description="The plan bills again, and that was not accepted: send `acceptRecurrence: true`."
)
class RecurrenceNotAccepted(Problem):
    """`booking.refusals.RecurrenceNotAccepted`."""


@strawberry.type(description="Who is not signed in must say who they are.")
class GuestDetailsRequired(Problem):
    """`booking.refusals.GuestDetailsRequired`."""


@strawberry.type(
    description="Something is due and no card was chosen, or the card is not the caller's; or the practice asks for a card for a visit that "
    "costs nothing, which is put on file and not charged."
)
class CardRequired(Problem):
    """`booking.refusals.CardRequired`."""


@strawberry.type(
    description="The bank said no. The hold lives on: confirm again with another card and a new key."
)
class CardDeclined(Problem):
    """`booking.refusals.CardDeclined`."""

    reason: DeclineReason = field(description="What the patient can do about it.")


@strawberry.type(
    description="Too many cards were declined, promo codes did not apply, codes were mailed, or guests began to pay and did not: for this person, their "
    "network, or all guests together. Nothing was tried. A person who has signed in is not counted among the guests."
)
class TooManyAttempts(Problem):
    """`booking.refusals.TooManyAttempts`."""

    retry_after: int = field(description="Seconds until it may be tried again.")


@strawberry.type(description="Only people who have signed in may book a visit that costs nothing here.")
class SignInRequired(Problem):
    """`booking.refusals.SignInRequired`."""


@strawberry.type(
    description="A guest must verify their email address before they book a visit that costs nothing."
)
class EmailVerificationRequired(Problem):
    """`booking.refusals.EmailVerificationRequired`."""


@strawberry.type(
    description="Guests have booked as many visits that cost nothing as they may for now: this one, their network, with this clinician on "
    "this day, or all together. Nothing was done, and the time stays held. People who have signed in are not concerned."
)
class UnpaidVisitsUsedUp(Problem):
    """`booking.refusals.UnpaidVisitsUsedUp`."""

    retry_after: int = field(description="Seconds until it may be tried again.")


@strawberry.type(
    description="The practice does not verify email addresses, or the checkout was confirmed before. It can be confirmed without that."
)
class EmailVerificationUnavailable(Problem):
    """`booking.refusals.EmailVerificationUnavailable`."""


@strawberry.type(description="The mail with the code was not taken; nothing was counted.")
class EmailNotSent(Problem):
    """`booking.refusals.EmailNotSent`."""


@strawberry.type(description="Not the code that was sent last, or one that is good no more.")
class EmailCodeInvalid(Problem):
    """`booking.refusals.EmailCodeInvalid`."""

    tries_left: int = field(description="How often the code may be tried still; 0: ask for a new one.")


@strawberry.type(description="The checkout has ended and takes no further action.")
class CheckoutClosed(Problem):
    """`booking.refusals.CheckoutClosed`."""

    status: CheckoutStatus = field(description="How it ended.")


@strawberry.type(description="Another payment of the same patient is under way; one at a time.")
class PaymentInProgress(Problem):
    """`booking.refusals.PaymentInProgress`."""


@strawberry.type(
    description="The checkout has another quote than the one that was accepted, or what it is for is sold on other terms now; "
    "nothing was charged, and the time stays held. Show the present one, and confirm it with a fresh card token."
)
class QuoteChanged(Problem):
    """`booking.refusals.QuoteChanged`."""

    quote: Quote = field(description="What the checkout costs now, and on which terms.")
    checkout_id: strawberry.Private[str]


@strawberry.type(
    description="The patient has no credit left for this kind of visit, or another visit of theirs takes the last one at this moment. No visit stands, and nothing was charged. Choose another way to pay."
)
class NoCreditLeft(Problem):
    """`booking.refusals.NoCreditLeft`."""


@strawberry.type(
    description="What was accepted is not sold any more, or not on these terms, and the checkout is over; nothing was charged. Start again."
)
class TermsChanged(Problem):
    """`booking.refusals.TermsChanged`."""


@strawberry.type(
    description="The card was charged on other terms than the patient accepted: another amount, card or plan, or a recurring payment "
    "that nobody accepted. It was all undone: nothing recurs, the payment was given back in full, and there is no visit."
)
class ChargedWrongly(Problem):
    """`booking.refusals.ChargedWrongly`."""


@strawberry.type(description="The practice cannot take this payment at the moment; nothing was charged.")
class PaymentUnavailable(Problem):
    """`booking.refusals.PaymentUnavailable`."""


@strawberry.type(
    description="The visit could not be booked after the payment, and the payment was given back."
)
class BookingFailed(Problem):
    """`booking.refusals.BookingFailed`."""
