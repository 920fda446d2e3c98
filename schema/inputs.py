"""GraphQL inputs of queries and mutations."""

from datetime import date

import strawberry
from strawberry import field

from schema.catalog import ContactType

# The one argument of a mutation.
INPUT = strawberry.argument(name="input", description="What to do, and with what.")


@strawberry.input(description="What a patient looks for.")
class SlotFilter:
    """For `booking.slot_query.SlotQuery`."""

    visit_type_id: strawberry.ID = field(description="The kind of visit.")
    time_zone: str = field(
        description="The patient's IANA time zone: days are counted and times given in it."
    )
    contact_type: ContactType | None = field(
        default=None, description="How to meet; by default the visit type's first way."
    )
    location_id: strawberry.ID | None = field(default=None, description="Where; for an in-person visit only.")
    clinician_ids: list[strawberry.ID] | None = field(
        default=None, description="Whom to see; by default everybody who offers the visit."
    )
    state: str | None = field(
        default=None,
        description="The two-letter US state that the patient is in: only clinicians licensed there.",
    )


@strawberry.input(description="Which slot to hold.")
class HoldSlotInput:
    """For `holdSlot`."""

    slot_id: strawberry.ID = field(description="A slot's id, from the query `slots`.")
    time_zone: str = field(description="The patient's IANA time zone.")


@strawberry.input(description="Which hold to extend.")
class ExtendHoldInput:
    """For `extendHold`."""

    hold_id: strawberry.ID = field(description="The hold's id.")


@strawberry.input(description="Which hold to release.")
class ReleaseHoldInput:
    """For `releaseHold`."""

    hold_id: strawberry.ID = field(description="The hold's id.")


@strawberry.input(
    description="Who a guest is. Used for this checkout only; it reveals nothing of an existing record."
)
class GuestInput:
    """`booking.models.GuestDetails`."""

    email: str = field(description="The address that the practice writes to.")
    first_name: str = field(description="First name.")
    last_name: str = field(description="Last name.")
    phone: str | None = field(
        default=None,
        description="A phone number as people write it; with its country code outside the practice's country.",
    )
    birth_date: date | None = field(default=None, description="The day of birth.")


@strawberry.input(description="What to buy.")
class StartCheckoutInput:
    """For `startCheckout`."""

    hold_id: strawberry.ID = field(description="The hold on the chosen slot.")
    plan_id: strawberry.ID | None = field(
        default=None, description="The plan to buy; null: the single visit."
    )
    promo_code: str | None = field(default=None, description="A promo code for the plan.")
    guest: GuestInput | None = field(default=None, description="Who the patient is, unless signed in.")
    accept_recurrence: bool = field(
        default=False,
        description="Whether the patient accepts that the plan bills again as the quote states.",
    )
    # Newer than the others, so without a default: a request without it keeps the arguments, and so the fingerprint, that it had before.
    use_credit: bool | None = field(
        default=strawberry.UNSET,
        description="Whether a credit that the signed-in patient has of a package pays for the single visit; then nothing is due.",
    )


@strawberry.input(description="Which plan to buy without a visit.")
class StartPurchaseInput:
    """For `startPurchase`."""

    plan_id: strawberry.ID = field(description="The plan to buy.")
    time_zone: str = field(description="The patient's IANA time zone, such as America/New_York.")
    clinician_id: strawberry.ID | None = field(
        default=None,
        description="The clinician to buy it from, who receives the payment; null: one who offers its visits.",
    )
    promo_code: str | None = field(default=None, description="A promo code for the plan.")
    guest: GuestInput | None = field(default=None, description="Who the patient is, unless signed in.")
    accept_recurrence: bool = field(
        default=False,
        description="Whether the patient accepts that the plan bills again as the quote states.",
    )


@strawberry.input(description="Whose email address to verify.")
class RequestEmailVerificationInput:
    """For `requestEmailVerification`."""

    checkout_id: strawberry.ID = field(description="The guest's checkout.")


@strawberry.input(description="The code that was mailed to the guest.")
class VerifyEmailInput:
    """For `verifyEmail`."""

    checkout_id: strawberry.ID = field(description="The guest's checkout.")
    code: str = field(description="The code from the mail; spaces and dashes do not count.")


