"""The practice changes what it sells while a patient fills in a form: nobody pays on terms that they did not see."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from booking.checkout.model import CheckoutState
from booking.checkout.operator_actions import OperatorActions, Resolution
from gateway.runtime.composition import compose
from tests.acceptance.app import App, Json
from tests.plugins.stack import Stack, eventually

# What staff change, and what the plan of 149.00 less 20 % costs then.
CHANGES: dict[str, tuple[dict[str, Any], str, bool]] = {
    "a promo code gives less": ({"promo_code": "WELCOME20", "percent_off": 5}, "141.55", False),
    "the plan costs more": ({"plan": "First Visit", "price": 20_000}, "160.00", False),
    "the plan bills every month": ({"plan": "First Visit", "billing_frequency": "Monthly"}, "119.20", True),
    "the promo code ends": ({"promo_code": "WELCOME20", "usage_limit": 0}, "149.00", False),
}


async def quoted(stack: Stack, **given: Any) -> tuple[App, str]:
    """A guest who is about to confirm 149.00 less 20 %, once."""
    app = await stack.visitor()
    slot = await stack.slot()
    given = {"planId": stack.plan("First Visit"), "promoCode": "WELCOME20", **given}
    return await app.guest_checkout(slot["id"], **given)


async def attention(stack: Stack) -> list[Json]:
    """What an operator's list of what needs a person shows."""
    async with compose(stack.settings, clock=stack.clock) as system, system.units() as unit:
        return [row.attention for row in await unit.checkouts.listed(state=None, attention=True, limit=10)]


@pytest.mark.parametrize("change", CHANGES)
async def test_other_terms_are_shown_and_nothing_is_charged_until_they_are_accepted(
    stack: Stack, change: str
) -> None:
    changes, due, recurs = CHANGES[change]
    guest, checkout_id = await quoted(stack)
    await stack.emulator.control.offer(**changes)
    told = await guest.confirm(checkout_id, cardToken="tok_visa")
    assert (told["__typename"], told["code"]) == ("QuoteChanged", "QUOTE_CHANGED")
    assert told["quote"]["dueToday"]["amount"] == due
    assert (told["quote"]["recurrence"] is not None) == recurs
    assert (await stack.made())["charges"] == []
    assert (await guest.checkout(checkout_id))["status"] == "OPEN"

    guest.seen[checkout_id] = told["quote"]["id"]
    assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["__typename"] == "ConfirmCheckoutSuccess"
    made = await stack.made()
    assert [charge["amount"] for charge in made["charges"]] == [int(due.replace(".", ""))]
    assert len(made["recurring_payments"]) == recurs


async def test_what_is_not_sold_any_more_is_not_charged(stack: Stack) -> None:
    guest, checkout_id = await quoted(stack)
    await stack.emulator.control.offer(plan="First Visit", show_offering=False)
    told = await guest.confirm(checkout_id, cardToken="tok_visa")
    assert (told["__typename"], told["code"]) == ("TermsChanged", "TERMS_CHANGED")
    ended = await guest.checkout(checkout_id)
    assert (ended["status"], ended["endReason"]) == ("CANCELLED", "TERMS_CHANGED")
    assert (await stack.made())["charges"] == []


async def test_a_free_visit_that_has_a_price_by_now_is_not_booked_unseen(stack: Stack) -> None:
    app = await stack.visitor()
    guest, checkout_id = await app.guest_checkout((await stack.slot("Free Consultation"))["id"])
    await stack.emulator.control.offer(visit="Free Consultation", price=5_000)
    told = await guest.confirm(checkout_id)
    assert told["__typename"] == "QuoteChanged", told
    assert told["quote"]["dueToday"]["amount"] == "50.00"
    assert await stack.landed() == []


async def charging_while(stack: Stack, guest: App, checkout_id: str, **changes: Any) -> Json:
    """Confirm, and have staff change the terms between the last look at them and the charge."""
    await stack.fault("delay", "Charge", seconds=1)
    confirming = asyncio.create_task(guest.confirm(checkout_id, cardToken="tok_visa"))

    async def sent() -> bool:
        return "Charge" in await stack.upstream()

    await eventually(sent)
    await stack.emulator.control.offer(**changes)
    return await confirming


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({"promo_code": "WELCOME20", "percent_off": 5}, 14_155),
        ({"plan": "First Visit", "billing_frequency": "Monthly"}, 11_920),
    ],
    ids=["another amount", "a series"],
)
async def test_a_charge_on_other_terms_is_undone_and_called_so_in_the_same_request(
    stack: Stack, changes: dict[str, Any], taken: int
) -> None:
    guest, checkout_id = await quoted(stack)
    told = await charging_while(stack, guest, checkout_id, **changes)
    assert (told["__typename"], told["code"]) == ("ChargedWrongly", "CHARGED_WRONGLY")
    assert "other terms" in told["message"]
    made = await stack.made()
    assert [(charge["amount"], charge["refunded"]) for charge in made["charges"]] == [(taken, taken)]
    assert [series["is_canceled"] for series in made["recurring_payments"]] in ([], [True])
    assert made["appointments"] == []
    ended = await guest.checkout(checkout_id)
    assert (ended["status"], ended["endReason"]) == ("REFUNDED", "CHARGED_WRONGLY")
    assert ended["refunded"] == {"amount": f"{taken // 100}.{taken % 100:02d}"}
    assert await attention(stack) == [("charged_wrongly", "package_remains")]


async def test_an_operators_word_that_it_is_refunded_is_made_true(stack: Stack) -> None:
    """The refund fails for hours; the operator resolves the checkout as refunded without having done it."""
    guest, checkout_id = await quoted(stack)
    await stack.emulator.control.switches(silent_noop=["updateBillingItem"])
    told = await charging_while(stack, guest, checkout_id, promo_code="WELCOME20", percent_off=5)
    assert told["checkout"]["endReason"] == "CHARGED_WRONGLY"
    for _ in range(60):
        await stack.work(after=timedelta(minutes=5))
    assert (await guest.checkout(checkout_id))["status"] == "NEEDS_ATTENTION"
    await stack.emulator.control.switches(silent_noop=[])
    async with compose(stack.settings, clock=stack.clock) as system:
        actions = OperatorActions(units=system.units, clock=stack.clock, operator="operator sample")
        row = await actions.resolve(checkout_id, Resolution.REFUNDED, note="Done.")
    assert row.state is CheckoutState.BOOKING_INTENDED
    await stack.work()
    made = await stack.made()
    assert [(charge["amount"], charge["refunded"]) for charge in made["charges"]] == [(14_155, 14_155)]
    assert (await guest.checkout(checkout_id))["status"] == "REFUNDED"
