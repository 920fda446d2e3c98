"""Quotes: what will be charged and on which terms."""

import hashlib
import json
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from booking.catalog.model import BillingFrequency
from booking.catalog.quotes import plan_quote
from booking.errors import InvalidInput
from booking.models import LastingDiscount, Promo, Quote, Recurrence
from booking.money import Money
from booking.refusals import (
    AmountNotChargeable,
    NothingDueToday,
    PlanDoesNotCoverVisit,
    PlanRequired,
    PlanSoldOut,
    PromoInvalid,
)
from tests.doubles.booking_world import (
    CATALOG,
    FREE,
    FREE_MONTH,
    GUEST,
    MONTHLY,
    ONCE,
    PLANNED,
    PRICED,
    SOLD_OUT,
    VISITOR,
    World,
    a_plan,
    a_slot,
)

DUE = Money.of("99", "USD")


async def test_a_visit_costs_its_price(world: World) -> None:
    quote = await world.quotes.quote(visit_type_id=PRICED.id)
    assert quote.due_today == quote.list_price == PRICED.price
    assert quote.discount.is_zero
    assert quote.recurrence is None
    assert quote.plan_id is None


async def test_a_visit_without_a_price_that_no_plan_sells_is_free(world: World) -> None:
    quote = await world.quotes.quote(visit_type_id=FREE.id)
    assert quote.due_today == Money.of(0, "USD")


async def test_a_visit_that_plans_sell_needs_one(world: World) -> None:
    with pytest.raises(PlanRequired):
        await world.quotes.quote(visit_type_id=PLANNED.id)


async def test_a_promo_code_states_gross_discount_and_net(world: World) -> None:
    quote = await world.quotes.quote(plan_id=ONCE.id, promo_code=" TENOFF ")
    assert (quote.list_price, quote.discount, quote.due_today) == (
        Money.of(99, "USD"),
        Money.of(10, "USD"),
        Money.of(89, "USD"),
    )
    assert (quote.promo_code, quote.coupon_id) == ("TENOFF", "k1")


async def test_a_recurring_plan_states_what_follows(world: World) -> None:
    quote = await world.quotes.quote(plan_id=MONTHLY.id, visit_type_id=PLANNED.id, promo_code="TENOFF")
    assert quote.recurrence is not None
    assert quote.recurrence.frequency is BillingFrequency.MONTHLY
    assert quote.recurrence.amount == MONTHLY.price
    assert quote.recurrence.discount is None  # nothing says that the code lowers later payments
    assert quote.recurrence.payments == 12


@pytest.mark.parametrize(
    ("later", "payments", "stated"),
    [
        ("90", 3, LastingDiscount(amount=Money.of(90, "USD"), payments=3)),
        ("90", None, LastingDiscount(amount=Money.of(90, "USD"), payments=None, certain=False)),
        ("90", 1, None),  # good for the first payment
        (None, 3, None),  # how much it takes off is not stated
        ("99", 3, None),  # it takes nothing off
    ],
)
async def test_a_code_that_lasts_says_for_how_many_payments_and_how_much(
    world: World, later: str | None, payments: int | None, stated: LastingDiscount | None
) -> None:
    monthly = replace(MONTHLY, price=Money.of(99, "USD"), due_today=Money.of(99, "USD"))
    promo = Promo(
        code="TENOFF",
        coupon_id="k1",
        discounted=Money.of(90, "USD"),
        discounted_later=Money.of(later, "USD") if later else None,
        payments=payments,
    )
    quote = plan_quote(monthly, PLANNED.id, promo, CATALOG.policy)
    assert quote.recurrence is not None
    assert quote.recurrence.discount == stated
    amounts = [str(quote.recurrence.amount_of(number).amount) for number in (2, 3, 4, 12)]
    assert (
        amounts
        == {
            (True, True): ["90.00", "90.00", "99.00", "99.00"],
            (True, False): ["90.00"] * 4,
            (False, False): ["99.00"] * 4,
        }[stated is not None, bool(stated and stated.certain)]
    )
    for number in (1, 13):
        with pytest.raises(ValueError, match="no such later payment"):
            quote.recurrence.amount_of(number)


@pytest.mark.parametrize("promo", [None, "FREE"])
async def test_a_plan_with_nothing_due_today_is_refused(world: World, promo: str | None) -> None:
    world.offer.promos["FREE"] = Promo(code="FREE", coupon_id="k2", discounted=Money.of(0, "USD"))
    with pytest.raises(NothingDueToday):
        await world.quotes.quote(plan_id=ONCE.id if promo else FREE_MONTH.id, promo_code=promo)


@pytest.mark.parametrize(("due", "discounted"), [("0.01", None), ("1000000", None), ("0.50", "0.43")])
async def test_what_no_card_can_be_charged_is_refused_before_anybody_starts(
    world: World, due: str, discounted: str | None
) -> None:
    world.offer.offered = replace(CATALOG, plans=(a_plan("odd", due),))
    world.offer.promos["LESS"] = Promo(
        code="LESS", coupon_id="k2", discounted=Money.of(discounted or 0, "USD")
    )
    promo = "LESS" if discounted else None
    with pytest.raises(AmountNotChargeable):
        await world.quotes.quote(plan_id="odd", promo_code=promo)
    hold = await world.hold(slot=a_slot(PLANNED))
    with pytest.raises(AmountNotChargeable):
        await world.starts.start(VISITOR, hold_id=hold.id, plan_id="odd", promo_code=promo, guest=GUEST)
    assert world.database.rows == {}


