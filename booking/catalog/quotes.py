"""Quotes: what will be charged and on which terms, shown before the patient pays."""

from booking.card_amounts import is_chargeable
from booking.catalog.model import BookingPolicy, Catalog, Plan, VisitType
from booking.errors import InvalidInput
from booking.models import LastingDiscount, Promo, Quote, Recurrence
from booking.money import Money
from booking.ports import CatalogSource, Promotions
from booking.refusals import (
    AmountNotChargeable,
    NothingDueToday,
    PlanDoesNotCoverVisit,
    PlanRequired,
    PlanSoldOut,
    PromoInvalid,
)

# The currency of a free visit's zero amount where the catalog names none.
_DEFAULT_CURRENCY = "USD"


class QuoteService:
    """Prices a plan or a single visit."""

    def __init__(self, *, catalog: CatalogSource, promotions: Promotions) -> None:
        self._catalog = catalog
        self._promotions = promotions

    async def catalog(self) -> Catalog:
        """What quotes are made of."""
        return await self._catalog.catalog()

    async def quote(
        self, *, plan_id: str | None = None, visit_type_id: str | None = None, promo_code: str | None = None
    ) -> Quote:
        """Price the plan (which must include the visit, when both are given), or the single visit.

        Raises InvalidInput on unknown ids; PlanSoldOut, PlanDoesNotCoverVisit, PlanRequired, NothingDueToday, PromoInvalid;
        AmountNotChargeable where the amount due cannot be charged to a card.
        """
        catalog = await self._catalog.catalog()
        visit_type = _visit_type(catalog, visit_type_id)
        if plan_id is not None:
            policy = catalog.policy_for(visit_type) if visit_type is not None else catalog.policy
            return await self._of_plan(_plan(catalog, plan_id), visit_type, promo_code, policy)
        if visit_type is None:
            raise InvalidInput(field="planId", reason="Name a plan or a visit type.")
        if promo_code:
            raise PromoInvalid("Promo codes apply to plans only.")
        return _of_visit(catalog, visit_type)

    async def _of_plan(
        self, plan: Plan, visit_type: VisitType | None, promo_code: str | None, policy: BookingPolicy
    ) -> Quote:
        visit_type_id = visit_type.id if visit_type else None
        _check_sold(plan, visit_type_id)
        promo = await self._promotions.apply(code=promo_code.strip(), plan=plan) if promo_code else None
        return plan_quote(plan, visit_type_id, promo, policy)


def plan_quote(plan: Plan, visit_type_id: str | None, promo: Promo | None, policy: BookingPolicy) -> Quote:
    """The plan's quote with this promo code. Raises PlanSoldOut, PlanDoesNotCoverVisit, NothingDueToday, AmountNotChargeable."""
    _check_sold(plan, visit_type_id)
    due = promo.discounted if promo else plan.due_today
    if due.is_zero:
        raise NothingDueToday
    return payable(
        Quote(
            plan_id=plan.id,
            visit_type_id=visit_type_id,
            description=plan.name,
            list_price=plan.due_today,
            discount=plan.due_today - due,
            due_today=due,
            promo_code=promo.code if promo else None,
            coupon_id=promo.coupon_id if promo else None,
            recurrence=_recurrence(plan, promo),
            policy=policy,
        )
    )


def _check_sold(plan: Plan, visit_type_id: str | None) -> None:
    if plan.sold_out:
        raise PlanSoldOut
    if visit_type_id is not None and not plan.includes(visit_type_id):
        raise PlanDoesNotCoverVisit


def _of_visit(catalog: Catalog, visit_type: VisitType) -> Quote:
    if catalog.needs_plan(visit_type):
        raise PlanRequired
    nothing = _nothing(catalog, visit_type)
    price = visit_type.price or nothing
    return payable(
        Quote(
            plan_id=None,
            visit_type_id=visit_type.id,
            description=visit_type.name,
            list_price=price,
            discount=nothing,
            due_today=price,
            promo_code=None,
            coupon_id=None,
            recurrence=None,
            policy=catalog.policy_for(visit_type),
        )
    )


def credit_quote(catalog: Catalog, visit_type_id: str | None) -> Quote:
    """The quote of a visit that is booked by credit: what it costs otherwise is taken off. Raises InvalidInput.

    Also of one that is sold by plans only: the credit comes from one. One that costs everybody nothing takes no credit.
    """
    visit_type = _visit_type(catalog, visit_type_id)
    if visit_type is None:
        raise InvalidInput(field="visitTypeId", reason="A credit is used for a visit: name its type.")
    price = visit_type.price
    if price is None and not catalog.needs_plan(visit_type):
        raise InvalidInput(field="useCredit", reason="This visit costs nothing: book it without a credit.")
    price = price or _nothing(catalog, visit_type)
    return Quote(
        plan_id=None,
        visit_type_id=visit_type.id,
        description=visit_type.name,
        list_price=price,
        discount=price,
        due_today=price - price,
        promo_code=None,
        coupon_id=None,
        recurrence=None,
        policy=catalog.policy_for(visit_type),
        uses_credit=True,
    )


def _nothing(catalog: Catalog, visit_type: VisitType) -> Money:
    currency = catalog.plans[0].price.currency if catalog.plans else _DEFAULT_CURRENCY
    return Money.of(0, visit_type.price.currency if visit_type.price else currency)


def payable(quote: Quote) -> Quote:
    """Return the quote if its amount due today is zero or can be charged to a card. Raises AmountNotChargeable."""
    if not quote.due_today.is_zero and not is_chargeable(quote.due_today):
        raise AmountNotChargeable
    return quote


def _recurrence(plan: Plan, promo: Promo | None) -> Recurrence | None:
    if not plan.frequency.recurs:
        return None
    return Recurrence(
        frequency=plan.frequency,
        amount=plan.price,
        payments=plan.payments,
        discount=_lasting(plan, promo) if promo else None,
    )


def _lasting(plan: Plan, promo: Promo) -> LastingDiscount | None:
    """The discount of the later payments; None where the code is good for the first one only, or takes nothing off them.

    A code whose number of payments is not stated is one for every payment, as far as can be known: the quote says that it may end.
    """
    later = promo.discounted_later
    only_first = promo.payments is not None and promo.payments <= 1
    if only_first or plan.payments == 1 or later is None or later.amount >= plan.price.amount:
        return None
    return LastingDiscount(amount=later, payments=promo.payments, certain=promo.payments is not None)


def _plan(catalog: Catalog, plan_id: str) -> Plan:
    plan = catalog.plan(plan_id)
    if plan is None:
        raise InvalidInput(field="planId", reason="There is no such plan. Take an id from the plans query.")
    return plan


def _visit_type(catalog: Catalog, visit_type_id: str | None) -> VisitType | None:
    if visit_type_id is None:
        return None
    visit_type = catalog.visit_type(visit_type_id)
    if visit_type is None:
        raise InvalidInput(
            field="visitTypeId", reason="There is no such visit type. Take an id from the visitTypes query."
        )
    return visit_type
