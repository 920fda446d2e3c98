"""Refusals: what patients are told no to.

Each is expected, carries the data its caller needs, and is mapped once to a GraphQL problem.

Refusal (a DomainError, see errors.py)
├── of a time: SlotTaken / SlotNotOffered / TooLateToBook / ClinicianNotBookable
│   └── held: HoldExpired / HoldInCheckout / HoldLimitReached / HoldCapacityReached / HoldExtensionsUsedUp
├── of what is bought: PlanRequired / PlanSoldOut / PlanDoesNotCoverVisit / NothingDueToday / AmountNotChargeable
│   └── on its terms: PromoInvalid / RecurrenceNotAccepted / QuoteChanged / TermsChanged
├── of who asks: GuestDetailsRequired / SignInRequired / UnpaidVisitsUsedUp
│   └── by email: EmailVerificationRequired / EmailVerificationUnavailable / EmailNotSent / EmailCodeInvalid
└── of a payment: CardRequired / CardDeclined / TooManyAttempts / PaymentInProgress / PaymentUnavailable
    └── at its end: ChargedWrongly / BookingFailed / CheckoutClosed
"""

from booking.refusals.base import Refusal
from booking.refusals.payments import (
    BookingFailed,
    CardDeclined,
    CardRequired,
    ChargedWrongly,
    CheckoutClosed,
    DeclineReason,
    PaymentInProgress,
    PaymentUnavailable,
    TooManyAttempts,
)
from booking.refusals.people import (
    EmailCodeInvalid,
    EmailNotSent,
    EmailVerificationRequired,
    EmailVerificationUnavailable,
    GuestDetailsRequired,
    SignInRequired,
    UnpaidVisitsUsedUp,
)
from booking.refusals.sales import (
    AmountNotChargeable,
    NothingDueToday,
    PlanDoesNotCoverVisit,
    PlanRequired,
    PlanSoldOut,
    PromoInvalid,
    QuoteChanged,
    RecurrenceNotAccepted,
    TermsChanged,
)
from booking.refusals.times import (
    ClinicianNotBookable,
    HoldCapacityReached,
    HoldExpired,
    HoldExtensionsUsedUp,
    HoldInCheckout,
    HoldLimitReached,
    SlotNotOffered,
    SlotTaken,
    TooLateToBook,
)

__all__ = [
    "AmountNotChargeable",
    "BookingFailed",
    "CardDeclined",
    "CardRequired",
    "ChargedWrongly",
    "CheckoutClosed",
    "ClinicianNotBookable",
    "DeclineReason",
    "EmailCodeInvalid",
    "EmailNotSent",
    "EmailVerificationRequired",
    "EmailVerificationUnavailable",
    "GuestDetailsRequired",
    "HoldCapacityReached",
    "HoldExpired",
    "HoldExtensionsUsedUp",
    "HoldInCheckout",
    "HoldLimitReached",
    "NothingDueToday",
    "PaymentInProgress",
    "PaymentUnavailable",
    "PlanDoesNotCoverVisit",
    "PlanRequired",
    "PlanSoldOut",
    "PromoInvalid",
    "QuoteChanged",
    "RecurrenceNotAccepted",
    "Refusal",
    "SignInRequired",
    "SlotNotOffered",
    "SlotTaken",
    "TermsChanged",
    "TooLateToBook",
    "TooManyAttempts",
    "UnpaidVisitsUsedUp",
]
