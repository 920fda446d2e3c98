"""Charging: one charge, its billing item, and what a successful payment gives the patient."""

from datetime import timedelta
from typing import Any

from integrations.healthie_emulator import coupons, invoices, packages, recurring
from integrations.healthie_emulator.bookkeeping.stripe_errors import error_json
from integrations.healthie_emulator.faults import STRIPE_KINDS
from integrations.healthie_emulator.money_records import BillingItem, Card
from integrations.healthie_emulator.state import World
from integrations.healthie_emulator.stripe import CardDeclined, StripeError
from integrations.healthie_emulator.stripe_amounts import for_stripe
from integrations.healthie_emulator.stripe_records import Charge

TIME_TO_ANSWER_A_DISPUTE = timedelta(days=7)  # card networks give one to three weeks
CHARGES_NOT_ENABLED = (
    "Your account cannot currently make live charges. If you are a site owner, please activate your account. "
    "If you are a customer trying to make a purchase, please contact the owner of this site. "
    "Your transaction has not been processed."
)
NO_BANK_ACCOUNT = "Please set up your bank account before charging clients."


class NoBankAccount(StripeError):
    """The practice cannot charge anybody yet: Healthie says so, Stripe is not asked."""

    by_stripe = False

    def __init__(self) -> None:
        super().__init__(NO_BANK_ACCOUNT, code="no_bank_account")


def take_payment(
    world: World, *, card: Card, key: str | None, values: dict[str, Any], existing_id: str | None = None
) -> BillingItem:
    """Charge `values["amount"]` and record the billing item, as a new one or as an update of `existing_id`.

    Raises StripeError when no money moved; a decline leaves a FAILED item. A repeated key finds the item of the
    one charge again, or, as switched, adds a second item for it that gives nothing more.
    """
    values = {**values, "stripe_customer_detail_id": card.id, "stripe_idempotency_key": key}
    try:
        charge = _charge(world, card, key, values)
    except CardDeclined as refusal:
        if existing_id or not _failed_before(world, key, refusal):
            write_down(world, existing_id, values, **failed(refusal))
        raise
    earlier = next((item for item in world.billing_items if item.stripe_charge_id == charge.id), None)
    if earlier is not None and not world.switches.repeated_key_adds_item:
        return earlier
    item = write_down(world, existing_id, values, state="SUCCEEDED", stripe_charge_id=charge.id)
    if earlier is not None:
        return item
    if world.stripe.cards[card.stripe_id].fingerprint.disputed:
        _dispute(world, item)
    return complete_purchase(world, item)


def meet_stripe_faults(world: World, root_field: str) -> None:
    """Make Stripe answer this mutation's next call as the configured faults say."""
    for kind, code in STRIPE_KINDS.items():
        if world.faults.take(kind, root_field) is not None:
            world.stripe.fail_next.append(code)


def complete_purchase(world: World, item: BillingItem) -> BillingItem:
    """Give what was paid for: the plan and its credits, its recurring payment, the coupon's use, the invoice's end."""
    offering = world.offerings.get(item.offering_id)
    coupons.count_use(world, item.offering_coupon_id)
    invoices.settle(world, item.requested_payment_id)
    if offering is not None and item.recurring_payment_id is None and _is_bought(world, item):
        series = recurring.start(world, item, offering) if item.starts_recurring else None
        item = world.billing_items.change(item.id, recurring_payment_id=series.id if series else None)
        selection = packages.give_package(world, item, offering)
        item = world.billing_items.change(item.id, user_package_selection_id=selection.id)
        if item.requested_payment_id:
            world.requested_payments.change(item.requested_payment_id, user_package_selection_id=selection.id)
    return item


def _is_bought(world: World, item: BillingItem) -> bool:
    """Return whether a payment for a package buys it: not one for a package that the patient has, nor part of an invoice."""
    if item.user_package_selection_id is not None:
        return False
    invoice = world.requested_payments.get(item.requested_payment_id)
    if invoice is None or invoice.offering_id is None:
        return True
    return invoice.user_package_selection_id is None and invoices.balance_due(world, invoice) == 0


def write_down(world: World, existing_id: str | None, values: dict[str, Any], **outcome: Any) -> BillingItem:
    """Add a billing item, or give a scheduled one its outcome, and notify the webhooks."""
    if existing_id is None:
        item = world.billing_items.add(**values, **outcome)
        world.emit("billing_item.created", "BillingItem", item.id)
        return item
    item = world.billing_items.change(existing_id, **values, **outcome)
    world.emit("billing_item.updated", "BillingItem", item.id, tuple(outcome))
    return item


def _charge(world: World, card: Card, key: str | None, values: dict[str, Any]) -> Charge:
    if not world.switches.bank_account_set_up:
        raise NoBankAccount
    if not world.switches.charges_enabled:
        raise StripeError(CHARGES_NOT_ENABLED, code="testmode_charges_only")
    bought = values.get("offering_id") or values.get("requested_payment_id") or "nothing named"
    return world.stripe.charge(
        card.stripe_id,
        amount=for_stripe(values["amount"], values["currency"]),
        currency=values["currency"].lower(),
        description=f"{values['sender_id']} pays for {bought}",
        idempotency_key=key,
    )


def _dispute(world: World, item: BillingItem) -> None:
    charge_back = world.charge_backs.add(
        billing_item_id=item.id,
        amount=item.amount,
        currency=item.currency,
        stripe_dispute_id=(item.stripe_charge_id or "").replace("ch_", "dp_", 1),
        response_required_by=world.clock.now() + TIME_TO_ANSWER_A_DISPUTE,
    )
    world.emit("charge_back.created", "ChargeBack", charge_back.id)


def failed(error: StripeError) -> dict[str, str]:
    """Return the outcome of a payment that Stripe refused: its message, and all that it said."""
    return {"state": "FAILED", "failure_reason": error.message, "stripe_error": error_json(error)}


def _failed_before(world: World, key: str | None, refusal: CardDeclined) -> bool:
    """Return whether Stripe only repeated a refusal that is already recorded."""
    if not key or world.switches.repeated_key_adds_item:
        return False
    return any(
        item.stripe_idempotency_key == key and item.failure_reason == refusal.message
        for item in world.billing_items
    )
