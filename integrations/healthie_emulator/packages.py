"""Bought plans. Their credits are in `bookkeeping`; no operation revokes a bought plan."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.amounts import from_minor
from integrations.healthie_emulator.bookkeeping import visit_credits
from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.money_records import BillingItem, PackageSelection
from integrations.healthie_emulator.records import Offering
from integrations.healthie_emulator.state import Request, World


def under_purchase_cap(world: World, offering: Offering) -> bool:
    """Return whether an offering can still be bought."""
    if offering.max_purchases is None:
        return True
    return sum(each.offering_id == offering.id for each in world.package_selections) < offering.max_purchases


def give_package(world: World, item: BillingItem, offering: Offering) -> PackageSelection:
    """Give a patient what they paid for."""
    visit_credits.give(world, item.sender_id, offering, offering.includes)
    return world.package_selections.add(
        user_id=item.sender_id,
        offering_id=offering.id,
        billing_item_id=item.id,
        recurring_payment_id=item.recurring_payment_id,
        requested_payment_id=item.requested_payment_id,
        offering_coupon_id=item.offering_coupon_id,
        initial_price=item.amount,
    )


def renew_package(world: World, selection_id: str | None) -> None:
    """Give the credits of another period, of what a package includes each time, on top of what is left."""
    selection = world.package_selections.get(selection_id)
    if selection is not None:
        offering = world.offerings[selection.offering_id]
        repeated = [each for each in offering.includes if each.is_repeating]
        visit_credits.give(world, selection.user_id, offering, repeated)


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    user_id, offering_id = args.get("user_id"), args.get("offering_id")
    found = [
        each
        for each in request.world.package_selections
        if request.me.sees_patient(each.user_id)
        and user_id in (None, each.user_id)
        and offering_id in (None, each.offering_id)
    ]
    return page(found, args)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.userPackageSelections": _listed,
    "UserPackageSelection.user": lambda each, request, _: request.world.users.get(each.user_id),
    "UserPackageSelection.offering": lambda each, request, _: request.world.offerings.get(each.offering_id),
    "UserPackageSelection.billing_item": lambda each, request, _: request.world.billing_items.get(
        each.billing_item_id
    ),
    "UserPackageSelection.recurring_payment": lambda each, request, _: request.world.recurring_payments.get(
        each.recurring_payment_id
    ),
    "UserPackageSelection.requested_payment": lambda each, request, _: request.world.requested_payments.get(
        each.requested_payment_id
    ),
    "UserPackageSelection.initial_price_with_offering_coupon": lambda each, request, _args: from_minor(
        each.initial_price, request.world.offerings[each.offering_id].currency
    ),
}
