"""Readiness: the database is asked once a second, however many want to know."""

import asyncio

from gateway.runtime.readiness import REMEMBERED_SECONDS, Readiness


class Database:
    """Answers when it is `open`."""

    def __init__(self) -> None:
        self.asked = 0
        self.well = True
        self.open = asyncio.Event()
        self.open.set()
        self.now = 1000.0
        self.readiness = Readiness(self._answer, clock=lambda: self.now)

    async def _answer(self) -> bool:
        self.asked += 1
        await self.open.wait()
        return self.well


async def test_many_who_ask_at_once_share_one_question() -> None:
    database = Database()
    database.open.clear()
    asking = [asyncio.create_task(database.readiness()) for _ in range(100)]
    await asyncio.sleep(0)
    database.now += 10  # it takes long
    late = asyncio.create_task(database.readiness())
    await asyncio.sleep(0)
    database.open.set()
    assert set(await asyncio.gather(*asking, late)) == {True}
    assert database.asked == 1


async def test_an_answer_is_remembered_for_a_second_whatever_it_is() -> None:
    database = Database()
    for well in (False, True):
        database.well = well
        assert await database.readiness() is well
        database.now += REMEMBERED_SECONDS - 0.01
        database.well = not well
        assert await database.readiness() is well
        database.now += 0.02
    assert database.asked == 2


async def test_that_it_is_well_can_be_remembered_for_longer_and_that_it_is_not_never() -> None:
    database = Database()
    database.readiness = Readiness(database._answer, clock=lambda: database.now, well_for=5)
    assert await database.readiness()
    database.well = False
    database.now += 4.9
    assert await database.readiness()
    database.now += 0.2
    assert not await database.readiness()
    database.well = True
    database.now += REMEMBERED_SECONDS + 0.1
    assert await database.readiness()
