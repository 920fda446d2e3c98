"""Refusals: expected errors that are shown to patients.

Each carries the data that its caller needs, and is mapped in one place to a GraphQL problem (`resolvers/problems.py`).

Refusal (a DomainError, see errors.py)
├── time         SlotTaken / SlotNotOffered / TooLateToBook / ClinicianNotBookable
│   └── hold     HoldExpired / HoldInCheckout / HoldLimitReached / HoldCapacityReached / HoldExtensionsUsedUp
├── purchase     PlanRequired / PlanSoldOut / PlanDoesNotCoverVisit / NothingDueToday / AmountNotChargeable
│   ├── credit   NoCreditLeft
│   └── terms    PromoInvalid / RecurrenceNotAccepted / QuoteChanged / TermsChanged
├── caller       GuestDetailsRequired / SignInRequired / UnpaidVisitsUsedUp
│   └── email    EmailVerificationRequired / EmailVerificationUnavailable / EmailNotSent / EmailCodeInvalid
├── payment      CardRequired / CardDeclined / TooManyAttempts / PaymentInProgress / PaymentUnavailable
│   └── end      ChargedWrongly / BookingFailed / CheckoutClosed
├── waitlist     WaitlistLimitReached / WaitlistFull
└── change       CancellationNotAllowed / RescheduleNotAllowed / CancellationReasonRequired / SlotDoesNotFit
    ├── quote    CancellationQuoteChanged / RescheduleQuoteChanged
    ├── end      ChangeInProgress / ChangedByPractice / ChangeFailed
    └── member   MembershipOver / MembershipChangeNotAllowed / MembershipQuoteChanged / MembershipPauseQuoteChanged /
                 MembershipResumeQuoteChanged / MembershipChangedByPractice / MembershipChangeInProgress / MembershipChangeFailed
"""

from booking.refusals.base import Refusal
from booking.refusals.changes import (
    CancellationNotAllowed,
    CancellationQuoteChanged,
    CancellationReasonRequired,
    ChangedByPractice,
    ChangeFailed,
    ChangeInProgress,
    NotAllowedReason,
    RescheduleNotAllowed,
    RescheduleQuoteChanged,
    SlotDoesNotFit,
)
from booking.refusals.memberships import (
    MembershipChangedByPractice,
    MembershipChangeFailed,
    MembershipChangeInProgress,
    MembershipChangeNotAllowed,
    MembershipNotAllowedReason,
    MembershipOver,
    MembershipPauseQuoteChanged,
    MembershipQuoteChanged,
    MembershipResumeQuoteChanged,
)
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
    NoCreditLeft,
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
from booking.refusals.waitlist import WaitlistFull, WaitlistLimitReached

__all__ = [
    "AmountNotChargeable",
    "BookingFailed",
    "CancellationNotAllowed",
    "CancellationQuoteChanged",
    "CancellationReasonRequired",
    "CardDeclined",
    "CardRequired",
    "ChangeFailed",
    "ChangeInProgress",
    "ChangedByPractice",
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
    "MembershipChangeFailed",
    "MembershipChangeInProgress",
    "MembershipChangeNotAllowed",
    "MembershipChangedByPractice",
    "MembershipNotAllowedReason",
    "MembershipOver",
    "MembershipPauseQuoteChanged",
    "MembershipQuoteChanged",
    "MembershipResumeQuoteChanged",
    "NoCreditLeft",
    "NotAllowedReason",
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
    "RescheduleNotAllowed",
    "RescheduleQuoteChanged",
    "SignInRequired",
    "SlotDoesNotFit",
    "SlotNotOffered",
    "SlotTaken",
    "TermsChanged",
    "TooLateToBook",
    "TooManyAttempts",
    "UnpaidVisitsUsedUp",
    "WaitlistFull",
    "WaitlistLimitReached",
]
