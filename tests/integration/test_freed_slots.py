"""A slot that a patient gives back shows to others at once: in the process that did it and, over Redis, in every other one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.catalog.model import ContactType
from booking.change_signals import ChangeSignals, Listener, LocalChangeSignals
from booking.changes.model import ChangeState, RequestedChange
from booking.checkout.model import CheckoutState
from booking.scheduling.offer_store import OfferStore
from booking.scheduling.search import SlotSearch
from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery
from booking.work_context import note_send
from integrations.database.change_reader import SqlChangeReader
from integrations.database.engine import connect_database
from integrations.database.holds import SqlHoldStore
from integrations.database.unit_of_work import sql_unit_of_work
from integrations.redis.change_signals import RedisChangeSignals
from integrations.redis.client import SHORT_SECONDS, connect_listener, connect_redis
from integrations.redis.offers import RedisOfferStore
from tests.integration.change_samples import (
    a_cancellation,
    a_reschedule,
    added_change,
    saved_change,
    with_done,
)
from tests.integration.database_samples import SEALER, a_checkout, a_slot, added

# The promise is a second; what is measured here has no network but that of this machine.
PROMISED_SECONDS = 1.0

TOMORROW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
BOOKED, NEW = a_slot(start=TOMORROW), a_slot(start=TOMORROW + timedelta(hours=2))


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Calendar:
    """The clinician's calendar in the system of record: two times, of which one is booked."""

    def __init__(self) -> None:
        self.booked = BOOKED

    async def slots(self, query: SlotQuery) -> SlotColumns:
        note_send()
        free = [slot for slot in (BOOKED, NEW) if slot != self.booked]
        return query.no_slots.of_rows(
            (int(slot.start.timestamp()), slot.clinician_id, slot.minutes) for slot in free
        )

    async def days(self, query: SlotQuery) -> Sequence[date]:
        raise AssertionError("nobody asks for days")


class Process:
    """A gateway: its own connections, memory and listeners; others share the database, the calendar and perhaps Redis."""

    def __init__(
        self,
        engine: AsyncEngine,
        calendar: Calendar,
        *,
        local: LocalChangeSignals,
        signals: ChangeSignals | None = None,
        store: OfferStore | None = None,
    ) -> None:
        self.units = sql_unit_of_work(engine, SEALER, signals or local)
        self.search = SlotSearch(
            availability=calendar,
            holds=SqlHoldStore(engine=engine, clock=Clock()),
            recorded=SqlChangeReader(engine=engine),
            clock=Clock(),
            store=store,
        )
        local.observe(self.search.note_changes)
        self.subscriber = Listener([f"calendar:{BOOKED.clinician_id}"])
        self._subscription = ExitStack()  # lasts as long as the process
        self._subscription.enter_context(local.subscribe(self.subscriber))

    async def free(self) -> list[datetime]:
        """When the clinician is free tomorrow, as a patient sees it."""
        people = frozenset({BOOKED.clinician_id})
        query = SlotQuery(
            visit_type_id=BOOKED.visit_type_id,
            contact_type=ContactType.VIDEO,
            location_id=None,
            clinician_ids=people,
            first=TOMORROW.date(),
            last=TOMORROW.date(),
            time_zone="UTC",
            offering_ids=people,
        )
        return [slot.start for day in await self.search.slots(query) for slot in day.slots]


@pytest.fixture
async def on_redis(
    redis_url: str, redis_prefix: str, postgresql_engine: AsyncEngine
) -> AsyncIterator[Callable[[Calendar], "asyncio.Future[list[Process]]"]]:
    """Makes two processes that hear each other over Redis, each with an engine of its own."""
    async with AsyncExitStack() as exits:

        async def begin(calendar: Calendar) -> list[Process]:
            processes = []
            for _ in range(2):
                local, healed = LocalChangeSignals(), asyncio.Event()
                client = connect_redis(redis_url, timeout=SHORT_SECONDS)
                listening = connect_listener(redis_url)
                engine = connect_database(postgresql_engine.url.render_as_string(hide_password=False))
                for close in (client.aclose, listening.aclose, engine.dispose):
                    exits.push_async_callback(close)
                channel = f"{redis_prefix}change-signals"
                signals = RedisChangeSignals(client=client, listener=listening, channel=channel, local=local)
                exits.push_async_callback(signals.aclose)
                exits.callback(asyncio.create_task(signals.listen(healed=healed.set)).cancel)
                async with asyncio.timeout(10):
                    await healed.wait()
                store = RedisOfferStore(client=client, prefix=redis_prefix)
                processes.append(Process(engine, calendar, local=local, signals=signals, store=store))
            return processes

        yield lambda calendar: asyncio.ensure_future(begin(calendar))


async def accepted(process: Process, *, cancels: bool) -> RequestedChange:
    """The patient of the visit, who booked it here a moment ago, cancels it or moves it."""
    checkout = a_checkout(
        slot=BOOKED,
        state=CheckoutState.CONFIRMED,
        appointment_id="visit-1",
        ended_at=datetime.now(UTC),
    )
    await added(process.units, checkout)
    now = datetime.now(UTC)
    same = {"appointment_id": "visit-1", "checkout_id": checkout.id, "slot": BOOKED}
    times = {"created_at": now, "updated_at": now, "due_at": now}
    change = a_cancellation() if cancels else a_reschedule(to=NEW)
    return await added_change(process.units, change.changed(**same, **times))


async def carried_out(
    process: Process, change: RequestedChange, calendar: Calendar, *, cancels: bool
) -> None:
    calendar.booked = a_slot(start=TOMORROW + timedelta(days=9)) if cancels else NEW
    now = datetime.now(UTC)
    done = with_done(change, 0).with_action(0, ended_at=now)
    await saved_change(
        process.units, done.changed(state=ChangeState.DONE, ended_at=now, updated_at=now), was=change
    )


async def shows_the_freed_slot(
    acts: Process, others: Sequence[Process], calendar: Calendar, *, cancels: bool
) -> None:
    """Every process shows it in time, having shown before that it is taken; and nobody shows the new one."""
    change = await accepted(acts, cancels=cancels)
    everybody = [acts, *others]
    for process in everybody:
        # Still taken in the calendar; and the new time is claimed.
        assert await process.free() == ([NEW.start] if cancels else [])
        await process.subscriber.wait_for_changes(within=0)
    await carried_out(acts, change, calendar, cancels=cancels)
    begun = asyncio.get_running_loop().time()
    for process in everybody:
        topics = await process.subscriber.wait_for_changes(within=PROMISED_SECONDS)
        assert topics == {f"calendar:{BOOKED.clinician_id}"}
        assert await process.free() == ([BOOKED.start, NEW.start] if cancels else [BOOKED.start])
    assert asyncio.get_running_loop().time() - begun < PROMISED_SECONDS


CHANGES = pytest.mark.parametrize("cancels", [True, False], ids=["cancelled", "moved"])


@CHANGES
async def test_in_the_process_that_did_it(engine: AsyncEngine, *, cancels: bool) -> None:
    """On SQLite alone, and on PostgreSQL."""
    calendar = Calendar()
    process = Process(engine, calendar, local=LocalChangeSignals())
    await shows_the_freed_slot(process, [], calendar, cancels=cancels)


@CHANGES
@pytest.mark.redis
@pytest.mark.postgres
async def test_in_another_process_over_redis(
    on_redis: Callable[[Calendar], "asyncio.Future[list[Process]]"], *, cancels: bool
) -> None:
    calendar = Calendar()
    acts, other = await on_redis(calendar)
    await shows_the_freed_slot(acts, [other], calendar, cancels=cancels)
