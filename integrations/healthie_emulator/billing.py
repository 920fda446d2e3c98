"""`createBillingItem`: charge a card, schedule a charge, or record a payment that was made elsewhere."""

import dataclasses
from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator import coupons, dates, packages
from integrations.healthie_emulator.amounts import PRACTICE_CURRENCY, to_minor
from integrations.healthie_emulator.bookkeeping.stripe_errors import told
from integrations.healthie_emulator.cards import default_card, find_card, patient_named
from integrations.healthie_emulator.charging import (
    complete_purchase,
    meet_stripe_faults,
    take_payment,
    write_down,
)
from integrations.healthie_emulator.errors import Refusal, refused
from integrations.healthie_emulator.money_records import Card, PackageSelection, RequestedPayment
from integrations.healthie_emulator.records import Offering
from integrations.healthie_emulator.state import Request
from integrations.healthie_emulator.stripe import StripeError

NO_CARD = "Client does not have a card on file"
CARD_NOT_FOUND = "Card not found"
SCHEDULED_ON_INVOICE = "Scheduled payments cannot be attached to an invoice"

MOST_METADATA = 128_000  # characters

# Healthie passes these on as `stripeError` only: they say nothing about the card, and leave the outcome open.
_ONLY_STRIPE_ERROR = frozenset({"idempotency_error", "idempotency_key_in_use", "lock_timeout"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Due:
    """When a payment is due, from `payment_due_date` on the wall clock of the key's owner."""

    later: bool  # after today: planned, not charged
    starts_recurring: bool  # a due date of today or before keeps a recurring plan from recurring


def create(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Make a payment. A decline answers `messages` and `stripeError`, HTTP 200, and leaves a FAILED item."""
    try:
        return _create(request, given)
    except Refusal as refusal:
        return refused(refusal.message, field=refusal.field, billingItem=None, stripeError=None)
    except StripeError as error:
        return stripe_refusal(request, error)


def stripe_refusal(request: Request, error: StripeError) -> dict[str, Any]:
    """Make the payload that passes on Stripe's error: as text, or as the JSON that a failed item keeps."""
    said = told(request.world, error)
    if error.code in _ONLY_STRIPE_ERROR:
        return {"billingItem": None, "messages": None, "stripeError": said}
    return refused(error.message, field="base", billingItem=None, stripeError=said)


def _create(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    world = request.world
    values = _values(request, given)
    if not given.get("should_charge"):
        if given.get("created_at"):  # when an outside payment was made; a charge is made now
            values["created_at"] = dates.read(given["created_at"], request.zone)
        item = write_down(world, None, values, state="SUCCEEDED", is_outside_payment=True)
        return {"billingItem": complete_purchase(world, item), "messages": None, "stripeError": None}
    due = _due(request, given.get("payment_due_date"))
    values["starts_recurring"] = due.starts_recurring
    card = _card(request, given, values["sender_id"])
    if due.later and values["requested_payment_id"]:
        raise Refusal("requested_payment_id", SCHEDULED_ON_INVOICE)
    if due.later:
        due_at = dates.read(given["payment_due_date"], request.zone)
        item = write_down(
            world,
            None,
            {**values, "stripe_customer_detail_id": card.id},
            state="SCHEDULED",
            payment_due_date=due_at,
        )
    else:
        key = given.get("stripe_idempotency_key") or None
        meet_stripe_faults(world, "createBillingItem")
        item = take_payment(world, card=card, key=key, values=values)
    return {"billingItem": item, "messages": None, "stripeError": None}


def _values(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    world = request.world
    patient = patient_named(request, given.get("sender_id"))
    if patient is None:
        raise Refusal("sender_id", "Sender can't be blank")
    recipient = world.users.get(given.get("recipient_id") or patient.dietitian_id)
    if recipient is None or recipient.is_patient:
        raise Refusal("recipient_id", "Recipient can't be blank")
    selection = _selection(request, given.get("user_package_selection_id"), patient.id)
    invoice = _invoice(request, given.get("requested_payment_id"), patient.id)
    offering = _offering(request, given.get("offering_id"), given.get("stripe_idempotency_key"))
    if offering is None and invoice is not None:  # the invoice says what is bought
        offering = world.offerings.get(invoice.offering_id)
    currency = offering.currency if offering else invoice.currency if invoice else PRACTICE_CURRENCY
    amount = _amount(given.get("amount_paid"), currency, offering, invoice)
    coupon_id = _coupon(
        request, given.get("offering_coupon_id"), offering, given.get("stripe_idempotency_key")
    )
    if len(given.get("metadata") or "") > MOST_METADATA:
        raise Refusal("metadata", "Metadata is too long")
    return {
        "sender_id": patient.id,
        "recipient_id": recipient.id,
        "amount": coupons.discounted(amount, world.coupons.get(coupon_id)),
        "original_price": amount,
        "currency": currency,
        "payment_medium": given.get("payment_medium") or ("card" if given.get("should_charge") else None),
        "note": None if world.switches.drop_note else given.get("note"),
        "metadata": given.get("metadata"),
        "offering_id": offering.id if offering else None,
        "offering_coupon_id": coupon_id,
        "requested_payment_id": invoice.id if invoice else None,
        "user_package_selection_id": selection.id if selection else None,
    }


def _amount(
    text: str | None, currency: str, offering: Offering | None, invoice: RequestedPayment | None
) -> int:
    """Read `amount_paid`; left blank it is the full amount of the invoice or the package."""
    if text:
        amount = to_minor(text, currency)
        if amount is None:
            raise Refusal("amount_paid", "Amount paid is not a number")
        return amount
    if invoice is not None:
        return invoice.price
    if offering is None:
        raise Refusal("amount_paid", "Amount paid can't be blank")
    return coupons.first_price(offering)


def _invoice(request: Request, invoice_id: object, patient_id: str) -> RequestedPayment | None:
    invoice = request.world.requested_payments.get(invoice_id)
    if invoice_id and (invoice is None or invoice.recipient_id != patient_id or invoice.deleted_at):
        raise Refusal("requested_payment_id", "Requested payment not found")
    return invoice


def _selection(request: Request, selection_id: object, patient_id: str) -> PackageSelection | None:
    selection = request.world.package_selections.get(selection_id)
    if selection_id and (selection is None or selection.user_id != patient_id):
        raise Refusal("user_package_selection_id", "Package selection not found")
    return selection


def _offering(request: Request, offering_id: object, key: object) -> Offering | None:
    world = request.world
    if offering_id is None:
        return None
    offering = world.offerings.get(offering_id)
    if offering is None or offering.archived or offering.deleted_at is not None:
        raise Refusal("offering_id", "Offering not found")
    if not packages.under_purchase_cap(world, offering) and not _repeats(request, key):
        raise Refusal("offering_id", "This package has reached its purchase cap")
    return offering


def _coupon(request: Request, coupon_id: object, offering: Offering | None, key: object) -> str | None:
    if coupon_id is None:
        return None
    coupon = request.world.coupons.get(coupon_id)
    reason = coupons.fail_reason(request.world, coupon, offering.id if offering else None)
    if coupon is None or (reason is not None and not _repeats(request, key)):
        raise Refusal("offering_coupon_id", reason or coupons.UNKNOWN)
    return coupon.id


def _repeats(request: Request, key: object) -> bool:
    """Return whether Stripe will only replay this key; a replay must not be refused because of its own earlier purchase."""
    return bool(key) and request.world.stripe.remembers(str(key))


def _card(request: Request, given: dict[str, Any], patient_id: str) -> Card:
    if given.get("stripe_customer_detail_id"):
        card = find_card(request.world, given["stripe_customer_detail_id"], patient_id)
        if card is None:
            raise Refusal("stripe_customer_detail_id", CARD_NOT_FOUND)
        return card
    card = default_card(request.world, patient_id)
    if card is None:
        raise Refusal("base", NO_CARD)
    return card


def _due(request: Request, payment_due_date: str | None) -> _Due:
    if payment_due_date is None:
        return _Due(later=False, starts_recurring=True)
    today = request.world.clock.now().astimezone(dates.zone_named(request.zone)).date()
    later = dates.read_day(payment_due_date, request.zone) > today
    return _Due(later=later, starts_recurring=later)


RESOLVERS: dict[str, Callable[..., Any]] = {"Mutation.createBillingItem": create}
