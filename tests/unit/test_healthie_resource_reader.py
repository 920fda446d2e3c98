"""What webhooks point at, read into states: what counts as a refund."""

from typing import Any

import pytest

from booking.resources import ChangeHint, Kind, PaymentState, Resource
from tests.doubles.healthie_script import Script

HINT = ChangeHint(resource=Resource(kind=Kind.PAYMENT, id="801"))


async def refund(written: str | None) -> str | None:
    item: dict[str, Any] = {
        "id": "801",
        "state": "SUCCEEDED",
        "note": None,
        "refund_amount": written,
        "sender_id": "501",
        "created_at": "2026-11-21 12:00:00 -0500",
        "updated_at": None,
        "deleted_at": None,
        "charge_backs": None,
    }
    script = Script(answers={"WatchedPayment": {"billingItem": item}})
    async with script.connected() as healthie:
        state = await healthie.resources.read(HINT, known=None)
    assert isinstance(state, PaymentState)
    return state.refund


@pytest.mark.parametrize("written", [None, "", "0", "0.0", "0.00", "0.000", "$0.00"])
async def test_nothing_is_no_refund_however_it_is_written(written: str | None) -> None:
    assert await refund(written) is None


@pytest.mark.parametrize("written", ["40.00", "0.01", "0.004", "much"])
async def test_anything_else_is_one(written: str) -> None:
    assert await refund(written) == f"refund 801 {written}"
