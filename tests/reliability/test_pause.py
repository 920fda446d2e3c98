"""A process that freezes past its lease, and wakes up when another one has finished its work."""

import asyncio

import pytest

from booking.checkout.model import CheckoutState as S
from tests.reliability.practice import PATIENCE_SECONDS, Practice
from tests.reliability.proxy import Side


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("effect", ["Charge", "Book"])
async def test_a_process_that_froze_beside_an_effect_writes_nothing_when_it_wakes(
    practice: Practice, effect: str, side: Side
) -> None:
    """Its request of before, too, arrives only now: under the upstream key of the charge, and for a time that is booked."""
    async with practice.peer() as peer:
        patient = await peer.a_patient("First Visit", (await peer.slots("Initial Visit"))[0])
        call = practice.proxy.stop(effect, side)
        gateway = await practice.gateway()
        confirm = asyncio.create_task(patient.confirm(gateway, practice.http))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await call.reached.wait()
        gateway.pause()
        (finished,) = await peer.take_over(patient)
        assert finished.state is S.CONFIRMED
        call.let_go.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await call.over.wait()
            gateway.go_on()
            answer = await confirm
        assert answer["__typename"] == "ConfirmCheckoutSuccess"
        assert practice.proxy.calls.count(effect) == (2 if side is Side.BEFORE else 1)
        assert await practice.row(patient) == finished
        books = await practice.books()
        assert [charge["amount"] for charge in books["charges"]] == [149_00]
        assert [visit["id"] for visit in books["appointments"]] == [finished.appointment_id]
        assert books["refunds"] == []
        assert await practice.claims() == 0
