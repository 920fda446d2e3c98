"""PostgreSQL crashes in mid-saga and comes back."""

import asyncio
from collections.abc import Callable

import pytest

from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from integrations.database.engine import connect_database
from integrations.database.migrations import migrate
from tests.plugins.server_process import TemporaryServer
from tests.reliability.conftest import Open
from tests.reliability.database import Database
from tests.reliability.practice import PATIENCE_SECONDS, Practice
from tests.reliability.proxy import Side

# Where each of the checkouts is when the database goes: two at each side of each effect.
CALLS = [(effect, side) for effect in ("CreatePatient", "AttachCard", "Charge", "Book") for side in Side]


@pytest.fixture
async def server(temporary_postgres: Callable[[], TemporaryServer]) -> TemporaryServer:
    started = await asyncio.to_thread(temporary_postgres)
    await migrate(started.url)
    return started


@pytest.mark.postgres
async def test_every_checkout_ends_right_when_the_database_crashes_in_mid_saga(
    server: TemporaryServer, practice_on: Open
) -> None:
    engine = connect_database(server.url)
    practice = await practice_on(Database(url=server.url, engine=engine))
    async with practice.peer() as peer:
        slots = [slot for slot in await peer.slots("Initial Visit", number=5) if slot.start.minute == 0]
        apart = slots[::2][: len(CALLS)]
        patients = [
            await peer.a_patient("First Visit", slot, number=number) for number, slot in enumerate(apart)
        ]
        assert len(patients) == len(CALLS)
        gateway = await practice.gateway()
        confirms, stops = [], []
        for patient, (effect, side) in zip(patients, CALLS, strict=True):
            stops.append(practice.proxy.stop(effect, side))
            confirms.append(asyncio.create_task(patient.confirm(gateway, practice.http)))
            async with asyncio.timeout(PATIENCE_SECONDS):
                await stops[-1].reached.wait()
        server.kill()
        for stop in stops:
            stop.let_go.set()
        await asyncio.gather(*confirms, return_exceptions=True)
        await asyncio.to_thread(server.start)
        await peer.take_over(*patients)
        rows = [await peer.pay_again(patient) for patient in patients]
    assert [row.state for row in rows] == [S.CONFIRMED] * len(rows)
    await assert_books_are_right(practice, rows)
    await engine.dispose()


async def assert_books_are_right(practice: Practice, rows: list[Checkout]) -> None:
    """One charge and one visit each, and each of them somebody's."""
    books = await practice.books()
    assert [charge["amount"] for charge in books["charges"]] == [149_00] * len(rows)
    assert {row.charge.charge_id for row in rows if row.charge} == {one["id"] for one in books["charges"]}
    assert {row.appointment_id for row in rows} == {visit["id"] for visit in books["appointments"]}
    assert len(books["appointments"]) == len(rows)
    assert len(books["patients"]) == len(rows)
    assert books["refunds"] == []
    assert await practice.claims() == 0
