"""Promo codes: their discount, and why they do not apply.

The discount of a charge's coupon is subtracted from the amount that is sent, so that amount must be the undiscounted one.
"""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.amounts import PRACTICE_CURRENCY, from_minor, to_display
from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.money_records import Coupon
from integrations.healthie_emulator.records import Offering
from integrations.healthie_emulator.resources.ordering import arranged
from integrations.healthie_emulator.state import Request, World

UNKNOWN = "This promo code is not valid."
EXPIRED = "This promo code has expired."
USED_UP = "This promo code has reached its usage limit."
OTHER_OFFERING = "This promo code does not apply to this package."


def discounted(amount: int, coupon: Coupon | None) -> int:
    """Take a coupon off an amount; half a minor unit goes to the patient, and nothing falls below zero."""
    if coupon is None:
        return amount
    off = (amount * coupon.percent_off + 50) // 100 if coupon.percent_off else coupon.cents_off or 0
    return max(0, amount - off)


def fail_reason(world: World, coupon: Coupon | None, offering_id: str | None) -> str | None:
    """Return why a coupon does not apply to an offering; None if it does."""
    if coupon is None:
        return UNKNOWN
    if is_expired(world, coupon):
        return EXPIRED
    if coupon.usage_limit is not None and coupon.number_of_times_used >= coupon.usage_limit:
        return USED_UP
    if coupon.offering_ids and offering_id not in coupon.offering_ids:
        return OTHER_OFFERING
    return None


def is_expired(world: World, coupon: Coupon) -> bool:
    """Return whether a coupon's last instant has passed."""
    return coupon.expires_at is not None and coupon.expires_at <= world.clock.now()


def count_use(world: World, coupon_id: str | None) -> None:
    """Count one use of a coupon."""
    if coupon := world.coupons.get(coupon_id):
        world.coupons.change(coupon.id, number_of_times_used=coupon.number_of_times_used + 1)


def first_price(offering: Offering) -> int:
    """Return the first payment of an offering, taxes included."""
    if offering.initial_price_with_taxes is not None:
        return offering.initial_price_with_taxes
    return offering.price if offering.first_time_payment is None else offering.first_time_payment


def _validate(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    world = request.world
    code = (args.get("coupon_code") or "").strip().casefold()
    coupon = next((each for each in world.coupons if each.code.casefold() == code), None)
    offering = world.offerings.get(args.get("offering_id"))
    invoice = world.requested_payments.get(args.get("requested_payment_id"))
    if offering is None and invoice is not None and request.me.sees_patient(invoice.recipient_id):
        offering = world.offerings.get(invoice.offering_id)
    reason = fail_reason(world, coupon, offering.id if offering else None)
    if reason is not None or coupon is None or offering is None:
        return {"fail_reason": reason or OTHER_OFFERING, "still_ask_for_cc": True}
    first = first_price(offering)
    off = first - discounted(first, coupon)
    return {
        "fail_reason": None,
        "first_amount": from_minor(off, offering.currency),
        "new_first_price": from_minor(
            off if world.switches.new_first_price_is_discount else first - off, offering.currency
        ),
        "new_price": from_minor(discounted(offering.price, coupon), offering.currency),
        "repeat_times": None if coupon.repeat_times is None else str(coupon.repeat_times),
        "still_ask_for_cc": True,
    }


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    if request.me.is_patient:
        return page([], args)
    words = (args.get("keywords") or "").casefold()
    offering_id = args.get("offering_id")
    found = [
        coupon
        for coupon in request.world.coupons
        if words in coupon.code.casefold()
        and (offering_id is None or not coupon.offering_ids or str(offering_id) in coupon.offering_ids)
    ]
    keys = {
        "CODE": lambda coupon: coupon.code,
        "TYPE": _promo_type,
        "APPLIES_TO": lambda coupon: len(coupon.offering_ids),
        "AMOUNT": lambda coupon: coupon.percent_off or coupon.cents_off or 0,
        "EXPIRES_AT": lambda coupon: coupon.expires_at.isoformat() if coupon.expires_at else "",
        "TOTAL_USAGE": lambda coupon: coupon.number_of_times_used,
    }
    return page(arranged(found, args, keys, ""), args)


def _promo_type(coupon: Coupon) -> str:
    return "percent" if coupon.percent_off else "flat"


def _amount_off_string(coupon: Coupon) -> str:
    return (
        f"{coupon.percent_off}%"
        if coupon.percent_off
        else to_display(coupon.cents_off or 0, PRACTICE_CURRENCY)
    )


def _applies_to(coupon: Coupon) -> str:
    """Return to which payments it applies; the reference: "the time this offering coupon is applied". The words are not documented."""
    if coupon.repeat_times is None:
        return "all payments"
    return "first payment" if coupon.repeat_times == 1 else f"first {coupon.repeat_times} payments"


def _names(coupon: Coupon, world: World) -> list[str]:
    return [world.offerings[each].name for each in coupon.offering_ids if world.offerings.get(each)]


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.validateCoupon": _validate,
    "Query.offeringCoupons": _listed,
    "OfferingCoupon.amount_off": lambda coupon, _request, _: (
        None if coupon.percent_off is None else f"{coupon.percent_off}.0"
    ),
    "OfferingCoupon.flat_amount_off": lambda coupon, _request, _: (
        None if coupon.cents_off is None else from_minor(coupon.cents_off, PRACTICE_CURRENCY)
    ),
    "OfferingCoupon.amount_off_string": lambda coupon, _request, _: _amount_off_string(coupon),
    "OfferingCoupon.applies_to_string": lambda coupon, _request, _: _applies_to(coupon),
    "OfferingCoupon.package_connection_names": lambda coupon, request, _: _names(coupon, request.world),
    "OfferingCoupon.is_expired": lambda coupon, request, _: is_expired(request.world, coupon),
    "OfferingCoupon.is_valid": lambda coupon, request, _: (
        fail_reason(request.world, coupon, next(iter(coupon.offering_ids), None)) is None
    ),
    "OfferingCoupon.promo_type": lambda coupon, _request, _: _promo_type(coupon),
    "OfferingCoupon.to_one_line": lambda coupon, _request, _: (
        f"{_amount_off_string(coupon)} off {_applies_to(coupon)}"
    ),
}
