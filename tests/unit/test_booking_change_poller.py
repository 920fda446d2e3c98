"""The change poller finds whatever changed, without any change signal."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from booking.change_signals import EVERY_CALENDAR, Listener, moved_calendars, of_checkout, of_event
from booking.checkout.model import CheckoutState
from booking.errors import UpstreamUnavailable
from booking.events.model import DomainEvent, EventName, RecordedEvent
from booking.live.change_poller import ChangePoller
from booking.live.free_time import FreeTime
from booking.live.shared_reads import NEWCOMER
from booking.live.shown_times import ShownTimes
from booking.resources import Kind, Resource
from booking.slot_query import SlotQuery
from booking.stored_names import Unknown
from tests.doubles.booking_ports import NOW
from tests.doubles.booking_world import CATALOG, PATIENT, PRICED, VISITOR, World, a_slot


class Log:
    """The outbox in a list."""

    def __init__(self) -> None:
        self.events: list[DomainEvent] = []

    async def after(self, sequence: int, *, limit: int) -> Sequence[RecordedEvent]:
        recorded = [RecordedEvent(sequence=n, event=one) for n, one in enumerate(self.events, 1)]
        return [one for one in recorded if one.sequence > sequence][:limit]

    async def last(self) -> int:
        return len(self.events)


def event(name: EventName | Unknown, **ids: str) -> DomainEvent:
    return DomainEvent(id="evt_1", name=name, at=NOW, resource=Resource(kind=Kind.VISIT, id="a1"), ids=ids)


class PolledWorld:
    """A world that sends no change signals, a change poller, and a listener."""

    def __init__(self) -> None:
        self.world = World()
        self.world.database.change_signals = None
        self.log = Log()
        self.shown = ShownTimes()
        self.change_poller = ChangePoller(
            change_signals=self.world.change_signals,
            changes=self.world.changes,
            holds=self.world.holds,
            event_log=self.log,
            clock=self.world.clock,
            every=timedelta(days=1),
            shown=self.shown,
        )
        self.listener = Listener(
            ["checkout:chk", "clinician:c1", "clinician:c2", "calendar:c1", "patient:p-sample"]
        )

    async def finds(self) -> frozenset[str]:
        """The topics that one poll notifies."""
        await self.change_poller.poll()
        return await self.listener.wait_for_changes(within=0)


@pytest.fixture
def polled() -> Iterator[PolledWorld]:
    polled = PolledWorld()
    with polled.world.change_signals.subscribe(polled.listener):
        yield polled


async def test_what_it_never_saw_counts_as_changed_and_then_no_more(polled: PolledWorld) -> None:
    assert await polled.finds() == {"checkout:chk", "clinician:c1", "clinician:c2", "patient:p-sample"}
    assert await polled.finds() == frozenset()


async def test_a_hold_its_end_and_its_expiry_are_found(polled: PolledWorld) -> None:
    await polled.finds()
    hold = await polled.world.holds.acquire(await polled.world.hold(VISITOR, a_slot()), limit=None)
    await polled.listener.wait_for_changes(within=0)  # the holding told of itself
    assert await polled.finds() == {"clinician:c1"}
    await polled.world.holds.release(hold.id, owners={hold.owner})
    assert await polled.finds() == {"clinician:c1"}
    await polled.world.holds.acquire(hold, limit=None)
    assert await polled.finds() == {"clinician:c1"}
    polled.world.clock.advance(minutes=6)
    assert await polled.finds() == {"clinician:c1"}


async def test_it_looks_when_a_hold_ends_and_not_only_in_its_turn(polled: PolledWorld) -> None:
    await polled.world.hold(VISITOR, a_slot())
    polled.world.clock.advance(minutes=4, seconds=59, milliseconds=990)
    running = asyncio.create_task(polled.change_poller.run())
    await asyncio.sleep(0)
    while "clinician:c1" not in await polled.listener.wait_for_changes():
        pass
    polled.world.clock.advance(milliseconds=20)
    async with asyncio.timeout(5):
        assert await polled.listener.wait_for_changes() == {"clinician:c1"}
    running.cancel()


async def test_a_write_of_a_checkout_and_a_visit_that_was_booked_are_found(polled: PolledWorld) -> None:
    checkout = await polled.world.start(PATIENT)
    polled.world.put(replace(checkout, id="chk"))
    await polled.finds()
    polled.world.put(replace(checkout, id="chk", version=2, state=CheckoutState.CONFIRMED))
    assert await polled.finds() == {"checkout:chk", "patient:p-sample"}


async def test_events_are_read_on_from_where_it_was_those_included_that_came_while_nobody_listened(
    polled: PolledWorld,
) -> None:
    polled.log.events.append(event(EventName.APPOINTMENT_CANCELLED, appointment="a1", patient="p-sample"))
    await polled.finds()
    assert await polled.finds() == frozenset()
    polled.log.events.append(event(EventName.APPOINTMENT_CANCELLED, appointment="a1", clinician="c1"))
    assert await polled.finds() == {"calendar:c1"}


async def test_events_are_read_though_the_hold_store_does_not_answer(
    polled: PolledWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await polled.finds()

    async def busy(*_: object) -> None:
        raise UpstreamUnavailable("hold store")

    monkeypatch.setattr(polled.world.holds, "busy", busy)
    polled.log.events.append(event(EventName.APPOINTMENT_COMPLETED, appointment="a1", patient="p-sample"))
    with pytest.raises(UpstreamUnavailable):
        await polled.change_poller.poll()
    assert await polled.listener.wait_for_changes(within=0) == {"patient:p-sample"}


@pytest.mark.parametrize(
    ("happened", "topics"),
    [
        (
            event(EventName.APPOINTMENT_DELETED, appointment="a", patient="p", clinician="c"),
            {"patient:p", "calendar:c"},
        ),
        (event(EventName.APPOINTMENT_COMPLETED, appointment="a", patient="p", clinician="c"), {"patient:p"}),
        (
            event(EventName.APPOINTMENT_CREATED, appointment="a", patient="p", clinician="c", checkout="k"),
            {"patient:p", "checkout:k"},
        ),
        (
            event(EventName.APPOINTMENT_CANCELLED, appointment="a", patient="p", clinician="c", checkout="k"),
            {"patient:p", "checkout:k", "calendar:c"},
        ),
        (event(EventName.AVAILABILITY_CHANGED, availability="1", clinician="c"), {"calendar:c"}),
        (event(EventName.AVAILABILITY_CHANGED, availability="1"), {EVERY_CALENDAR}),
        (event(EventName.PATIENT_MERGED, patient="p"), {"patient:p"}),
        (event(EventName.PAYMENT_SUCCEEDED, payment="1", patient="p"), set()),
        (event(EventName.CARD_ADDED, card="1", patient="p"), set()),
    ],
)
def test_an_event_notifies_of_what_it_changed(happened: DomainEvent, topics: set[str]) -> None:
    assert of_event(happened) == topics


async def test_a_row_notifies_of_its_checkout_and_the_clinicians_time_and_at_the_end_the_patients_visits() -> (
    None
):
    checkout = await World().start(PATIENT)
    assert of_checkout(checkout) == {f"checkout:{checkout.id}", "clinician:c1"}
    confirmed = replace(checkout, state=CheckoutState.CONFIRMED)
    assert of_checkout(confirmed) == of_checkout(checkout) | {"patient:p-sample", "booked:c1"}


async def test_an_event_of_a_newer_version_stalls_nothing_and_has_whatever_it_names_read_anew(
    polled: PolledWorld,
) -> None:
    await polled.finds()
    polled.log.events += [
        event(Unknown("appointment.of_tomorrow"), clinician="c1", appointment="a1", patient="p-sample"),
        event(EventName.APPOINTMENT_CANCELLED, clinician="c1"),
    ]
    await polled.world.hold(VISITOR, a_slot())
    await polled.listener.wait_for_changes(within=0)
    assert await polled.finds() == {"calendar:c1", "patient:p-sample", "clinician:c1"}
    assert await polled.finds() == frozenset()


def test_an_event_of_a_newer_version_about_no_time_moves_none() -> None:
    ours = Resource(kind=Kind.CHECKOUT, id="chk")
    told = replace(event(Unknown("checkout.of_tomorrow"), clinician="c1"), resource=ours)
    assert of_event(told) == set()


async def test_what_a_live_query_shows_and_is_no_longer_so_is_found_though_no_poll_ever_saw_it(
    polled: PolledWorld,
) -> None:
    """A newcomer's reading met a hold that came after one poll and went before the next: to the poller nothing differs."""
    world = polled.world
    query = SlotQuery.of(
        CATALOG, visit_type_id=PRICED.id, clinician_ids=["c1"], first=a_slot().day, last=a_slot().day
    )
    reader = FreeTime(query, search=world.search, shown=polled.shown, clock=world.clock)
    await reader.read([NEWCOMER])
    await polled.finds()
    assert await polled.finds() == frozenset()
    hold = await world.hold(VISITOR, a_slot())
    await reader.read([NEWCOMER])
    await world.holds.release(hold.id, owners={hold.owner})
    await polled.listener.wait_for_changes(within=0)  # the holding told of itself
    assert await polled.finds() == {"clinician:c1"}
    await reader.read(["clinician:c1"])
    assert await polled.finds() == frozenset()


async def test_a_hold_on_another_day_than_a_live_query_shows_is_no_difference_to_it(
    polled: PolledWorld,
) -> None:
    world = polled.world
    query = SlotQuery.of(
        CATALOG, visit_type_id=PRICED.id, clinician_ids=["c1"], first=a_slot().day, last=a_slot().day
    )
    reader = FreeTime(query, search=world.search, shown=polled.shown, clock=world.clock)
    world.offer.free.append(a_slot(hours=24 * 9))
    await world.hold(VISITOR, a_slot(hours=24 * 9))
    await reader.read([NEWCOMER])
    await polled.finds()
    assert await polled.finds() == frozenset()


@pytest.mark.parametrize(
    ("topics", "clinicians"),
    [
        ({"calendar:c1", "booked:c2", "clinician:c3", "checkout:k"}, {"c1", "c2"}),
        ({"clinician:c3"}, set()),
        ({EVERY_CALENDAR, "booked:c2"}, None),
    ],
)
def test_of_the_topics_a_calendar_and_a_booking_move_time_in_the_system_of_record(
    topics: set[str], clinicians: set[str] | None
) -> None:
    assert moved_calendars(topics) == clinicians
