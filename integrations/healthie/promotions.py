"""HealthiePromotions: promo codes."""

import asyncio

from booking.catalog.model import Plan
from booking.models import Promo
from booking.money import Money
from booking.refusals import PromoInvalid
from integrations.healthie.answers import every, money, whole
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.coupons import CouponsOfferingCouponsNodes
from integrations.healthie.generated.validate_coupon import ValidateCouponValidateCoupon
from integrations.upstream.errors import ContractBroken, reading

UNKNOWN_CODE = "This promo code is not known."


class HealthiePromotions:
    """The port Promotions."""

    def __init__(self, *, client: Client) -> None:
        self._client = client

    async def apply(self, *, code: str, plan: Plan) -> Promo:
        """The code's effect on the plan's first charge.

        Raises PromoInvalid with Healthie's reason, UpstreamUnavailable.
        """
        with reading():
            answer, coupons = await asyncio.gather(
                self._client.validate_coupon(coupon_code=code, offering_id=plan.id),
                self._coupons(code, plan),
            )
            verdict = answer.validate_coupon
            if verdict is None or verdict.fail_reason:
                raise PromoInvalid((verdict.fail_reason if verdict else None) or UNKNOWN_CODE)
            same = [each for each in coupons if (each.code or "").casefold() == code.strip().casefold()]
            if len(same) != 1:  # the charge needs the coupon's id
                raise ContractBroken("Coupons", "coupon_not_found")
            return Promo(
                code=same[0].code or code,
                coupon_id=same[0].id,
                discounted=_discounted(verdict, plan),
                discounted_later=_discounted_later(verdict, plan),
                payments=whole(verdict.repeat_times),
            )

    async def _coupons(self, code: str, plan: Plan) -> list[CouponsOfferingCouponsNodes]:
        return await every(
            lambda after: self._client.coupons(keywords=code.strip(), offering_id=plan.id, after=after),
            lambda answer: answer.offering_coupons,
        )


def _discounted(verdict: ValidateCouponValidateCoupon, plan: Plan) -> Money:
    """The discounted first charge: `new_first_price` when the first payment differs from the price, otherwise `new_price`.

    Healthie's reference calls both `first_amount` and `new_first_price` a discount. Where the two are the same amount, they
    are one, and the rest of the first payment is due.
    """
    currency = plan.due_today.currency
    try:
        price, first, off = (
            money(text, currency)
            for text in (verdict.new_price, verdict.new_first_price, verdict.first_amount)
        )
    except ValueError:
        raise ContractBroken("ValidateCoupon", "undecodable_amount") from None
    if first is not None and first == off and first.amount <= plan.due_today.amount:
        first = plan.due_today - first
    differs = plan.due_today != plan.price
    amount = next(
        (each for each in ((first, price) if differs else (price, first)) if each is not None), None
    )
    if amount is None or not 0 <= amount.amount <= plan.due_today.amount:
        raise ContractBroken("ValidateCoupon", "implausible_amount")
    return amount


def _discounted_later(verdict: ValidateCouponValidateCoupon, plan: Plan) -> Money | None:
    """A later payment with the code: `new_price`, "the new price with a promo code applied"; None where it says nothing plausible.

    For how many payments it holds is `repeat_times`, the "number of discount periods".
    """
    later = money(verdict.new_price, plan.price.currency)
    return later if later is not None and 0 <= later.amount <= plan.price.amount else None
