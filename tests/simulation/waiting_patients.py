"""Patients who wait, and others who take what they find: all by the services of some process, which may die meanwhile."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from random import Random

from booking.catalog.model import ContactType
from booking.checkout.model import CheckoutState
from booking.errors import DomainError
from booking.models import Hold
from booking.principals import Caller, Principal, PrincipalKind
from booking.waitlist.model import Hours, WaitlistOffer, Wish
from tests.integration.database_samples import a_checkout
from tests.simulation.virtual_loop import BEGINNING
from tests.simulation.waiting_practice import KINDS, Cell, Practice
from tests.simulation.waiting_process import Gone, WaitingProcess

ZONES = ("America/New_York", "America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo")
ANSWERS = ("ignore", "ignore", "decline", "decline", "extend", "book", "book", "give up", "leave")

Somebody = Callable[[], WaitingProcess]  # a process that is up


def caller_of(patient: str) -> Caller:
    """A signed-in patient."""
    return Caller(principal=Principal(kind=PrincipalKind.PATIENT, id=patient))


def a_random_wish(chance: Random) -> Wish:
    """Which times somebody waits for: mostly any, sometimes only some."""
    kind = chance.choice(KINDS)
    hours = (Hours(start=0, end=720),) if chance.random() < 0.2 else ()
    return Wish(
        visit_type_id=kind.id,
        contact_type=ContactType.VIDEO,
        location_id=None,
        clinician_ids=("c1",) if chance.random() < 0.3 else None,
        state=None,
        weekdays=(),
        hours=hours,
        time_zone=chance.choice(ZONES),
        notice=timedelta(hours=chance.choice((0, 0, 1, 4))),
        until=BEGINNING.date() + timedelta(days=chance.choice((1, 2, 2))),
    )


class Patient:
    """Joins, and answers each offer once, as chance has it."""

    def __init__(
        self, name: str, *, chance: Random, practice: Practice, somebody: Somebody, till: WaitingProcess
    ) -> None:
        """`till`: the process that does checkouts, which never dies; how checkouts survive is played elsewhere."""
        self.name = name
        self._chance = chance
        self._practice = practice
        self._somebody = somebody
        self._till = till
        self._answered: set[str] = set()
        self.idle = False  # from now on they answer nothing

    async def live(self) -> None:
        """From joining on, for ever."""
        await asyncio.sleep(self._chance.uniform(0, 900))
        wish = a_random_wish(self._chance)
        while True:
            with contextlib.suppress(Gone, DomainError):
                process = self._somebody()
                await process.run(process.service.join(caller_of(self.name), wish))
                break
            await asyncio.sleep(10)
        while True:
            await asyncio.sleep(self._chance.uniform(15, 90))
            with contextlib.suppress(Gone, DomainError):
                await self._see()

    async def _see(self) -> None:
        process = self._somebody()
        for place in await process.run(process.service.places(self.name)):
            if place.offer is not None and place.offer.id not in self._answered and not self.idle:
                self._answered.add(place.offer.id)
                await self._answer(place.entry.id, place.offer, process)

    async def _answer(self, entry_id: str, offer: WaitlistOffer, process: WaitingProcess) -> None:
        answer, me = self._chance.choice(ANSWERS), caller_of(self.name)
        await asyncio.sleep(self._chance.uniform(1, 400))
        if answer == "decline":
            await process.run(process.hold_service.release(me, offer.hold_id))
        elif answer == "extend":
            await process.run(process.hold_service.extend(me, offer.hold_id))
        elif answer == "leave":
            await process.run(process.service.leave(me, entry_id))
        elif answer in {"book", "give up"}:
            await self._till.run(self._check_out(offer, books=answer == "book"))

    async def _check_out(self, offer: WaitlistOffer, *, books: bool) -> None:
        """What the program's checkout does to the hold and its row; it begins only with time left to pay in."""
        now = self._till.fate.now()
        hold = await self._till.holds.get(offer.hold_id)
        if hold is None or hold.expires_at < now + timedelta(minutes=6):
            return
        row = a_checkout(
            f"checkout_of_{offer.id}",
            owner=hold.owner,
            started_by=hold.owner,
            hold_id=hold.id,
            slot=hold.slot,
            patient_id=self.name,
            created_at=now,
            updated_at=now,
        )
        async with self._till.units() as unit:
            await unit.checkouts.add(row)
            await unit.commit()
        await asyncio.sleep(self._chance.uniform(10, 90))
        await self._end(row.id, hold, books=books)

    async def _end(self, checkout_id: str, hold: Hold, *, books: bool) -> None:
        still_held = await self._till.holds.get(hold.id) is not None
        booked = books and still_held and self._practice.take(hold.slot)
        async with self._till.units() as unit:
            row = await unit.checkouts.get(checkout_id)
            assert row is not None
            state = CheckoutState.CONFIRMED if booked else CheckoutState.CANCELLED
            await unit.checkouts.save(row.changed(state=state, ended_at=self._till.fate.now()))
            await unit.commit()
        await self._till.holds.release(hold.id, owners={hold.owner})


async def shop(chance: Random, practice: Practice, somebody: Somebody, name: str) -> None:
    """Others hold what they find; some book it, some do not."""
    while True:
        await asyncio.sleep(chance.uniform(60, 600))
        free = practice.slots()
        if not free:
            continue
        slot, me = chance.choice(free), caller_of(name)
        with contextlib.suppress(Gone, DomainError):
            process = somebody()
            hold = await process.run(process.hold_service.hold(me, slot.id, time_zone="UTC"))
            await asyncio.sleep(chance.uniform(5, 200))
            if chance.random() < 0.5 and await process.run(process.holds.get(hold.id)) is not None:
                practice.take(slot)
            await process.run(process.hold_service.release(me, hold.id))


async def change(chance: Random, practice: Practice, somebody: Somebody, cells: list[Cell]) -> None:
    """Visits are cancelled and hours opened; sometimes some process is told."""
    while True:
        await asyncio.sleep(chance.uniform(30, 500))
        for cell in chance.sample(cells, chance.choice((1, 1, 2, 4))):
            practice.come_free(cell)
        if chance.random() < 0.6:
            with contextlib.suppress(Gone):
                somebody().signals.publish(["calendar:"])
