"""What Healthie charges over a year is what the accepted quote said: today's payment and each later one."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from booking.catalog.quotes import plan_quote
from booking.models import Quote
from booking.money import Money
from integrations.healthie.charge_check import ChargeCheck
from integrations.healthie_emulator.money import bill_due
from tests.integration.healthie_on_emulator import Practice, practice

PAYMENTS = 12


@pytest.fixture
async def here() -> AsyncIterator[Practice]:
    async with practice() as opened:
        yield opened


async def quoted(here: Practice, code: str | None) -> Quote:
    plan, slot = await here.plan("Monthly Care"), (await here.free())[0]
    promo = await here.healthie.promotions.apply(code=code, plan=plan) if code else None
    policy = (await here.healthie.catalog.catalog()).policy
    return plan_quote(plan, slot.visit_type_id, promo, policy)


async def charged_over_a_year(here: Practice, quote: Quote) -> list[Money]:
    """Accept the quote, let eleven months and some days pass, and answer what the card was charged, by the processor's own books."""
    checkout = await here.checkout("Monthly Care", quote=quote)
    await here.healthie.billing.charge(checkout)
    for _ in range(PAYMENTS - 1):
        here.world.clock.advance(timedelta(days=30, hours=12).total_seconds())
        bill_due(here.world)
    charges = list(here.world.stripe.charges.values())
    return [Money.of(f"{each.amount / 100:.2f}", each.currency) for each in charges]


@pytest.mark.parametrize("code", [None, "WELCOME20", "MINUS25", "MONTHLY10"])
async def test_a_years_payments_are_those_of_the_accepted_quote(here: Practice, code: str | None) -> None:
    quote = await quoted(here, code)
    charged = await charged_over_a_year(here, quote)
    assert quote.recurrence is not None
    said = [quote.due_today, *(quote.recurrence.amount_of(number) for number in range(2, PAYMENTS + 1))]
    assert charged == said


async def test_a_code_for_three_payments_is_over_with_the_third(here: Practice) -> None:
    quote = await quoted(here, "MONTHLY10")
    charged = await charged_over_a_year(here, quote)
    assert [str(each.amount) for each in charged[:5]] == ["134.10", "89.10", "89.10", "99.00", "99.00"]


async def test_where_a_codes_end_is_not_said_the_quote_says_so_and_names_the_highest_amount(
    here: Practice,
) -> None:
    here.world.switches.coupon_without_number_lasts = False
    quote = await quoted(here, "WELCOME20")
    charged = await charged_over_a_year(here, quote)
    assert quote.recurrence is not None
    assert quote.recurrence.discount is not None
    assert not quote.recurrence.discount.certain
    assert charged[1:] == [quote.recurrence.amount] * (PAYMENTS - 1)


async def test_the_practice_is_told_of_codes_that_do_not_say_when_they_end(here: Practice) -> None:
    assert isinstance(here.healthie.drift.charges, ChargeCheck)  # type: ignore[attr-defined]
    check = here.healthie.drift.charges  # type: ignore[attr-defined]
    told = "Some promo codes may not say for how many payments"
    assert [each.what.startswith(told) for each in await check.findings()].count(True) == 1
    for coupon in here.world.coupons:
        here.world.coupons.change(coupon.id, repeat_times=3)
    assert not any(each.what.startswith(told) for each in await check.findings())
