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
│   ├── card     CardInUse / CardNotChanged / ReceiptUnavailable
│   └── end      ChargedWrongly / BookingFailed / CheckoutClosed
├── waitlist     WaitlistLimitReached / WaitlistFull
└── change       CancellationNotAllowed / RescheduleNotAllowed / CancellationReasonRequired / SlotDoesNotFit
    ├── quote    CancellationQuoteChanged / RescheduleQuoteChanged
    ├── end      ChangeInProgress / ChangedByPractice / ChangeFailed
    ├── invoice  InvoicePaid / InvoiceChanged / InvoiceNotPayable / InvoicePaymentInProgress
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
from booking.refusals.invoices import (
    InvoiceChanged,
    InvoiceNotPayable,
    InvoicePaid,
    InvoicePaymentInProgress,
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
    CardInUse,
    CardNotChanged,
    CardRequired,
    CardUse,
    ChargedWrongly,
    CheckoutClosed,
    DeclineReason,
    PaymentInProgress,
    PaymentUnavailable,
    ReceiptUnavailable,
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
    "CardInUse",
    "CardNotChanged",
    "CardRequired",
    "CardUse",
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
    "InvoiceChanged",
    "InvoiceNotPayable",
    "InvoicePaid",
    "InvoicePaymentInProgress",
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
    "ReceiptUnavailable",
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
