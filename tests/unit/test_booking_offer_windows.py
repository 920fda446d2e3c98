"""Offer windows, on virtual time: who shares a reading, how old it may be, and what ends one."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar

import pytest

from booking.errors import UpstreamUnavailable
from booking.pacing import Pace
from booking.scheduling import offer_cache
from booking.scheduling.offer_days import kinds_of
from booking.scheduling.offer_store import LEASE
from booking.scheduling.offer_windows import FRESH, STALE, Offered, OfferWindows
from booking.scheduling.request_sizes import CALM, MOST_DAYS
from booking.work_context import asked_by, waiting
from tests.doubles.calendar import MONDAY, PEOPLE, Calendar, a_query
from tests.doubles.offer_store import SharedOffers
from tests.simulation.virtual_loop import VirtualLoop, run

T = TypeVar("T")

ZONES = ("UTC", "America/New_York", "America/Los_Angeles", "Asia/Tokyo")

# As the pace begins.
TWO_A_SECOND = Pace(per_second=2, burst=20)

# What an operation waits.
SECONDS = 20.0


def on_virtual_time(main: Callable[[VirtualLoop], Awaitable[T]]) -> T:
    loop = VirtualLoop()

    async def begin() -> T:
        return await main(loop)

    return run(begin(), loop)


def noon(days: int) -> datetime:
    return datetime.combine(MONDAY + timedelta(days=days), time(12), UTC)


def shows(offered: Offered, clinician: str, start: datetime) -> bool:
    return any(slot.clinician_id == clinician and slot.start == start for slot in offered.slots)


class TestSharing:
    def test_queries_for_other_clinicians_ranges_and_zones_are_answered_from_one_reading(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            await windows.offered(a_query(0, 9))
            asked = len(calendar.asked)
            for zone in ZONES:
                for people in (PEOPLE, frozenset({"c1"}), frozenset({"c2", "c3"})):
                    found = await windows.offered(a_query(2, 6, people=people, time_zone=zone))
                    assert set(found.slots.clinician_ids) == people
                    assert len(found.slots) == 5 * 24 * len(people)
            assert len(calendar.asked) == asked

        on_virtual_time(main)

    def test_only_the_days_of_the_query_are_answered_in_its_zone(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            found = await Calendar(loop).process().offered(a_query(2, time_zone="America/New_York"))
            starts = [slot.start for slot in found.slots]
            midnight = datetime(2027, 1, 6, 5, tzinfo=UTC)
            assert (min(starts), max(starts)) == (midnight, midnight + timedelta(hours=23))

        on_virtual_time(main)

    def test_days_that_are_over_are_not_asked_for(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            found = await calendar.process().offered(a_query(0, time_zone="Pacific/Kiritimati"))
            assert min(query.first for query in calendar.asked) == MONDAY
            assert all(slot.start.date() >= MONDAY for slot in found.slots)

        on_virtual_time(main)

    def test_a_crowd_is_answered_from_one_reading_of_each_day(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            queries = [a_query(first, first + 6, time_zone=zone) for first in range(2, 7) for zone in ZONES]
            found = await asyncio.gather(*(windows.offered(query) for query in queries))
            assert [len(one.slots) for one in found] == [7 * 24 * 3] * 20
            days = [day for query in calendar.asked for day in (query.first, query.last)]
            assert len(days) == len(set(days)), "no day was asked for twice"
            assert len(calendar.asked) <= 8

        on_virtual_time(main)

    def test_of_days_that_have_passed_meanwhile_nothing_is_offered_or_asked_for(self) -> None:
        """A live query goes on after the last of its days."""

        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            query = a_query(0)
            assert (await windows.offered(query)).slots
            await asyncio.sleep(timedelta(days=1).total_seconds())
            asked = len(calendar.asked)
            over = await windows.offered(query)
            assert (len(over.slots), over.stale, over.as_of) == (0, False, calendar.now())
            assert len(calendar.asked) == asked

        on_virtual_time(main)

    def test_visit_types_share_nothing(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            await windows.offered(a_query(1))
            await windows.offered(a_query(1, visit="v2"))
            assert [query.visit_type_id for query in calendar.asked] == ["v1", "v2"]

        on_virtual_time(main)

    def test_the_nearest_days_are_asked_for_first(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, pace=Pace(per_second=2, burst=1))
            with waiting(lane=None, seconds=SECONDS):
                await calendar.process().offered(a_query(1, 9))
            assert calendar.asked == sorted(calendar.asked, key=lambda query: query.first)

        on_virtual_time(main)


class TestAge:
    def test_it_is_used_for_ten_seconds_and_says_how_old_it_is(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, seconds=0.0)
            windows = calendar.process()
            first = await windows.offered(a_query())
            await asyncio.sleep(FRESH.total_seconds() - 0.001)
            again = await windows.offered(a_query())
            assert (again.as_of, again.stale, len(calendar.asked)) == (first.as_of, False, 1)
            await asyncio.sleep(0.001)
            anew = await windows.offered(a_query())
            assert (anew.as_of, len(calendar.asked)) == (loop.now(), 2)

        on_virtual_time(main)

    def test_an_answer_is_as_old_as_the_oldest_of_its_readings(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            early = await windows.offered(a_query(2))
            await asyncio.sleep(3)
            late = await windows.offered(a_query(8))
            both = await windows.offered(a_query(2, 8))
            assert early.as_of < late.as_of
            assert both.as_of == early.as_of

        on_virtual_time(main)

    def test_the_wait_for_its_turn_does_not_make_it_older(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, pace=Pace(per_second=0.1, burst=1))
            windows = calendar.process()
            with waiting(lane=None, seconds=60):
                await windows.offered(a_query(visit="v1"))
                found = await windows.offered(a_query(visit="v2"))
            sent_at = calendar.sent_at[1]
            assert sent_at > 5
            assert (found.as_of - calendar.now()).total_seconds() == pytest.approx(-0.2)

        on_virtual_time(main)

    def test_who_needs_a_newer_one_has_it_read_again(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            first = await windows.offered(a_query())
            await asyncio.sleep(1)
            assert (await windows.offered(a_query(), after=first.as_of)).as_of > first.as_of
            assert len(calendar.asked) == 2

        on_virtual_time(main)


class TestChanges:
    def test_a_change_of_one_clinician_has_it_read_again_for_who_wants_them(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            await windows.offered(a_query())
            calendar.taken.add(("c1", noon(1)))
            await asyncio.sleep(1)
            windows.forget(["c1"])
            await asyncio.sleep(0.001)
            others = await windows.offered(a_query(people=frozenset({"c2", "c3"})))
            assert (len(calendar.asked), shows(others, "c2", noon(1))) == (1, True)
            theirs = await windows.offered(a_query(people=frozenset({"c1", "c2"})))
            assert (len(calendar.asked), shows(theirs, "c1", noon(1))) == (2, False)
            await windows.offered(a_query())
            assert len(calendar.asked) == 2

        on_virtual_time(main)

    def test_a_change_of_everybody_has_all_read_again(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            await windows.offered(a_query())
            await asyncio.sleep(1)
            windows.forget()
            await windows.offered(a_query(people=frozenset({"c2"})))
            assert len(calendar.asked) == 2

        on_virtual_time(main)

    def test_a_reading_that_was_sent_before_the_change_answers_nobody_who_comes_after_it(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, seconds=2)
            windows = calendar.process()
            before = asyncio.create_task(windows.offered(a_query()))
            await asyncio.sleep(1)
            calendar.taken.add(("c1", noon(1)))
            windows.forget(["c1"])
            await asyncio.sleep(0.5)
            after = await windows.offered(a_query())
            assert shows(await before, "c1", noon(1))
            assert not shows(after, "c1", noon(1))
            assert not shows(await windows.offered(a_query()), "c1", noon(1))
            assert len(calendar.asked) == 2

        on_virtual_time(main)

    def test_a_reading_that_still_waits_for_its_turn_shows_the_change_and_is_shared(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, pace=Pace(per_second=0.2, burst=1))
            windows = calendar.process()
            with waiting(lane=None, seconds=60):
                await windows.offered(a_query(visit="v0"))
                before = asyncio.create_task(windows.offered(a_query()))
                await asyncio.sleep(1)
                calendar.taken.add(("c1", noon(1)))
                windows.forget(["c1"])
                after = await windows.offered(a_query())
            assert not shows(await before, "c1", noon(1))
            assert not shows(after, "c1", noon(1))
            assert len(calendar.asked) == 2

        on_virtual_time(main)

    def test_a_slot_that_the_calendar_denies_is_not_shown_any_more(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            found = await windows.offered(a_query())
            slot = next(one for one in found.slots if one.clinician_id == "c1" and one.start == noon(1))
            await asyncio.sleep(1)
            calendar.taken.add(("c1", noon(1)))
            windows.deny(slot)
            await asyncio.sleep(0.001)
            assert not shows(await windows.offered(a_query()), "c1", noon(1))
            await asyncio.sleep(1)
            windows.deny(slot)  # nobody is shown it: nothing to read again
            await windows.offered(a_query())
            assert len(calendar.asked) == 2

        on_virtual_time(main)


class TestWhatMustBeSoNow:
    def test_is_never_answered_from_memory(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            await windows.offered(a_query(people=frozenset({"c1"})))
            await windows.offered_now(a_query(people=frozenset({"c1"})))
            assert len(calendar.asked) == 2
            calendar.is_down = True
            with pytest.raises(UpstreamUnavailable):
                await windows.offered_now(a_query(people=frozenset({"c1"})))

        on_virtual_time(main)

    def test_a_crowd_that_asks_the_same_shares_the_request_and_its_age(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            answers = await asyncio.gather(*(windows.offered_now(a_query()) for _ in range(20)))
            assert len(calendar.asked) == 1
            assert {one.as_of for one in answers} == {loop.now() - timedelta(seconds=0.2)}
            days = await asyncio.gather(*(windows.days(a_query()) for _ in range(20)))
            assert (len(calendar.asked), len(days)) == (2, 20)

        on_virtual_time(main)


class TestWhileTheCalendarCannotBeRead:
    def test_what_is_15_seconds_old_is_answered_and_marked_and_nothing_older(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, seconds=0.0)
            windows = calendar.process()
            first = await windows.offered(a_query())
            calendar.is_down = True
            await asyncio.sleep(FRESH.total_seconds())
            stale = await windows.offered(a_query())
            assert (stale.slots, stale.as_of, stale.stale) == (first.slots, first.as_of, True)
            await asyncio.sleep((STALE - FRESH).total_seconds())
            assert (await windows.offered(a_query())).stale
            await asyncio.sleep(0.001)
            with pytest.raises(UpstreamUnavailable):
                await windows.offered(a_query())

        on_virtual_time(main)

    def test_what_changed_since_is_not_answered(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            await windows.offered(a_query())
            calendar.is_down = True
            windows.forget(["c1"])
            with pytest.raises(UpstreamUnavailable):
                await windows.offered(a_query())
            assert not (await windows.offered(a_query(people=frozenset({"c2"})))).stale

        on_virtual_time(main)

    def test_days_that_nobody_read_are_not_made_up_for(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            await windows.offered(a_query(2))
            calendar.is_down = True
            with pytest.raises(UpstreamUnavailable):
                await windows.offered(a_query(2, 9))

        on_virtual_time(main)


class TestLeaving:
    def test_when_the_last_asker_has_left_the_request_is_abandoned(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, seconds=5)
            windows = calendar.process()
            askers = [asyncio.create_task(windows.offered(a_query(n, n + 2))) for n in (2, 3)]
            await asyncio.sleep(1)
            asked = len(calendar.asked)
            askers[0].cancel()
            await asyncio.sleep(1)
            shared = calendar.abandoned
            askers[1].cancel()
            await asyncio.gather(*askers, return_exceptions=True)
            assert (shared < asked, calendar.abandoned) == (True, asked)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        on_virtual_time(main)

    def test_who_leaves_takes_the_answer_from_nobody(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, seconds=5)
            windows = calendar.process()
            first, second = (asyncio.create_task(windows.offered(a_query())) for _ in range(2))
            await asyncio.sleep(1)
            first.cancel()
            assert len((await second).slots) == 24 * 3
            assert len(calendar.asked) == 1

        on_virtual_time(main)

    def test_each_has_their_own_deadline(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, seconds=5)
            windows = calendar.process()

            async def asks(seconds: float) -> int:
                with asked_by(f"visitor:{seconds}"), waiting(lane=None, seconds=seconds):
                    return len((await windows.offered(a_query())).slots)

            hasty, patient = await asyncio.gather(asks(2), asks(20), return_exceptions=True)
            assert isinstance(hasty, UpstreamUnavailable)
            assert patient == 24 * 3
            assert len(calendar.asked) == 1

        on_virtual_time(main)


class TestProcesses:
    """Several processes that share a store."""

    @staticmethod
    def _practice(loop: VirtualLoop, **more: Any) -> tuple[Calendar, SharedOffers, list[OfferWindows]]:
        calendar = Calendar(loop, **more)
        store = SharedOffers(calendar.now)
        return calendar, store, [calendar.process(store) for _ in range(4)]

    def test_four_ask_once_for_each_window(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar, _, processes = self._practice(loop)
            found = await asyncio.gather(*(one.offered(a_query(3, 8)) for one in processes))
            assert len(calendar.asked) == 3
            assert all(one == found[0] for one in found)
            await processes[0].offered(a_query(3, 8))
            assert len(calendar.asked) == 3

        on_virtual_time(main)

    def test_a_reading_is_not_taken_from_another_process_once_the_calendar_has_changed(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar, _, (first, second, *_) = self._practice(loop)
            await first.offered(a_query())
            await asyncio.sleep(1)
            calendar.taken.add(("c1", noon(1)))
            second.forget(["c1"])
            assert not shows(await second.offered(a_query()), "c1", noon(1))
            assert len(calendar.asked) == 2

        on_virtual_time(main)

    def test_when_the_one_that_reads_dies_its_lease_runs_out_and_another_asks(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar, store, (_, second, *_) = self._practice(loop)
            (kind,) = kinds_of(a_query(), groups=1)
            await store.look(kind, [MONDAY + timedelta(days=1)], after=loop.now(), token="of the dead")
            found = await second.offered(a_query())
            assert len(found.slots) == 24 * 3
            assert calendar.sent_at == [pytest.approx(LEASE.total_seconds(), abs=0.3)]

        on_virtual_time(main)

    def test_when_nobody_waits_any_more_at_the_one_that_reads_another_asks_at_once(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar, _, (first, second, *_) = self._practice(loop, seconds=1)
            leaving = asyncio.create_task(first.offered(a_query()))
            await asyncio.sleep(0.5)
            staying = asyncio.create_task(second.offered(a_query()))
            await asyncio.sleep(0.3)
            leaving.cancel()
            await staying
            assert calendar.sent_at == [0, pytest.approx(0.8, abs=0.3)]

        on_virtual_time(main)

    def test_when_the_reading_fails_the_others_ask_and_are_told(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar, store, processes = self._practice(loop)
            calendar.is_down = True
            found = await asyncio.gather(
                *(one.offered(a_query()) for one in processes), return_exceptions=True
            )
            assert all(isinstance(one, UpstreamUnavailable) for one in found)
            assert store.leases == {}

        on_virtual_time(main)

    def test_who_waits_for_a_turn_takes_what_another_process_was_given_meanwhile(self) -> None:
        """A leader whose asker is far behind in its queue does not keep the others waiting, and asks nothing in the end."""

        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            slow = Calendar(loop, pace=Pace(per_second=1 / 60, burst=1))
            store = SharedOffers(calendar.now)
            behind, ahead = slow.process(store), calendar.process(store)
            with waiting(lane=None, seconds=100):
                await behind.offered(a_query(visit="v0"))
                began = loop.time()
                waits = asyncio.create_task(behind.offered(a_query()))
                await asyncio.sleep(1)
                found = await ahead.offered(a_query())
                assert await waits == found
            assert loop.time() - began < LEASE.total_seconds() + 3
            assert (len(slow.asked), len(calendar.asked)) == (1, 1)

        on_virtual_time(main)

    def test_without_the_store_each_reads_alone(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar, store, processes = self._practice(loop)
            store.is_away = True
            found = await asyncio.gather(*(one.offered(a_query()) for one in processes))
            assert all(len(one.slots) == 24 * 3 for one in found)
            assert len(calendar.asked) == 4

        on_virtual_time(main)

    def test_a_store_that_goes_away_while_one_reads_keeps_nobody_waiting(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar, store, (first, second, *_) = self._practice(loop, seconds=1)
            both = [asyncio.create_task(one.offered(a_query())) for one in (first, second)]
            await asyncio.sleep(0.5)
            store.is_away = True
            found = await asyncio.gather(*both)
            assert all(len(one.slots) == 24 * 3 for one in found)
            assert len(calendar.asked) == 2

        on_virtual_time(main)


class TestAtTheFirstPace:
    """Two requests a second and twenty at once, as it begins."""

    @pytest.mark.parametrize(("people", "most"), [(20, 26), (40, 36)])
    @pytest.mark.parametrize("processes", [1, 4])
    def test_different_questions_at_once_are_all_answered_in_time(
        self, people: int, most: int, processes: int
    ) -> None:
        """Each another week, of another clinician, in another zone."""

        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, pace=TWO_A_SECOND)
            store = SharedOffers(calendar.now)
            running = [calendar.process(store) for _ in range(processes)]
            clinicians = [PEOPLE, frozenset({"c1"}), frozenset({"c2"})]

            async def asks(number: int) -> None:
                query = a_query(
                    2 + number, 8 + number, people=clinicians[number % 3], time_zone=ZONES[number % 4]
                )
                with asked_by(f"visitor:{number}", client=f"n{number}"), waiting(lane=None, seconds=SECONDS):
                    assert not (await running[number % processes].offered(query)).stale

            await asyncio.gather(*(asks(number) for number in range(people)))
            assert len(calendar.asked) <= most

        on_virtual_time(main)

    @pytest.mark.parametrize("processes", [1, 4])
    def test_a_crowd_that_meets_processes_at_rest_is_answered_in_time_as_well(self, processes: int) -> None:
        """They ask for no day that nobody wants, until they notice that turns become scarce."""

        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, pace=TWO_A_SECOND)
            store = SharedOffers(calendar.now)
            running = [calendar.process(store) for _ in range(processes)]
            for one in running:
                await _at_rest(one)
            calendar.asked.clear()

            async def asks(number: int) -> None:
                await asyncio.sleep(number / 1000)
                query = a_query(2 + number, 8 + number, time_zone=ZONES[number % 4])
                with asked_by(f"visitor:{number}", client=f"n{number}"), waiting(lane=None, seconds=SECONDS):
                    assert not (await running[number % processes].offered(query)).stale

            await asyncio.gather(*(asks(number) for number in range(40)))
            assert len(calendar.asked) <= 50

        on_virtual_time(main)


async def _at_rest(windows: OfferWindows) -> None:
    """Have the process find that there is ample room in the pace."""
    for number in range(CALM):
        await asyncio.sleep(11)
        await windows.offered(a_query(60 + 10 * number, visit="v9"))


class TestSizes:
    def test_while_there_is_ample_room_the_days_of_the_query_are_asked_for_in_one_request(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            await _at_rest(windows)
            calendar.asked.clear()
            await windows.offered(a_query(2, 3))
            await windows.offered(a_query(3, 5))
            assert [(query.first, query.last) for query in calendar.asked] == [
                (MONDAY + timedelta(days=first), MONDAY + timedelta(days=last))
                for first, last in [(2, 3), (4, 5)]
            ]

        on_virtual_time(main)

    def test_once_turns_are_scarce_the_days_around_are_asked_for_as_well_and_before_anybody_waits(
        self,
    ) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, pace=Pace(per_second=1, burst=20))
            windows = calendar.process()
            with waiting(lane=None, seconds=60):
                await _at_rest(windows)
                calendar.asked.clear()
                began = loop.time()
                for number in range(6):
                    await windows.offered(a_query(2 * number))
            assert loop.time() - began == pytest.approx(6 * calendar.seconds), "nobody waited"
            sizes = [(query.last - query.first).days + 1 for query in calendar.asked]
            assert sizes == sorted(sizes)
            assert sizes[0] == 1 < sizes[-1]

        on_virtual_time(main)

    def test_quick_answers_have_more_days_asked_for_at_once(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop)
            windows = calendar.process()
            for _ in range(4):
                await windows.offered(a_query(0, 30))
                await asyncio.sleep(FRESH.total_seconds())
            calendar.asked.clear()
            await windows.offered(a_query(4, 19))
            assert max((query.last - query.first).days + 1 for query in calendar.asked) == MOST_DAYS
            assert len(calendar.asked) <= 3

        on_virtual_time(main)

    def test_slow_answers_have_fewer_days_asked_for_and_then_fewer_clinicians(self) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, seconds=5)
            windows = calendar.process()
            for _ in range(3):
                found = await windows.offered(a_query(2, 3))
                await asyncio.sleep(FRESH.total_seconds())
            calendar.asked.clear()
            found = await windows.offered(a_query(2, 3))
            assert {(query.first, query.last) for query in calendar.asked} == {
                (MONDAY + timedelta(days=day),) * 2 for day in (2, 3)
            }
            assert max(len(query.clinician_ids) for query in calendar.asked) < len(PEOPLE)
            assert set(found.slots.clinician_ids) == PEOPLE

        on_virtual_time(main)


class TestMemory:
    def test_is_bounded_by_number_and_by_age(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, seconds=0.0)
            windows = calendar.process()
            for number in range(20):
                await windows.offered(a_query(visit=f"v{number}"))
            assert len(windows._cache._days) == 10
            await asyncio.sleep(STALE.total_seconds() + 1)
            await windows.offered(a_query())
            assert len(windows._cache._days) == 1, "what was just read"
            assert windows._cache._slots == 24 * 3

        monkeypatch.setattr(offer_cache, "MOST_DAYS", 10)
        on_virtual_time(main)

    def test_is_bounded_by_slots(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def main(loop: VirtualLoop) -> None:
            calendar = Calendar(loop, seconds=0.0)
            windows = calendar.process()
            for number in range(20):
                await windows.offered(a_query(visit=f"v{number}"))
            assert windows._cache._slots <= 5 * 24 * 3

        monkeypatch.setattr(offer_cache, "MOST_SLOTS", 5 * 24 * 3)
        on_virtual_time(main)