@strawberry.input(
    description="What is accepted, and what to pay with. Name at most one card: none when nothing is due, unless the practice asks for one (`CardRequired`)."
)
class ConfirmCheckoutInput:
    """For `confirmCheckout`."""

    checkout_id: strawberry.ID = field(description="The checkout's id.")
    quote_id: strawberry.ID = field(
        description="The id of the checkout's quote as it was shown to the patient: nothing else is charged."
    )
    card_token: str | None = field(default=None, description="A fresh single-use token of the payment form.")
    card_on_file_id: strawberry.ID | None = field(
        default=None, description="One of the signed-in patient's own cards, from `me`."
    )


@strawberry.input(description="Which checkout to leave.")
class CancelCheckoutInput:
    """For `cancelCheckout`."""

    checkout_id: strawberry.ID = field(description="The checkout's id.")


@strawberry.input(description="Which visit to cancel, on which terms, and why.")
class CancelAppointmentInput:
    """For `cancelAppointment`."""

    quote_id: strawberry.ID = field(
        description="The id of the `cancellationQuote` that was shown: nothing else is done than what it says."
    )
    reason: str | None = field(
        default=None, description="Why, in the patient's own words; the practice reads it."
    )
    reason_id: strawberry.ID | None = field(
        default=None, description="Why, as one of the practice's `cancellationReasons`."
    )
    note: str | None = field(
        default=None,
        description="Of staff only, who must give one: why they cancel, for the audit trail. The practice's policy does not bind them.",
    )


@strawberry.input(description="Which membership to end, and on which terms.")
class CancelMembershipInput:
    """For `cancelMembership`."""

    quote_id: strawberry.ID = field(
        description="The id of the `membershipEndQuote` that was shown: nothing else is done than what it says."
    )
    note: str | None = field(
        default=None, description="Of staff only, who must give one: why they end it, for the audit trail."
    )


@strawberry.input(description="Which card to take off file.")
class RemoveCardInput:
    """For `removeCard`."""

    card_id: strawberry.ID = field(description="One of the patient's own cards, from `me`.")


@strawberry.input(description="Which card to make the default.")
class SetDefaultCardInput:
    """For `setDefaultCard`."""

    card_id: strawberry.ID = field(description="One of the patient's own cards, from `me`.")


@strawberry.input(description="Which receipt to mail.")
class SendReceiptInput:
    """For `sendReceipt`."""

    payment_id: strawberry.ID = field(description="One of the patient's own payments, from `me`.")


@strawberry.input(description="Which invoice to pay, what is accepted, and with which card.")
class PayInvoiceInput:
    """For `payInvoice`."""

    quote_id: strawberry.ID = field(
        description="The `paymentQuoteId` of the invoice as it was shown to the patient: nothing else is charged than what was due on it then."
    )
    card_on_file_id: strawberry.ID = field(description="One of the patient's own cards, from `me`.")


@strawberry.input(description="Which membership to pause, and on which terms.")
class PauseMembershipInput:
    """For `pauseMembership`."""

    quote_id: strawberry.ID = field(
        description="The id of the `membershipPauseQuote` that was shown: nothing else is done than what it says."
    )
    note: str | None = field(
        default=None, description="Of staff only, who must give one: why they pause it, for the audit trail."
    )


@strawberry.input(description="Which membership to resume, and on which terms.")
class ResumeMembershipInput:
    """For `resumeMembership`."""

    quote_id: strawberry.ID = field(
        description="The id of the `membershipResumeQuote` that was shown: nothing else is done than what it says."
    )
    note: str | None = field(
        default=None, description="Of staff only, who must give one: why they resume it, for the audit trail."
    )


@strawberry.input(description="Which visit to move, on which terms, and to which time.")
class RescheduleAppointmentInput:
    """For `rescheduleAppointment`."""

    quote_id: strawberry.ID = field(description="The id of the `rescheduleQuote` that was shown.")
    hold_id: strawberry.ID = field(
        description="The hold on the new time, from `holdSlot`: for the same kind of visit, and with the same clinician unless the quote allows others."
    )
    note: str | None = field(
        default=None,
        description="Of staff only, who must give one: why they move it, for the audit trail. The practice's policy does not bind them.",
    )
