"""Later changes to payments: refunds, retries, further periods of recurring payments, due dates."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator import dates, packages, recurring
from integrations.healthie_emulator.amounts import to_minor
from integrations.healthie_emulator.billing import MOST_METADATA, NO_CARD
from integrations.healthie_emulator.cards import default_card, find_card
from integrations.healthie_emulator.charging import failed, meet_stripe_faults, take_payment, write_down
from integrations.healthie_emulator.errors import Refusal, not_allowed, refused
from integrations.healthie_emulator.money_records import BillingItem, Card, RecurringPayment
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.stripe import StripeError
from integrations.healthie_emulator.stripe_amounts import for_stripe

MOST_PERIODS_AT_ONCE = 600  # ten years of weeks: however far the clock jumps, one settling comes to an end


def update(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Refund, resend, cancel, or edit a billing item. Staff only."""
    if request.me.is_patient:
        raise not_allowed()
    item = request.world.billing_items.get(given.get("id"))
    if item is None:
        return refused("Billing item not found", field="id", billingItem=None)
    try:
        changed = _act(request, item, given)
    except Refusal as refusal:
        return refusal.payload(billingItem=None)
    except StripeError as error:
        return refused(error.message, field="base", billingItem=None)
    return {"billingItem": changed, "messages": None}


