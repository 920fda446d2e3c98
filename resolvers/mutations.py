"""The mutations: each reads its inputs, calls one service and maps the result. `resolvers.problems` maps refusals to problems."""

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

import strawberry

from booking.checkout.model import Checkout, CheckoutState
from resolvers import inputs
from resolvers.catalog import names, to_clinicians
from resolvers.change_mutations import ChangeMutation
from resolvers.checkouts import is_guest, to_checkout
from resolvers.invoices import InvoiceMutation
from resolvers.memberships import MembershipMutation
from resolvers.payment_changes import PaymentMutation
from resolvers.slots import to_hold
from resolvers.waitlist_mutations import WaitlistMutation
from schema.context import Context, Info
from schema.fields import computed
from schema.inputs import (
    INPUT,
    CancelCheckoutInput,
    ConfirmCheckoutInput,
    ExtendHoldInput,
    HoldSlotInput,
    ReleaseHoldInput,
    RequestEmailVerificationInput,
    StartCheckoutInput,
    StartPurchaseInput,
    VerifyEmailInput,
)
from schema.permissions import BUYERS, GUESTS, SHOPPERS
from schema.results import (
    CancelCheckoutResult,
    CancelCheckoutSuccess,
    CheckoutProcessing,
    ConfirmCheckoutResult,
    ConfirmCheckoutSuccess,
    ExtendHoldResult,
    ExtendHoldSuccess,
    HoldSlotResult,
    HoldSlotSuccess,
    ReleaseHoldResult,
    ReleaseHoldSuccess,
    RequestEmailVerificationResult,
    RequestEmailVerificationSuccess,
    StartCheckoutResult,
    StartCheckoutSuccess,
    StartPurchaseResult,
    StartPurchaseSuccess,
    VerifyEmailResult,
    VerifyEmailSuccess,
)

StartedT = TypeVar("StartedT")