async def test_a_checkout_is_not_quoted_anew_with_what_no_card_can_be_charged(world: World) -> None:
    world.offer.offered = replace(CATALOG, plans=(ONCE,))
    world.offer.promos["LESS"] = Promo(code="LESS", coupon_id="k2", discounted=Money.of("0.42", "USD"))
    checkout = await world.start(slot=a_slot(PLANNED), plan_id=ONCE.id)
    with pytest.raises(AmountNotChargeable):
        await world.starts.start(
            VISITOR, hold_id=checkout.hold_id, plan_id=ONCE.id, promo_code="LESS", guest=GUEST
        )
    assert world.row(checkout).quote == checkout.quote


async def test_a_single_visit_of_a_cent_is_refused_and_a_free_one_is_not(world: World) -> None:
    cent = replace(PRICED, price=Money.of("0.01", "USD"))
    world.offer.offered = replace(CATALOG, visit_types=(cent, FREE))
    with pytest.raises(AmountNotChargeable):
        await world.quotes.quote(visit_type_id=PRICED.id)
    assert (await world.quotes.quote(visit_type_id=FREE.id)).due_today.is_zero


async def test_a_code_that_does_not_apply_says_why(world: World) -> None:
    with pytest.raises(PromoInvalid, match="does not exist"):
        await world.quotes.quote(plan_id=ONCE.id, promo_code="NOPE")
    with pytest.raises(PromoInvalid, match="plans only"):
        await world.quotes.quote(visit_type_id=PRICED.id, promo_code="TENOFF")


async def test_a_plan_that_is_sold_out_is_refused(world: World) -> None:
    with pytest.raises(PlanSoldOut):
        await world.quotes.quote(plan_id=SOLD_OUT.id)


async def test_a_plan_must_include_the_visit(world: World) -> None:
    with pytest.raises(PlanDoesNotCoverVisit):
        await world.quotes.quote(plan_id=ONCE.id, visit_type_id=PRICED.id)


@pytest.mark.parametrize(
    ("plan_id", "visit_type_id", "field"),
    [("none", None, "planId"), (None, None, "planId"), (ONCE.id, "none", "visitTypeId")],
)
async def test_what_is_not_known_is_the_callers_mistake(
    world: World, plan_id: str | None, visit_type_id: str | None, field: str
) -> None:
    with pytest.raises(InvalidInput) as mistake:
        await world.quotes.quote(plan_id=plan_id, visit_type_id=visit_type_id)
    assert mistake.value.field == field


class TestId:
    OTHERWISE = (
        {"plan_id": "another"},
        {"visit_type_id": "another"},
        {"description": "Another plan"},
        {"list_price": Money.of("120", "USD")},
        {"discount": Money.of("1", "USD")},
        {"due_today": Money.of("98", "USD")},
        {"due_today": Money.of("99", "CAD")},
        {"promo_code": "TENOFF"},
        {"coupon_id": "k1"},
        {"recurrence": None},
        {"recurrence": Recurrence(frequency=BillingFrequency.MONTHLY, amount=DUE, payments=None)},
        {"recurrence": Recurrence(frequency=BillingFrequency.YEARLY, amount=DUE, payments=12)},
        {
            "recurrence": Recurrence(
                frequency=BillingFrequency.MONTHLY,
                amount=DUE,
                payments=12,
                discount=LastingDiscount(amount=DUE, payments=3),
            )
        },
        {"policy": replace(CATALOG.policy, no_show_fee=DUE)},
        {"policy": replace(CATALOG.policy, cancel_notice=timedelta(days=1))},
    )

    @pytest.mark.parametrize("otherwise", OTHERWISE, ids=str)
    async def test_another_amount_or_term_is_another_quote(self, otherwise: dict[str, Any]) -> None:
        quote = await World().quotes.quote(plan_id=MONTHLY.id, visit_type_id=PLANNED.id)
        assert replace(quote, **otherwise).id != quote.id

    async def test_the_same_amounts_and_terms_are_the_same_quote_also_from_the_database(self) -> None:
        kept = TypeAdapter(Quote)
        for plan_id in (ONCE.id, MONTHLY.id):
            quote, again = [
                await World().quotes.quote(plan_id=plan_id, visit_type_id=PLANNED.id) for _ in range(2)
            ]
            assert again.id == quote.id
            assert kept.validate_python(kept.dump_python(quote, mode="json")).id == quote.id

    async def test_a_quote_that_an_earlier_version_stored_keeps_its_id(self) -> None:
        quote = await World().quotes.quote(plan_id=MONTHLY.id, visit_type_id=PLANNED.id)
        kept = TypeAdapter(Quote)
        earlier = kept.dump_python(quote, mode="json")
        del earlier["recurrence"]["discount"], earlier["uses_credit"]
        known = asdict(quote)
        del known["recurrence"]["discount"], known["uses_credit"]
        terms = json.dumps(known, default=str, sort_keys=True)
        shown = f"quo_{hashlib.sha256(terms.encode()).hexdigest()[:32]}"  # as the earlier version computed it
        assert kept.validate_python(earlier).id == quote.id == shown
