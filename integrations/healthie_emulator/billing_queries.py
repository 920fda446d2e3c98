"""One payment, one dispute, and their fields; the list of payments is in bookkeeping."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator import permissions
from integrations.healthie_emulator.amounts import from_minor, to_display
from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.money_records import BillingItem, Card, ChargeBack, RefundItem
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.state import Request, World


def refunds_of(world: World, item: BillingItem) -> list[RefundItem]:
    """List the refunds of a payment."""
    return [each for each in world.refund_items if each.billing_item_id == item.id]


def _one(request: Request, args: dict[str, Any]) -> BillingItem | None:
    item = request.world.billing_items.get(args.get("id"))
    if item is None or not permissions.sees_payment_to(request, item.recipient_id):
        return None
    return item if request.me.sees_patient(item.sender_id) else None


def _charge_back(request: Request, args: dict[str, Any]) -> ChargeBack | None:
    disputed = args.get("stripe_dispute_id")
    named = (each for each in request.world.charge_backs if disputed and each.stripe_dispute_id == disputed)
    found = request.world.charge_backs.get(args.get("id")) or next(named, None)
    item = request.world.billing_items.get(found.billing_item_id) if found else None
    return found if item and request.me.sees_patient(item.sender_id) else None


def _charge_backs(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List disputes: of one's own payments, or with `show_all_for_org` of all that the key's owner sees."""
    world, me = request.world, request.me
    items = {item.id: item for item in world.billing_items if me.sees_patient(item.sender_id)}
    found = [
        each
        for each in world.charge_backs
        if (item := items.get(each.billing_item_id)) is not None
        and (args.get("show_all_for_org") or item.recipient_id == me.user.id)
    ]
    orders: dict[str, Callable[[ChargeBack], Any]] = {
        "CREATED_AT": lambda each: (each.created_at, int(each.id)),
        "UPDATED_AT": lambda each: (each.updated_at, int(each.id)),
    }
    return page(in_order(found, args, orders, "CREATED_AT_DESC"), args)


def _card(item: BillingItem, request: Request, *states: str) -> Card | None:
    """Return the card of a payment that ended in one of these states."""
    return request.world.cards.get(item.stripe_customer_detail_id) if item.state in states else None


def _card_source(item: BillingItem, request: Request, _: object) -> str | None:
    card = _card(item, request, "FAILED")
    return f"{card.card_type} {card.last_four}" if card else None


def _still_to_come(item: BillingItem, _request: Request, _: object) -> str | None:
    scheduled = item.state == "SCHEDULED" and not item.is_canceled
    return from_minor(item.amount, item.currency) if scheduled else None


def _position(item: BillingItem, request: Request, _: object) -> int | None:
    """Return which of the payments on an invoice, or of a series, this one is."""
    names = ("requested_payment_id", "recurring_payment_id")
    name = next((each for each in names if getattr(item, each)), None)
    if name is None:
        return None
    others = [each for each in request.world.billing_items if getattr(each, name) == getattr(item, name)]
    return [each.id for each in others].index(item.id) + 1


def _refund_amount(item: BillingItem, request: Request, _: object) -> str | None:
    given_back = refunds_of(request.world, item)
    return from_minor(sum(each.amount for each in given_back), item.currency) if given_back else None


def _net_payment(item: BillingItem, request: Request, _: object) -> str:
    left_out = refunds_of(request.world, item) if request.world.switches.net_payment_after_refunds else ()
    return from_minor(item.amount - sum(each.amount for each in left_out), item.currency)


def _description(item: BillingItem, request: Request, _: object) -> str:
    offering = request.world.offerings.get(item.offering_id)
    return offering.name if offering else "Payment"


def _user(request: Request, user_id: str | None) -> User | None:
    return request.world.users.get(user_id)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.billingItem": _one,
    "Query.chargeBack": _charge_back,
    "Query.chargeBacks": _charge_backs,
    "BillingItem.amount_paid": lambda item, _request, _: from_minor(item.amount, item.currency),
    "BillingItem.amount_paid_string": lambda item, _request, _: to_display(item.amount, item.currency),
    "BillingItem.net_payment": _net_payment,
    "BillingItem.original_price": lambda item, _request, _: (
        None if item.original_price is None else from_minor(item.original_price, item.currency)
    ),
    "BillingItem.card_brand": lambda item, request, _: getattr(
        _card(item, request, "SUCCEEDED"), "card_type", None
    ),
    "BillingItem.card_last4": lambda item, request, _: getattr(
        _card(item, request, "SUCCEEDED"), "last_four", None
    ),
    "BillingItem.card_source": _card_source,
    "BillingItem.next_scheduled_payment_amount": _still_to_come,
    "BillingItem.item_position_number": _position,
    "BillingItem.invoice_id": lambda item, _request, _: item.requested_payment_id,
    "BillingItem.charge_backs": lambda item, request, _: [
        each for each in request.world.charge_backs if each.billing_item_id == item.id
    ],
    "BillingItem.coupon_code": lambda item, request, _: getattr(
        request.world.coupons.get(item.offering_coupon_id), "code", None
    ),
    "BillingItem.offering_coupon": lambda item, request, _: request.world.coupons.get(
        item.offering_coupon_id
    ),
    "BillingItem.offering": lambda item, request, _: request.world.offerings.get(item.offering_id),
    "BillingItem.provider": lambda item, request, _: _user(request, item.recipient_id),
    "BillingItem.recipient": lambda item, request, _: _user(request, item.recipient_id),
    "BillingItem.sender": lambda item, request, _: _user(request, item.sender_id),
    "BillingItem.is_recurring": lambda item, _request, _: item.recurring_payment_id is not None,
    "BillingItem.recurring_payment": lambda item, request, _: request.world.recurring_payments.get(
        item.recurring_payment_id
    ),
    "BillingItem.refund_amount": _refund_amount,
    "BillingItem.refund_date": lambda item, request, _: next(
        (each.refund_date for each in reversed(refunds_of(request.world, item))), None
    ),
    "BillingItem.refund_items": lambda item, request, _: refunds_of(request.world, item),
    "BillingItem.requested_payment": lambda item, request, _: request.world.requested_payments.get(
        item.requested_payment_id
    ),
    "BillingItem.shown_description": _description,
    "BillingItem.shown_note": lambda item, _request, _: item.note,
    "BillingItem.successful_retried_payment": lambda item, request, _: request.world.billing_items.get(
        item.successful_retried_payment_id
    ),
    "BillingItem.user_package_selection": lambda item, request, _: request.world.package_selections.get(
        item.user_package_selection_id
    ),
    "RefundItem.refund_amount": lambda each, _request, _: from_minor(each.amount, each.currency),
    "ChargeBack.billing_item": lambda each, request, _: request.world.billing_items.get(each.billing_item_id),
    "ChargeBack.disputed_amount": lambda each, _request, _: from_minor(each.amount, each.currency),
    "ChargeBack.total_amount": lambda each, _request, _: from_minor(each.amount + each.fee, each.currency),
    "ChargeBack.fee": lambda each, _request, _: from_minor(each.fee, each.currency),
    "ChargeBack.formatted_reason": lambda each, _request, _: each.reason.capitalize(),
    "ChargeBack.formatted_status": lambda each, _request, _: each.status.replace("_", " ").capitalize(),
}
