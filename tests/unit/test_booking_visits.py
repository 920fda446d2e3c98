"""Booked visits as their patients see them: lists, the state in which one stands, what may be done, the way in."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.catalog.model import ContactType
from booking.changes.model import ChangeKind, ChangeState, RequestedChange
from booking.changes.visit import JoinLinks
from booking.checkout.model import Checkout
from booking.errors import UpstreamUnavailable
from booking.models import Appointment, AppointmentStatus
from booking.visits import service
from booking.visits.known import as_moved, booked_visit
from booking.visits.lists import VisitFilter, listed
from booking.visits.service import VisitService
from tests.doubles.booking_ports import NOW
from tests.doubles.booking_world import World, a_slot, as_guest
from tests.doubles.change_service import a_change
from tests.doubles.visits import FakeVisits, a_snapshot, a_visit

VISITS = st.lists(
    st.builds(
        lambda number, hours, status: a_visit(str(number), hours=hours, status=status),
        st.integers(0, 10**6),
        st.integers(-72, 72),
        st.sampled_from(AppointmentStatus),
    ),
    max_size=12,
    unique_by=lambda visit: visit.id,
)
VIDEO = a_visit(contact_type=ContactType.VIDEO, hours=2)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def visits() -> FakeVisits:
    return FakeVisits()


@pytest.fixture
def shown(world: World, visits: FakeVisits) -> VisitService:
    return world.visit_service(visits)


def moved_by(change: str, visit: str, to: str | None, **values: Any) -> RequestedChange:
    return a_change(
        ChangeKind.RESCHEDULE,
        id=change,
        appointment_id=visit,
        new_appointment_id=to,
        new_slot=a_slot(clinician="c2", hours=48),
        **values,
    )


class TestMovedToAnotherClinician:
    @pytest.mark.parametrize(
        ("changes", "stands"),
        [
            ([moved_by("one", "a1", "a2", state=ChangeState.DONE)], "a2"),
            ([moved_by(f"{n}", f"a{n}", f"a{n + 1}", state=ChangeState.DONE) for n in (1, 2, 3)], "a4"),
            ([moved_by("one", "a1", None, state=ChangeState.DONE)], "a1"),
            ([moved_by("one", "a1", "a2", state=ChangeState.OPEN)], "a1"),
            ([moved_by("one", "a1", "a2", state=ChangeState.REFUSED)], "a1"),
            ([moved_by("one", "a9", "a2", state=ChangeState.DONE)], "a1"),
        ],
        ids=["moved", "thrice", "within-its-clinicians-time", "under-way", "taken-back", "of-another-visit"],
    )
    def test_a_checkouts_visit_is_the_one_that_it_has_become(
        self, changes: list[RequestedChange], stands: str
    ) -> None:
        visit = as_moved(a_visit("a1"), changes)
        assert visit.id == stands
        if stands != "a1":
            assert (visit.clinician_id, visit.clinician_name) == ("c2", None)


class TestLists:
    @given(VISITS)
    def test_every_visit_is_either_upcoming_or_past(self, visits: list[Appointment]) -> None:
        upcoming = listed(visits, VisitFilter.UPCOMING, now=NOW)
        past = listed(visits, VisitFilter.PAST, now=NOW)
        assert sorted(one.id for one in (*upcoming, *past)) == sorted(one.id for one in visits)

    @given(VISITS)
    def test_upcoming_ones_come_soonest_first_and_all_others_latest_first(
        self, visits: list[Appointment]
    ) -> None:
        for which in VisitFilter:
            starts = [one.start for one in listed(visits, which, now=NOW)]
            assert starts == sorted(starts, reverse=which is not VisitFilter.UPCOMING)

    @given(VISITS)
    def test_the_order_does_not_depend_on_that_of_the_answer(self, visits: list[Appointment]) -> None:
        for which in VisitFilter:
            assert listed(visits, which, now=NOW) == listed(visits[::-1], which, now=NOW)

    @pytest.mark.parametrize(
        ("visit", "upcoming"),
        [
            (a_visit(hours=-0.25), True),  # it is taking place
            (a_visit(hours=-0.5), False),  # it ends now
            (a_visit(status=AppointmentStatus.CHECKED_IN), True),
            (a_visit(status=AppointmentStatus.CANCELLED), False),
            (a_visit(status=AppointmentStatus.RESCHEDULED), False),
            (a_visit(hours=-0.25, status=AppointmentStatus.COMPLETED), False),
        ],
    )
    def test_a_visit_is_upcoming_until_it_is_over_or_off(self, visit: Appointment, *, upcoming: bool) -> None:
        assert bool(listed([visit], VisitFilter.UPCOMING, now=NOW)) is upcoming


class TestAsItStands:
    async def test_it_is_shown_as_the_practice_has_it(self, shown: VisitService, visits: FakeVisits) -> None:
        now = a_visit(hours=48, status=AppointmentStatus.CANCELLED, clinician_id="c2", location_id="l1")
        visits.appointments = [now]
        assert await shown.as_it_stands(a_visit()) == now

    async def test_one_that_was_deleted_is_cancelled(self, shown: VisitService, visits: FakeVisits) -> None:
        visits.appointments, visits.deleted = [a_visit()], {"v1"}
        assert (await shown.as_it_stands(a_visit())).status is AppointmentStatus.CANCELLED

    async def test_one_that_vanished_is_cancelled(self, shown: VisitService) -> None:
        assert await shown.as_it_stands(a_visit()) == a_visit(status=AppointmentStatus.CANCELLED)

    async def test_while_it_cannot_be_read_the_last_snapshot_is_shown(
        self, world: World, shown: VisitService, visits: FakeVisits
    ) -> None:
        seen = a_snapshot(a_visit(hours=30, clinician_id="c2", status=AppointmentStatus.CHECKED_IN))
        world.database.snapshots[seen.resource] = seen
        visits.down = True
        assert await shown.as_it_stands(a_visit()) == a_visit(
            hours=30, clinician_id="c2", clinician_name=None, status=AppointmentStatus.CHECKED_IN
        )

    @pytest.mark.parametrize(
        "snapshot", [a_snapshot(a_visit(), deleted_at=NOW), a_snapshot(a_visit(), gone=True)]
    )
    async def test_a_snapshot_of_a_visit_that_is_gone_shows_it_cancelled(
        self, world: World, shown: VisitService, visits: FakeVisits, snapshot: object
    ) -> None:
        world.database.snapshots[a_snapshot(a_visit()).resource] = snapshot  # type: ignore[assignment]
        visits.down = True
        assert (await shown.as_it_stands(a_visit())).status is AppointmentStatus.CANCELLED

    async def test_without_a_snapshot_it_is_shown_as_it_was_booked(
        self, shown: VisitService, visits: FakeVisits
    ) -> None:
        visits.down = True
        assert await shown.as_it_stands(a_visit()) == a_visit()

    async def test_a_practice_that_does_not_answer_in_time_keeps_nobody_waiting(
        self, shown: VisitService, visits: FakeVisits, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(service, "PATIENCE_SECONDS", 0.01)
        visits.slow = asyncio.Event()
        async with asyncio.timeout(5):
            assert await shown.as_it_stands(a_visit()) == a_visit()

    async def test_reads_of_one_visit_at_a_time_are_one_call(
        self, shown: VisitService, visits: FakeVisits
    ) -> None:
        visits.appointments, visits.slow = [a_visit()], asyncio.Event()
        both = asyncio.gather(*(shown.as_it_stands(a_visit()) for _ in range(5)))
        await asyncio.sleep(0)
        visits.slow.set()
        assert await both == [a_visit()] * 5
        assert visits.asked == ["record v1"]

    async def test_a_later_read_is_a_call_of_its_own(self, shown: VisitService, visits: FakeVisits) -> None:
        visits.appointments = [a_visit()]
        await shown.as_it_stands(a_visit())
        visits.appointments = [a_visit(status=AppointmentStatus.CANCELLED)]
        assert (await shown.as_it_stands(a_visit())).status is AppointmentStatus.CANCELLED

    async def test_the_answer_of_the_confirm_that_read_it_back_reads_nothing(
        self, world: World, shown: VisitService, visits: FakeVisits
    ) -> None:
        visits.down = True
        assert await shown.as_it_stands(a_visit(), read_back_at=world.clock.now()) == a_visit()
        assert visits.asked == []

    async def test_a_confirm_that_is_joined_later_is_answered_by_a_read(
        self, world: World, shown: VisitService, visits: FakeVisits
    ) -> None:
        visits.appointments = [a_visit(status=AppointmentStatus.CANCELLED)]
        booked_at = world.clock.now()
        world.clock.advance(minutes=1)
        found = await shown.as_it_stands(a_visit(), read_back_at=booked_at)
        assert found.status is AppointmentStatus.CANCELLED


class TestRecord:
    async def test_while_it_cannot_be_read_the_last_snapshot_answers(
        self, world: World, shown: VisitService, visits: FakeVisits
    ) -> None:
        seen = a_snapshot(a_visit(hours=30))
        world.database.snapshots[seen.resource] = seen
        visits.down = True
        record = await shown.record("v1")
        assert record is not None
        assert (record.appointment.start, record.updated_at) == (NOW + timedelta(hours=30), NOW)

    async def test_without_a_snapshot_nobody_says_that_there_is_none(
        self, shown: VisitService, visits: FakeVisits
    ) -> None:
        visits.down = True
        with pytest.raises(UpstreamUnavailable):
            await shown.record("v1")

    async def test_one_that_vanished_is_cancelled_at_the_time_that_it_had(
        self, world: World, shown: VisitService
    ) -> None:
        seen = a_snapshot(a_visit())
        world.database.snapshots[seen.resource] = seen
        record = await shown.record("v1")
        assert record is not None
        assert (record.shown.status, record.shown.start) == (AppointmentStatus.CANCELLED, a_visit().start)

    async def test_one_that_never_was_is_none(self, shown: VisitService) -> None:
        assert await shown.record("v1") is None


class TestOptions:
    @pytest.mark.parametrize(
        "visit", [a_visit(hours=-1), a_visit(status=AppointmentStatus.CANCELLED)], ids=["over", "cancelled"]
    )
    async def test_nothing_is_read_of_a_visit_that_nothing_can_be_done_with(
        self, shown: VisitService, visits: FakeVisits, visit: Appointment
    ) -> None:
        found = await shown.options(visit)
        assert (found.cancel_until, found.reschedule_until, found.fee_now) == (None, None, None)
        assert visits.asked == []

    async def test_a_long_list_is_read_a_few_at_a_time(self, shown: VisitService, visits: FakeVisits) -> None:
        visits.appointments = [a_visit(str(n)) for n in range(20)]
        await asyncio.gather(*(shown.options(visit) for visit in visits.appointments))
        assert len(visits.asked) == 20
        assert visits.most_at_once == 4

    async def test_a_visit_that_is_gone_by_now_has_none(self, shown: VisitService) -> None:
        assert (await shown.options(a_visit())).cancel_until is None


class TestJoin:
    async def test_the_way_in_is_read_each_time_it_is_asked_for(
        self, shown: VisitService, visits: FakeVisits
    ) -> None:
        for url in ("https://meet.example/first", "https://meet.example/second"):
            visits.links = JoinLinks(url=url)
            assert await shown.join(VIDEO) == JoinLinks(url=url)
        assert visits.asked == ["join v1 c1"] * 2

    async def test_two_who_ask_at_once_share_nothing(self, shown: VisitService, visits: FakeVisits) -> None:
        await asyncio.gather(shown.join(VIDEO), shown.join(VIDEO))
        assert visits.asked == ["join v1 c1"] * 2

    async def test_links_that_are_not_made_yet_are_none(self, shown: VisitService) -> None:
        assert await shown.join(VIDEO) is None

    async def test_a_number_alone_is_a_way_in(self, shown: VisitService, visits: FakeVisits) -> None:
        visits.links = JoinLinks(dial_in="Dial 555-0100")
        assert await shown.join(VIDEO) == JoinLinks(dial_in="Dial 555-0100")

    @pytest.mark.parametrize(
        "visit",
        [
            replace(VIDEO, start=NOW - timedelta(minutes=30)),
            replace(VIDEO, status=AppointmentStatus.CANCELLED),
            replace(VIDEO, contact_type=ContactType.IN_PERSON, location_id="l1"),
            replace(VIDEO, contact_type=ContactType.PHONE),
            replace(VIDEO, clinician_id=None),
            replace(VIDEO, start=NOW + timedelta(hours=24, seconds=1)),
        ],
        ids=["over", "cancelled", "in person", "by phone", "nobody treats", "days away"],
    )
    async def test_nothing_is_read_of_a_visit_that_nobody_can_join(
        self, shown: VisitService, visits: FakeVisits, visit: Appointment
    ) -> None:
        visits.links = JoinLinks(url="https://meet.example/room")
        assert await shown.join(visit) is None
        assert visits.asked == []

    def test_the_way_in_is_not_in_its_text(self) -> None:
        assert "meet.example" not in repr(JoinLinks(url="https://meet.example/room", dial_in="555-0100"))


class TestWatched:
    """What `checkoutChanged` watches."""

    async def booked(self, world: World) -> Checkout:
        checkout = await world.start(slot=a_slot(hours=48))
        await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        return world.row(checkout)

    async def test_a_visit_that_the_practice_changed_is_told(self, world: World) -> None:
        checkout = await self.booked(world)
        visit = booked_visit(checkout)
        assert visit is not None
        watching = world.live_queries().checkout(as_guest(checkout), checkout.id)
        _, as_booked = await anext(watching)
        assert as_booked is None
        cancelled = replace(visit, status=AppointmentStatus.CANCELLED)
        seen = a_snapshot(cancelled)
        world.database.snapshots[seen.resource] = seen
        world.change_signals.publish({f"checkout:{checkout.id}"})
        async with asyncio.timeout(5):
            assert (await anext(watching))[1] == cancelled
        await watching.aclose()

    async def test_a_snapshot_that_shows_what_was_booked_is_no_news(self, world: World) -> None:
        checkout = await self.booked(world)
        visit = booked_visit(checkout)
        assert visit is not None
        seen = a_snapshot(visit)
        world.database.snapshots[seen.resource] = seen
        watching = world.live_queries().checkout(as_guest(checkout), checkout.id)
        assert (await anext(watching))[1] is None
        await watching.aclose()
