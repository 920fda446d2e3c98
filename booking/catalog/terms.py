"""Prices a quote again, right before its card is charged or its free visit is booked.

The practice may change a plan or a price while a patient fills in a form. The terms are read past every cache; a change after that
is found by the read-back of the charge.
"""

from dataclasses import replace

from booking.catalog.model import Plan
from booking.catalog.quotes import payable, plan_quote
from booking.models import Promo, Quote
from booking.ports import OnSale, Promotions
from booking.refusals import (
    AmountNotChargeable,
    NothingDueToday,
    PlanDoesNotCoverVisit,
    PlanSoldOut,
    PromoInvalid,
)


class PresentTerms:
    """Prices a quote again. `promotions` must not count attempts: the patient entered the code before."""

    def __init__(self, *, on_sale: OnSale, promotions: Promotions) -> None:
        self._on_sale = on_sale
        self._promotions = promotions

    async def of(self, quote: Quote) -> Quote | None:
        """The quote itself while its terms are unchanged, else the one that replaces it; None: it is no longer sold.

        A promo code that no longer applies gives a quote without it. Raises UpstreamUnavailable.
        """
        try:
            present = await (self._of_plan(quote, quote.plan_id) if quote.plan_id else self._of_visit(quote))
        except (PlanSoldOut, PlanDoesNotCoverVisit, NothingDueToday, AmountNotChargeable):
            return None
        return quote if present is not None and _terms(present) == _terms(quote) else present

    async def _of_plan(self, quote: Quote, plan_id: str) -> Quote | None:
        plan = await self._on_sale.plan(plan_id)
        if plan is None:
            return None
        promo = await self._promo(quote.promo_code, plan) if quote.promo_code else None
        return plan_quote(plan, quote.visit_type_id, promo, quote.policy)

    async def _promo(self, code: str, plan: Plan) -> Promo | None:
        try:
            return await self._promotions.apply(code=code, plan=plan)
        except PromoInvalid:
            return None

    async def _of_visit(self, quote: Quote) -> Quote | None:
        """A visit without a price is free if it was quoted as free; if it was quoted with a price, it is no longer sold singly."""
        if quote.visit_type_id is None:
            raise AssertionError("a quote is for a plan or for a visit")
        kind = await self._on_sale.visit_type(quote.visit_type_id)
        if kind is None:
            return None
        if quote.uses_credit:
            return quote  # what it costs without a credit is not paid
        if kind.price is None:
            return quote if quote.due_today.is_zero else None
        nothing = kind.price - kind.price
        return payable(
            replace(
                quote, description=kind.name, list_price=kind.price, discount=nothing, due_today=kind.price
            )
        )


def _terms(quote: Quote) -> tuple[object, ...]:
    """What is sent upstream, and what the patient pays now and later. Not the name, and not the practice's rules on fees."""
    return quote.list_price, quote.due_today, quote.coupon_id, quote.recurrence
