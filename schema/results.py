"""What queries and mutations answer: a success or a problem, in unions with names of our choice."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry
from strawberry import field

from schema.checkouts import Checkout
from schema.fields import computed
from schema.permissions import reached
from schema.problems import (
    AmountNotChargeable,
    BookingFailed,
    CardDeclined,
    CardRequired,
    ChargedWrongly,
    CheckoutClosed,
    ClinicianNotBookable,
    EmailCodeInvalid,
    EmailNotSent,
    EmailVerificationRequired,
    EmailVerificationUnavailable,
    GuestDetailsRequired,
    HoldCapacityReached,
    HoldExpired,
    HoldExtensionsUsedUp,
    HoldInCheckout,
    HoldLimitReached,
    NoCreditLeft,
    NothingDueToday,
    PaymentInProgress,
    PaymentUnavailable,
    PlanDoesNotCoverVisit,
    PlanRequired,
    PlanSoldOut,
    PromoInvalid,
    QuoteChanged,
    RecurrenceNotAccepted,
    SignInRequired,
    SlotNotOffered,
    SlotTaken,
    TermsChanged,
    TooLateToBook,
    TooManyAttempts,
    UnpaidVisitsUsedUp,
)
from schema.quotes import Quote
from schema.slots import Hold


@reached
@strawberry.type(description="The price is known.")
class QuoteSuccess:
    """A quote."""

    quote: Quote = field(description="The price and its terms.")
    load_credits_left: strawberry.Private[Callable[[], Awaitable[int]]]

    @computed(
        description="How many visits of this kind the signed-in patient may book by credit instead, with `useCredit`; 0 for others."
    )
    async def credits_left(self) -> int:
        """The credits that are left."""
        return await self.load_credits_left()


@reached
@strawberry.type(description="The slot is held.")
class HoldSlotSuccess:
    """A new hold."""

    hold: Hold = field(description="The hold.")


@reached
@strawberry.type(description="The hold lasts longer.")
class ExtendHoldSuccess:
    """An extended hold."""

    hold: Hold = field(description="The hold with its new expiry.")


@reached
@strawberry.type(description="The slot is free again.")
class ReleaseHoldSuccess:
    """A released hold."""

    hold_id: strawberry.ID = field(description="The hold that ended.")


@reached
@strawberry.type(description="A checkout stands on the hold, with its quote.")
class StartCheckoutSuccess:
    """A checkout that waits to be confirmed."""

    checkout: Checkout = field(description="The checkout.")
    guest_token: str | None = field(
        description="For a guest: send it as `Authorization: Bearer …` to confirm and look at this checkout. "
        "It opens nothing else. Null for a signed-in patient."
    )


@reached
@strawberry.type(description="A checkout of a plan without a visit; `confirmCheckout` pays it.")
class StartPurchaseSuccess:
    """A purchase that waits to be confirmed."""

    checkout: Checkout = field(description="The checkout, without a slot.")
    guest_token: str | None = field(
        description="For a guest, as in `StartCheckoutSuccess`. Null for a signed-in patient."
    )


@reached
@strawberry.type(description="Paid and booked.")
class ConfirmCheckoutSuccess:
    """A confirmed checkout."""

    checkout: Checkout = field(
        description="The checkout with its visit; of a plan without one: `me { packages credits }` has what was bought."
    )


@reached
@strawberry.type(
    description="The outcome is not known yet. Send the same request with the same idempotency key again, "
    "or look with the query `checkout`; nothing is charged twice."
)
class CheckoutProcessing:
    """A checkout that is still being processed at the deadline of the request."""

    checkout: Checkout = field(description="The checkout as it stands.")


@reached
@strawberry.type(
    description="The checkout is cancelled, or will be as soon as what is under way has come to its end."
)
class CancelCheckoutSuccess:
    """A cancelled checkout."""

    checkout: Checkout = field(description="The checkout as it stands.")


@reached
@strawberry.type(
    description="A code is on its way to the guest's email address, unless that is verified already."
)
class RequestEmailVerificationSuccess:
    """A checkout whose guest was mailed a code."""

    checkout: Checkout = field(description="The checkout; `emailCodeExpiresAt` says until when.")


@reached
@strawberry.type(description="The guest's email address is verified.")
class VerifyEmailSuccess:
    """A checkout whose guest has verified their email address."""

    checkout: Checkout = field(description="The checkout as it stands.")


QuoteResult = Annotated[
    QuoteSuccess
    | PlanRequired
    | PlanSoldOut
    | PlanDoesNotCoverVisit
    | NothingDueToday
    | AmountNotChargeable
    | PromoInvalid
    | TooManyAttempts
    | NoCreditLeft
    | SignInRequired,
    strawberry.union("QuoteResult", description="A price, or why there is none."),
]

HoldSlotResult = Annotated[
    HoldSlotSuccess
    | SlotTaken
    | SlotNotOffered
    | TooLateToBook
    | ClinicianNotBookable
    | HoldLimitReached
    | HoldCapacityReached,
    strawberry.union("HoldSlotResult", description="A hold, or why there is none."),
]

ExtendHoldResult = Annotated[
    ExtendHoldSuccess | HoldExpired | HoldExtensionsUsedUp,
    strawberry.union("ExtendHoldResult", description="A longer hold, or why it is not longer."),
]

ReleaseHoldResult = Annotated[
    ReleaseHoldSuccess | HoldExpired | HoldInCheckout,
    strawberry.union("ReleaseHoldResult", description="The end of a hold, or why it was not ended."),
]

StartCheckoutResult = Annotated[
    StartCheckoutSuccess
    | HoldExpired
    | TooLateToBook
    | GuestDetailsRequired
    | RecurrenceNotAccepted
    | PlanRequired
    | PlanSoldOut
    | PlanDoesNotCoverVisit
    | NothingDueToday
    | AmountNotChargeable
    | PromoInvalid
    | TooManyAttempts
    | SignInRequired
    | NoCreditLeft,
    strawberry.union("StartCheckoutResult", description="A checkout, or why there is none."),
]

StartPurchaseResult = Annotated[
    StartPurchaseSuccess
    | GuestDetailsRequired
    | RecurrenceNotAccepted
    | ClinicianNotBookable
    | PlanSoldOut
    | NothingDueToday
    | AmountNotChargeable
    | PromoInvalid
    | TooManyAttempts,
    strawberry.union("StartPurchaseResult", description="A checkout of a plan, or why there is none."),
]

RequestEmailVerificationResult = Annotated[
    RequestEmailVerificationSuccess
    | EmailVerificationUnavailable
    | EmailNotSent
    | TooManyAttempts
    | CheckoutClosed,
    strawberry.union(
        "RequestEmailVerificationResult", description="A code on its way, or why there is none."
    ),
]

VerifyEmailResult = Annotated[
    VerifyEmailSuccess | EmailCodeInvalid | EmailVerificationUnavailable | CheckoutClosed,
    strawberry.union("VerifyEmailResult", description="A verified email address, or why it is not verified."),
]

ConfirmCheckoutResult = Annotated[
    ConfirmCheckoutSuccess
    | CheckoutProcessing
    | QuoteChanged
    | CardRequired
    | CardDeclined
    | TooManyAttempts
    | SignInRequired
    | EmailVerificationRequired
    | UnpaidVisitsUsedUp
    | HoldExpired
    | TooLateToBook
    | SlotTaken
    | ClinicianNotBookable
    | PaymentInProgress
    | PaymentUnavailable
    | AmountNotChargeable
    | TermsChanged
    | NoCreditLeft
    | ChargedWrongly
    | BookingFailed
    | CheckoutClosed,
    strawberry.union("ConfirmCheckoutResult", description="A visit, or why there is none."),
]

CancelCheckoutResult = Annotated[
    CancelCheckoutSuccess | CheckoutClosed,
    strawberry.union("CancelCheckoutResult", description="The end of a checkout, or why it was not ended."),
]
