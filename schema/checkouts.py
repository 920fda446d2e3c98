"""GraphQL types of a checkout, as its patient sees it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import Enum

import strawberry
from strawberry import enum_value, field

from schema.appointments import Appointment
from schema.fields import computed
from schema.money import Money
from schema.permissions import reached
from schema.quotes import Quote
from schema.slots import Slot


@strawberry.enum(description="Where a checkout stands.")
class CheckoutStatus(Enum):
    """`booking.checkout.model.CheckoutState`, reduced to what matters to a patient."""

    OPEN = enum_value("open", description="It waits for `confirmCheckout`.")
    PROCESSING = enum_value("processing", description="It is being paid and booked. Look again in a moment.")
    CANCELLING = enum_value("cancelling", description="It is being undone; what was paid is given back.")
    CONFIRMED = enum_value(
        "confirmed",
        description="Paid and booked; of a plan without a visit, paid: `me` has its package and credits.",
    )
    CANCELLED = enum_value("cancelled", description="It ended without a visit and without a payment.")
    EXPIRED = enum_value("expired", description="The time to confirm ran out; nothing was charged.")
    REFUNDED = enum_value("refunded", description="It ended without a visit, and the payment was given back.")
    NEEDS_ATTENTION = enum_value(
        "needs_attention", description="Somebody at the practice is looking after it."
    )


@strawberry.enum(description="Why a checkout did not end in a visit.")
class CheckoutEndReason(Enum):
    """`booking.checkout.model.EndReason`, with descriptions."""

    SLOT_TAKEN = enum_value("slot_taken", description="Somebody else got the time.")
    CLINICIAN_NOT_BOOKABLE = enum_value(
        "clinician_not_bookable", description="The clinician cannot be booked online any more."
    )
    PROVIDER_MISMATCH = enum_value(
        "provider_mismatch", description="The visit could not be booked with the chosen clinician."
    )
    CANCELLED_BY_PATIENT = enum_value("cancelled_by_patient", description="The patient cancelled.")
    HOLD_EXPIRED = enum_value("hold_expired", description="The time to confirm ran out.")
    PAYMENT_UNAVAILABLE = enum_value(
        "payment_unavailable", description="The practice could not take the payment."
    )
    AMOUNT_NOT_CHARGEABLE = enum_value(
        "amount_not_chargeable", description="The card processor charges no card this amount."
    )
    BOOKING_REFUSED = enum_value("booking_refused", description="The practice's books refused the visit.")
    BOOKING_TIMED_OUT = enum_value("booking_timed_out", description="The visit could not be booked in time.")
    TOO_LATE = enum_value(
        "too_late", description="The visit has begun, or begins sooner than the practice takes bookings."
    )
    TERMS_CHANGED = enum_value(
        "terms_changed",
        description="What was chosen is no longer sold as it was accepted; nothing was charged.",
    )
    CHARGED_WRONGLY = enum_value(
        "charged_wrongly",
        description="The card was charged on other terms than accepted; that is undone, and given back.",
    )
    NO_CREDIT_LEFT = enum_value(
        "no_credit_left", description="No credit was left that pays for the visit; nothing was charged."
    )
    ENDED_BY_PRACTICE = enum_value("ended_by_practice", description="The practice ended it.")


@strawberry.enum(description="What a patient can do about a declined card.")
class DeclineReason(Enum):
    """`booking.refusals.DeclineReason`, with descriptions."""

    TRY_ANOTHER_CARD = enum_value("try_another_card", description="Use another card.")
    INSUFFICIENT_FUNDS = enum_value(
        "insufficient_funds", description="The card lacks the funds; use another."
    )
    CARD_EXPIRED = enum_value("card_expired", description="The card has expired; use another.")
    CHECK_CARD_DETAILS = enum_value(
        "check_card_details", description="Number, date or security code is wrong; check them."
    )
    AUTHENTICATION_REQUIRED = enum_value(
        "authentication_required",
        description="The bank wants a confirmation that is not possible here; use another card.",
    )
    CALL_YOUR_BANK = enum_value("call_your_bank", description="The bank can say why; or use another card.")
    TRY_AGAIN = enum_value("try_again", description="It could not be processed just now; try again.")


@reached
@strawberry.type(description="One patient buying one visit, or a plan without one.")
class Checkout:
    """`booking.checkout.model.Checkout`; fields that need an upstream call are loaded when they are selected."""

    id: strawberry.ID = field(description="Names the checkout.")
    status: CheckoutStatus = field(description="Where it stands.")
    slot: Slot | None = field(
        description="The time that it is about; null for a plan that is bought without a visit."
    )
    quote: Quote = field(
        description="What it costs and on which terms, as it was last quoted: a second `startCheckout` and `QuoteChanged` replace it."
    )
    declined: DeclineReason | None = field(
        description="Why the last card was declined; null after a new attempt."
    )
    end_reason: CheckoutEndReason | None = field(description="Why it did not end in a visit, if it did not.")
    refunded: Money | None = field(description="What was given back.")
    email_verified: bool = field(
        description="Whether the guest has verified their email address; false for who has signed in."
    )
    email_code_expires_at: datetime | None = field(
        description="Until when the code that was mailed to the guest can be given; null when none waits."
    )
    load_appointment: strawberry.Private[Callable[[], Awaitable[Appointment | None]]]
    load_hold_expiry: strawberry.Private[Callable[[], Awaitable[datetime | None]]]

    @computed(
        description="The visit that was booked, as it stands in the practice's books by now: the same object as in `me`; null before. "
        "Once it was moved to another clinician, the visit that took its place. While those cannot be read, what was known of it last."
    )
    async def appointment(self) -> Appointment | None:
        """The visit."""
        return await self.load_appointment()

    @computed(
        description="Until when the time is held for it; null when there is no hold any more. Of a plan without a visit, until when it can be confirmed."
    )
    async def hold_expires_at(self) -> datetime | None:
        """When the hold expires; None when there is no live hold."""
        return await self.load_hold_expiry()