@strawberry.type(
    description="Changing. One field a document, and every document carries an idempotency key: in the header "
    "`Idempotency-Key`, or in `extensions.idempotencyKey` of the request. The same key with the same input answers "
    "the same outcome again; a new attempt takes a new key."
)
class Mutation(ChangeMutation, MembershipMutation, InvoiceMutation, PaymentMutation, WaitlistMutation):
    """The root of mutations."""

    @computed(description="Keep a slot free for the caller, for some minutes.", who=SHOPPERS)
    async def hold_slot(self, info: Info, asked: Annotated[HoldSlotInput, INPUT]) -> HoldSlotResult:
        """Hold."""
        services = info.context.services
        hold = await services.holds.hold(info.context.shopper, asked.slot_id, time_zone=asked.time_zone)
        return HoldSlotSuccess(hold=to_hold(hold, clinicians=to_clinicians(await names(services))))

    @computed(description="Start a hold's time anew; a bounded number of times.", who=SHOPPERS)
    async def extend_hold(self, info: Info, asked: Annotated[ExtendHoldInput, INPUT]) -> ExtendHoldResult:
        """Extend."""
        services = info.context.services
        hold_id = inputs.required_token(asked.hold_id, field="holdId")
        hold = await services.holds.extend(info.context.identified, hold_id)
        return ExtendHoldSuccess(hold=to_hold(hold, clinicians=to_clinicians(await names(services))))

    @computed(description="Give a held slot back.", who=SHOPPERS)
    async def release_hold(self, info: Info, asked: Annotated[ReleaseHoldInput, INPUT]) -> ReleaseHoldResult:
        """Release."""
        hold_id = inputs.required_token(asked.hold_id, field="holdId")
        await info.context.services.holds.release(info.context.identified, hold_id)
        return ReleaseHoldSuccess(hold_id=asked.hold_id)

    @computed(
        description="Start buying the held slot: as the signed-in patient, or as a guest with details. Starting "
        "again on the same hold joins the checkout that is there, and changes its plan, promo code, guest and use of a credit until it is confirmed.",
        who=SHOPPERS,
    )
    async def start_checkout(
        self, info: Info, asked: Annotated[StartCheckoutInput, INPUT]
    ) -> StartCheckoutResult:
        """Start."""
        context = info.context
        checkout = await context.services.starts.start(
            context.shopper,
            hold_id=inputs.required_token(asked.hold_id, field="holdId"),
            plan_id=asked.plan_id,
            promo_code=inputs.promo_code(asked.promo_code),
            guest=inputs.guest(asked.guest, phone_region=context.services.phone_region),
            accept_recurrence=asked.accept_recurrence,
            use_credit=bool(asked.use_credit),
        )
        return await _started(context, checkout, StartCheckoutSuccess)

    @computed(
        description="Start buying a plan without a visit: as the signed-in patient, or as a guest with details. Once it is confirmed, the "
        "plan's credits pay for visits that are booked later (`startCheckout` with `useCredit`). Starting the same plan again joins the checkout that is there.",
        who=SHOPPERS,
    )
    async def start_purchase(
        self, info: Info, asked: Annotated[StartPurchaseInput, INPUT]
    ) -> StartPurchaseResult:
        """Start."""
        context = info.context
        checkout = await context.services.starts.start_plan(
            context.shopper,
            plan_id=inputs.required_token(asked.plan_id, field="planId"),
            time_zone=asked.time_zone,
            clinician_id=inputs.token(asked.clinician_id, field="clinicianId"),
            promo_code=inputs.promo_code(asked.promo_code),
            guest=inputs.guest(asked.guest, phone_region=context.services.phone_region),
            accept_recurrence=asked.accept_recurrence,
        )
        return await _started(context, checkout, StartPurchaseSuccess)

    @computed(
        description="Mail a one-time code to the guest's email address, whether or not it belongs to a patient; `verifyEmail` takes it. Only before the checkout is confirmed.",
        who=GUESTS,
    )
    async def request_email_verification(
        self, info: Info, asked: Annotated[RequestEmailVerificationInput, INPUT]
    ) -> RequestEmailVerificationResult:
        """Mail a code."""
        services = info.context.services
        checkout_id = inputs.required_token(asked.checkout_id, field="checkoutId")
        checkout = await services.email_verification.request(info.context.identified, checkout_id)
        return RequestEmailVerificationSuccess(checkout=await to_checkout(checkout, services))

    @computed(
        description="Give the code that was mailed: it verifies the guest's email address. Where the practice lets them, they then use the record that it has of them.",
        who=GUESTS,
    )
    async def verify_email(self, info: Info, asked: Annotated[VerifyEmailInput, INPUT]) -> VerifyEmailResult:
        """Take a code."""
        services = info.context.services
        checkout_id = inputs.required_token(asked.checkout_id, field="checkoutId")
        checkout = await services.email_verification.verify(
            info.context.identified, checkout_id, inputs.email_code(asked.code)
        )
        return VerifyEmailSuccess(checkout=await to_checkout(checkout, services))

    @computed(
        description="Pay and book what the accepted quote says. A second confirm joins the first: nothing is charged twice.",
        who=BUYERS,
    )
    async def confirm_checkout(
        self, info: Info, asked: Annotated[ConfirmCheckoutInput, INPUT]
    ) -> ConfirmCheckoutResult:
        """Confirm."""
        services = info.context.services
        checkout_id = inputs.required_token(asked.checkout_id, field="checkoutId")
        answer_by = asyncio.get_running_loop().time() + services.checkouts.answer_within.total_seconds()
        checkout = await services.checkouts.confirm(
            info.context.identified,
            checkout_id,
            inputs.card(asked),
            quote_id=inputs.required_token(asked.quote_id, field="quoteId"),
        )
        shown = await to_checkout(checkout, services, answer_by=answer_by, confirming=True)
        if checkout.stands is CheckoutState.CONFIRMED:
            return ConfirmCheckoutSuccess(checkout=shown)
        return CheckoutProcessing(checkout=shown)

    @computed(
        description="Leave a checkout. What is under way is undone once its outcome is known.", who=BUYERS
    )
    async def cancel_checkout(
        self, info: Info, asked: Annotated[CancelCheckoutInput, INPUT]
    ) -> CancelCheckoutResult:
        """Cancel."""
        services = info.context.services
        checkout_id = inputs.required_token(asked.checkout_id, field="checkoutId")
        checkout = await services.checkouts.cancel(info.context.identified, checkout_id)
        return CancelCheckoutSuccess(checkout=await to_checkout(checkout, services))


async def _started(context: Context, checkout: Checkout, success: Callable[..., StartedT]) -> StartedT:
    """What starting a checkout answers; a guest gets the token that opens it."""
    return success(
        checkout=await to_checkout(checkout, context.services),
        guest_token=context.tokens.guest(checkout.id) if is_guest(checkout) else None,
    )
