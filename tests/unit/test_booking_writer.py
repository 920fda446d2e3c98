"""The one writer of checkout rows: nobody else writes them, and it refuses a transition that the states do not have."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.writer import CheckoutWriter
from booking.operations.model import HistoryKind
from tests.doubles.booking_world import World

ROOT = Path(__file__).parents[2]
Write = Callable[[CheckoutWriter, Checkout, Checkout], Awaitable[Checkout]]
PROGRAM = ("booking", "gateway", "integrations", "resolvers", "schema")


async def _as_driver(writer: CheckoutWriter, before: Checkout, after: Checkout) -> Checkout:
    return await writer.write(before, after, by="driver")


async def _as_patient(writer: CheckoutWriter, before: Checkout, after: Checkout) -> Checkout:
    return await writer.write_for_patient(before, after, HistoryKind.ACCEPTED)


async def _as_operator(writer: CheckoutWriter, before: Checkout, after: Checkout) -> Checkout:
    return await writer.write_for_operator(
        before, after, HistoryKind.RESOLVED, operator="operator", note=None
    )


def test_nobody_else_writes_a_row() -> None:
    found = {
        str(path.relative_to(ROOT))
        for package in PROGRAM
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"checkouts\.(add|save)\(", path.read_text())
    }
    assert len(found) == 1
    assert found.pop().endswith("/writer.py")


@pytest.mark.parametrize("write", [_as_driver, _as_patient, _as_operator])
async def test_a_transition_that_the_states_do_not_have_is_not_written(write: Write) -> None:
    world = World()
    checkout = await world.start()
    with pytest.raises(AssertionError, match="no transition from started to charged"):
        await write(CheckoutWriter(units=world.database), checkout, checkout.changed(state=S.CHARGED))
    assert world.row(checkout) == checkout


async def test_an_operators_transition_is_an_operators_alone() -> None:
    world = World()
    started = await world.start()
    world.database.claims[started.id] = started.visit_slot
    world.put(started.changed(version=2, state=S.NEEDS_ATTENTION, attention_from=S.REFUND_INTENDED))
    before = world.row(started)
    again = before.changed(state=S.REFUND_INTENDED)
    writer = CheckoutWriter(units=world.database)
    for write in (_as_driver, _as_patient):
        with pytest.raises(AssertionError, match="no transition"):
            await write(writer, before, again)
    assert (await _as_operator(writer, before, again)).state is S.REFUND_INTENDED