def delete(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Take a payment off the lists; what was charged stays charged. Staff only."""
    if request.me.is_patient:
        raise not_allowed()
    world, item = request.world, request.world.billing_items.get(given.get("id"))
    if item is None or item.deleted_at is not None:
        return refused("Billing item not found", field="id", billingItem=None)
    deleted = world.billing_items.change(item.id, deleted_at=world.clock.now())
    world.emit("billing_item.deleted", "BillingItem", item.id)
    return {"billingItem": deleted, "messages": None}


def cancel_recurring(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Cancel the series that a billing item belongs to."""
    world = request.world
    item = world.billing_items.get(given["billing_item_id"])
    series = world.recurring_payments.get(item.recurring_payment_id) if item else None
    if item is None or series is None or not request.me.sees_patient(item.sender_id):
        return refused("Recurring payment not found", field="billing_item_id", billingItem=None)
    recurring.cancel(world, series, request.me.user)
    return {"billingItem": world.billing_items.change(item.id, is_canceled=True), "messages": None}


def bill_due(world: World) -> None:
    """Charge what fell due by the emulator's clock: planned payments, and further periods of series."""
    now = world.clock.now()
    for item in world.billing_items:
        due = item.payment_due_date
        waits = item.state == "SCHEDULED" and not item.is_canceled and item.deleted_at is None
        if waits and due is not None and due <= now:
            _charge_planned(world, item)
    for series in world.recurring_payments:
        _bill_series(world, series)


def _act(request: Request, item: BillingItem, given: dict[str, Any]) -> BillingItem:
    world = request.world
    key = given.get("stripe_idempotency_key") or None
    if given.get("chosen_refund_amount") is not None:
        _refund(world, item, given["chosen_refund_amount"], key)
    if given.get("resend_payment"):
        return _resend(world, item, given, key)
    _change_series(request, item, given)
    simple = ("metadata", "payment_medium", "recipient_id")
    changes: dict[str, Any] = {name: given[name] for name in simple if given.get(name) is not None}
    if len(changes.get("metadata", "")) > MOST_METADATA:
        raise Refusal("metadata", "Metadata is too long")
    if given.get("resend_receipt") and world.switches.receipt_noted_at_once:
        changes["receipt_last_sent_at"] = world.clock.now()
    if given.get("created_at") and item.is_outside_payment:
        changes["created_at"] = dates.read(given["created_at"], request.zone)
    if given.get("note") is not None and not world.switches.drop_note:
        changes["note"] = given["note"]
    if given.get("is_canceled"):
        changes["is_canceled"] = True
    if given.get("amount_paid") is not None:
        changes["amount"] = _new_amount(item, given["amount_paid"])
    if not changes:
        return world.billing_items[item.id]
    return write_down(world, item.id, {}, **changes)


def _refund(world: World, item: BillingItem, text: str, key: str | None) -> None:
    amount = to_minor(text, item.currency)
    if amount is None or amount == 0:
        raise Refusal("chosen_refund_amount", "Refund amount is not a valid amount")
    if item.stripe_charge_id is None or item.state != "SUCCEEDED":
        raise Refusal("base", "This payment was not charged and cannot be refunded")
    meet_stripe_faults(world, "updateBillingItem")
    refund = world.stripe.refund(
        item.stripe_charge_id, amount=for_stripe(amount, item.currency), idempotency_key=key
    )
    if any(each.stripe_refund_id == refund.id for each in world.refund_items):
        return
    world.refund_items.add(
        billing_item_id=item.id,
        amount=amount,
        currency=item.currency,
        refund_date=world.clock.now(),
        stripe_refund_id=refund.id,
    )
    world.billing_items.change(item.id)
    world.emit("billing_item.updated", "BillingItem", item.id, ("refund_amount", "refund_date"))


def _resend(world: World, item: BillingItem, given: dict[str, Any], key: str | None) -> BillingItem:
    if item.state != "FAILED" or item.successful_retried_payment_id is not None:
        raise Refusal("resend_payment", "Only a failed payment can be resent")
    card = _card_for(world, item.sender_id, item.stripe_customer_detail_id)
    if card is None:
        raise Refusal("base", NO_CARD)
    values = _again(item)
    if given.get("amount_paid"):
        values["amount"] = _new_amount(item, given["amount_paid"])
    meet_stripe_faults(world, "updateBillingItem")
    paid = take_payment(world, card=card, key=key, values=values)
    write_down(world, item.id, {}, successful_retried_payment_id=paid.id)
    return paid


def _again(item: BillingItem) -> dict[str, Any]:
    names = (
        "sender_id recipient_id amount original_price currency payment_medium note metadata offering_id "
        "offering_coupon_id requested_payment_id recurring_payment_id starts_recurring"
    )
    return {name: getattr(item, name) for name in names.split()}


def _change_series(request: Request, item: BillingItem, given: dict[str, Any]) -> None:
    world = request.world
    series = world.recurring_payments.get(item.recurring_payment_id)
    if series is None:
        return
    if given.get("is_canceled"):
        recurring.cancel(world, series, request.me.user)
    if given.get("is_paused") is not None:
        recurring.pause(world, series, request.me.user, is_paused=given["is_paused"])
    if given.get("new_payment_date") and not series.is_canceled:
        when = dates.read(given["new_payment_date"], request.zone)
        world.recurring_payments.change(series.id, next_payment_date=when)


def _new_amount(item: BillingItem, text: str) -> int:
    amount = to_minor(text, item.currency)
    if amount is None:
        raise Refusal("amount_paid", "Amount paid is not a number")
    if item.stripe_charge_id is not None:
        raise Refusal("amount_paid", "The amount of a charged payment cannot be changed")
    return amount


def _card_for(world: World, patient_id: str, card_id: str | None) -> Card | None:
    return find_card(world, card_id, patient_id) or default_card(world, patient_id)


def _charge_planned(world: World, item: BillingItem) -> None:
    card = _card_for(world, item.sender_id, item.stripe_customer_detail_id)
    if card is None:
        write_down(world, item.id, {}, state="FAILED", failure_reason=NO_CARD)
        return
    try:
        take_payment(world, card=card, key=None, values=_again(item), existing_id=item.id)
    except StripeError as error:
        if world.billing_items[item.id].state == "SCHEDULED":
            write_down(world, item.id, {}, **failed(error))


def _bill_series(world: World, series: RecurringPayment) -> None:
    for _ in range(MOST_PERIODS_AT_ONCE):
        due = series.next_payment_date
        if series.is_canceled or series.is_paused or due is None or due > world.clock.now():
            return
        _bill_period(world, series)
        series = recurring.count_payment(world, series)


def _bill_period(world: World, series: RecurringPayment) -> None:
    values = {
        "sender_id": series.sender_id,
        "recipient_id": series.recipient_id,
        "amount": recurring.next_amount(world, series),
        "original_price": series.amount,
        "currency": recurring.currency_of(world, series),
        "payment_medium": "card",
        "offering_id": series.offering_id,
        "recurring_payment_id": series.id,
    }
    card = _card_for(world, series.sender_id, series.stripe_customer_detail_id)
    if card is None:
        write_down(world, None, values, state="FAILED", failure_reason=NO_CARD)
        return
    try:
        take_payment(world, card=card, key=None, values=values)
    except StripeError:
        return  # the FAILED item tells; the series goes on with its next period
    for selection in world.package_selections:
        if selection.recurring_payment_id == series.id:
            packages.renew_package(world, selection.id)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Mutation.updateBillingItem": update,
    "Mutation.deleteBillingItem": delete,
    "Mutation.cancelRecurringPayment": cancel_recurring,
}
