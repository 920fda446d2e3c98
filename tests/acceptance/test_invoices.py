"""A paid single visit: what the practice's staff must see of an invoice that the visit raises, and what not."""

from datetime import timedelta

import pytest

from booking.principals import PrincipalKind
from tests.acceptance.documents import LISTED
from tests.plugins.stack import Stack


@pytest.mark.parametrize("raised", [True, False])
@pytest.mark.parametrize("settable", [True, False])
async def test_is_on_the_attention_list_only_where_its_invoice_cannot_be_closed(
    stack: Stack, *, raised: bool, settable: bool
) -> None:
    """Whether a price raises an invoice is the practice's setting; whether a status can be set is not certain."""
    await stack.emulator.control.switches(booking_raises_invoice=raised, invoice_status_settable=settable)
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot("Single Visit"))["id"]
    )
    assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["checkout"]["status"] == "CONFIRMED"
    operator = stack.patient("operator-1", kind=PrincipalKind.OPERATOR)

    async def listed() -> list[list[str]]:
        rows = (await operator.ask(LISTED))["operations"]["checkouts"]["nodes"]
        return [row["attention"] for row in rows]

    assert await listed() == [], "it may still be closed"
    for minutes in (6, 6, 11) if raised and not settable else (6,):
        await stack.work(after=timedelta(minutes=minutes))
    assert await listed() == ([["open_invoice"]] if raised and not settable else [])
    made = await stack.made()
    paid = "Paid" if settable else "Not Yet Paid"
    assert [invoice["status"] for invoice in made["requested_payments"]] == ([paid] if raised else [])
    assert len(made["charges"]) == 1
    assert len(made["billing_items"]) == 1, "no second payment is recorded"
