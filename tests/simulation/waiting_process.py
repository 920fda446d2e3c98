"""One process with the waitlist: the real looks, offers, answers, holds and statements, composed as the program does it."""

import asyncio
import contextlib
import contextvars
from collections.abc import Coroutine
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import Engine

from booking.change_signals import LocalChangeSignals
from booking.checkout.checkout_holds import CheckoutHolds
from booking.errors import DomainError
from booking.live.announced_holds import AnnouncedHolds
from booking.scheduling.hold_capacity import AnonymousHoldShare, ShareRules
from booking.scheduling.holds import HoldRules, HoldService
from booking.scheduling.search import SlotSearch
from booking.waitlist.answers import OfferAnswers
from booking.waitlist.looks import WaitlistLooker
from booking.waitlist.offers import OfferDriver
from booking.waitlist.passing_on import PassingOn
from booking.waitlist.rules import WaitlistRules
from booking.waitlist.service import WaitlistService
from gateway.runtime.due_rows import DueOffers
from integrations.database.change_reader import SqlChangeReader
from integrations.database.holds import SqlHoldStore
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.database_samples import SEALER
from tests.simulation.database import VirtualEngine, Witness
from tests.simulation.fate import Fate, Killed, current
from tests.simulation.waiting_practice import Practice, SeenBy

T = TypeVar("T")

# The program's worker polls each second; nothing here is decided by that.
POLL = 10.0


class Gone(Exception):
    """The process that somebody was speaking to is no more."""


class WaitingProcess:
    """A gateway and a worker in one, from boot to kill."""

    def __init__(
        self,
        fate: Fate,
        *,
        practice: Practice,
        rules: WaitlistRules,
        database: Engine,
        hold_database: Engine,
        witness: Witness,
    ) -> None:
        self.fate = fate
        self._context = contextvars.copy_context()
        self._context.run(current.set, fate)
        engine = VirtualEngine(database, name="database", fate=fate, witness=witness).face()
        held = VirtualEngine(hold_database, name="holds", fate=fate, witness=witness).face()
        self.signals = LocalChangeSignals()
        self.units = units = sql_unit_of_work(engine, SEALER, self.signals)
        self.holds = AnnouncedHolds(store=SqlHoldStore(engine=held, clock=fate), change_signals=self.signals)
        self.calendar = SeenBy(practice, fate)
        search = SlotSearch(
            availability=self.calendar,
            holds=self.holds,
            recorded=SqlChangeReader(engine=engine),
            clock=fate,
        )
        self.driver = OfferDriver(
            units=units, holds=self.holds, search=search, catalog=practice, clock=fate, rules=rules
        )
        self.service = WaitlistService(
            units=units, catalog=practice, clock=fate, driver=self.driver, rules=rules
        )
        self.looker = WaitlistLooker(
            units=units, search=search, catalog=practice, driver=self.driver, clock=fate, rules=rules
        )
        self.signals.observe(search.note_changes)
        self.signals.observe(self.looker.note)
        passing = PassingOn(units=units, catalog=practice, clock=fate, rules=rules)
        self.hold_service = HoldService(
            store=self.holds,
            checkout_holds=CheckoutHolds(holds=self.holds, units=units, clock=fate),
            search=search,
            catalog=practice,
            units=units,
            clock=fate,
            rules=HoldRules(),
            share=AnonymousHoldShare(
                store=self.holds, search=search, clock=fate, rules=ShareRules(), alarm=_alert_nobody
            ),
            offered=OfferAnswers(units=units, holds=self.holds, clock=fate, passing=passing),
        )

    def start(self) -> None:
        """Start its worker."""
        for work in (self._look, self._drive):
            self.fate.loop.create_task(self._for_ever(work), context=self._context.copy())

    async def _for_ever(self, work: Any) -> None:
        while True:
            with contextlib.suppress(DomainError):
                await work()
            await asyncio.sleep(POLL)
            await self.fate.thawed()

    async def _look(self) -> None:
        await self.looker.run_due()

    async def _drive(self) -> None:
        due = DueOffers(self.driver)
        async with self.units() as unit:
            offers = await due.due(unit, self.fate.now(), limit=20)
        for offer_id in offers:
            if not await due.resume(offer_id):
                await due.defer(offer_id, units=self.units, now=self.fate.now())

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Have the process do something for somebody outside it. Raises Gone."""
        if not self.fate.alive:
            work.close()
            raise Gone
        task = self.fate.loop.create_task(work, context=self._context.copy())
        first: set[asyncio.Future[Any]] = {task, self.fate.ended}
        await asyncio.wait(first, timeout=300, return_when=asyncio.FIRST_COMPLETED)
        if not task.done() or not self.fate.alive:
            task.add_done_callback(_forget)
            raise Gone
        try:
            return task.result()
        except Killed:
            raise Gone from None


async def _alert_nobody(clinician_id: str, day: date) -> None:
    """Alerts about days are not part of the schedules."""


def _forget(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
