import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest

from booking.catalog.model import ContactType
from booking.errors import UpstreamUnavailable
from booking.local_pacer import LocalPacer
from booking.pacing import Pace
from booking.ports import Availability
from booking.scheduling.offer_windows import OfferWindows
from booking.slot_query import SlotQuery
from booking.work_context import waiting
from integrations.upstream.gate import Gate
from tests.doubles.booking_ports import FakeClock
from tests.doubles.healthie_script import Script, errors

WEEK = SlotQuery(
    visit_type_id="70",
    contact_type=ContactType.VIDEO,
    location_id=None,
    clinician_ids=frozenset({"12", "11"}),
    first=date(2026, 11, 23),
    last=date(2026, 11, 29),
    time_zone="America/Los_Angeles",
)
MONTH = replace(WEEK, last=date(2026, 12, 23))

# One a minute after these, in the lane of one sender: whatever more is sent was not to be.
AT_ONCE = 3
SLOWLY = Pace(per_second=1 / 60, burst=6)


@asynccontextmanager
async def paced(script: Script) -> AsyncIterator[OfferWindows]:
    async with script.connected(gate=Gate(pacer=LocalPacer(SLOWLY))) as healthie:
        await healthie.keys.prove_due()
        yield OfferWindows(availability=healthie.availability, clock=FakeClock())


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  # what was begun goes on meanwhile
            await asyncio.sleep(0)


async def nothing_is_left_over() -> None:
    """Nobody is left who would ask for anything."""
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.upstream.calls.FIRST_WAIT", 0.0)


@pytest.fixture
def script() -> Script:
    return Script(answers={"AvailableSlots": offered()})


@pytest.fixture
async def availability(script: Script) -> AsyncIterator[Availability]:
    async with script.connected() as healthie:
        await healthie.keys.prove_due()
        yield healthie.availability


@pytest.fixture
def shared(availability: Availability) -> OfferWindows:
    """As the search asks it."""
    return OfferWindows(availability=availability, clock=FakeClock())


def offered(*slots: tuple[str, str], **more: Any) -> dict[str, Any]:
    each = [
        {"user_id": user, "date": at, "length": 30, "is_fully_booked": False} | more for user, at in slots
    ]
    return {"availableSlotsForRange": each}


class TestSlots:
    async def test_a_week_of_several_clinicians_is_one_request(
        self, availability: Availability, script: Script
    ) -> None:
        await availability.slots(WEEK)

        (sent,) = script.of("AvailableSlots")
        assert (sent.variables["start_date"], sent.variables["end_date"]) == (
            "2026-11-23T00:00:00-08:00",
            "2026-11-29T23:59:59-08:00",
        )
        assert sent.variables["provider_ids"] == ["11", "12"]

    async def test_as_it_is_shared_a_week_is_asked_for_by_two_days_in_utc(
        self, shared: OfferWindows, script: Script
    ) -> None:
        await shared.offered(WEEK)

        windows = [(s.variables["start_date"], s.variables["end_date"]) for s in script.of("AvailableSlots")]
        days = [date(2026, 11, 22) + timedelta(days=number) for number in range(0, 10, 2)]
        assert windows == [
            (f"{day}T00:00:00+00:00", f"{day + timedelta(days=1)}T23:59:59+00:00") for day in days
        ]
        assert all(day.toordinal() % 2 == 0 for day in days), "whatever day a query begins with"

    async def test_the_bounds_of_a_day_follow_the_change_of_the_clocks(
        self, availability: Availability, script: Script
    ) -> None:
        await availability.slots(replace(WEEK, first=date(2026, 11, 1), last=date(2026, 11, 1)))

        (sent,) = script.of("AvailableSlots")
        assert sent.variables["start_date"] == "2026-11-01T00:00:00-07:00"
        assert sent.variables["end_date"] == "2026-11-01T23:59:59-08:00"

    async def test_equal_questions_at_the_same_time_share_their_requests(
        self, shared: OfferWindows, script: Script
    ) -> None:
        reordered = replace(WEEK, clinician_ids=frozenset(["11", "12", "11"]))
        answers = await asyncio.gather(*(shared.offered(each) for each in (WEEK, reordered, WEEK)))

        assert len(script.of("AvailableSlots")) == 5
        assert answers[0] == answers[1] == answers[2]

    async def test_a_patient_who_leaves_does_not_take_the_answer_from_the_others(
        self, shared: OfferWindows, script: Script
    ) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def answer(_: Any) -> Any:
            begun.set()
            await go_on.wait()
            return offered(("11", "2026-11-24 09:00:00 -0800"))

        script.answers["AvailableSlots"] = answer
        first, second = (asyncio.create_task(shared.offered(WEEK)) for _ in range(2))
        await begun.wait()
        first.cancel()
        go_on.set()

        assert [slot.clinician_id for slot in (await second).slots] == ["11"]
        assert len(script.of("AvailableSlots")) == 5

    async def test_slots_come_by_start_then_clinician_in_utc_each_once(
        self, availability: Availability, script: Script
    ) -> None:
        script.answers["AvailableSlots"] = offered(
            ("12", "2026-11-24 10:00:00 -0800"),
            ("12", "2026-11-24 12:00:00 EST -05:00"),
            ("11", "2026-11-24T09:00:00-08:00"),
        )

        slots = await availability.slots(WEEK)

        nine, ten = datetime(2026, 11, 24, 17, tzinfo=UTC), datetime(2026, 11, 24, 18, tzinfo=UTC)
        assert [(slot.start, slot.clinician_id) for slot in slots] == [
            (nine, "11"),
            (nine, "12"),
            (ten, "12"),
        ]

    @pytest.mark.parametrize(
        "answer",
        [
            offered(("11", "2026-11-22 23:30:00 -0800")),
            offered(("11", "2026-11-30 00:00:00 -0800")),
            offered(("99", "2026-11-24 09:00:00 -0800")),
            offered(("11", "2026-11-24 09:00:00 -0800"), is_fully_booked=True),
            offered(("11", "2026-11-24 09:00:00 -0800"), length=None),
            {"availableSlotsForRange": None},
        ],
        ids=["the day before", "the day after", "not asked for", "full", "no length", "null"],
    )
    async def test_what_was_not_asked_for_is_left_out(
        self, availability: Availability, script: Script, answer: Any
    ) -> None:
        script.answers["AvailableSlots"] = answer

        assert not await availability.slots(WEEK)

    async def test_nobody_without_a_proved_key_is_asked_for(
        self, availability: Availability, script: Script
    ) -> None:
        assert await availability.slots(replace(WEEK, clinician_ids=frozenset({"99"}))) == WEEK.no_slots
        assert script.of("AvailableSlots") == []

    async def test_one_window_that_fails_fails_the_answer(self, shared: OfferWindows, script: Script) -> None:
        script.answers["AvailableSlots"] = lambda variables: (
            httpx2.Response(503) if variables["start_date"].startswith("2026-11-24") else offered()
        )

        with pytest.raises(UpstreamUnavailable):
            await shared.offered(WEEK)

    async def test_after_one_window_failed_no_further_one_is_asked_for(self, script: Script) -> None:
        script.answers["AvailableSlots"] = lambda variables: (
            errors("TOO_MANY_REQUESTS") if variables["start_date"].startswith("2026-11-22") else offered()
        )
        async with paced(script) as shared:
            with pytest.raises(UpstreamUnavailable):
                await shared.offered(MONTH)
        await nothing_is_left_over()
        assert len(script.of("AvailableSlots")) <= AT_ONCE

    async def test_what_nobody_waits_for_any_more_is_not_asked_for(self, script: Script) -> None:
        async with paced(script) as shared:
            asked = [asyncio.create_task(shared.offered(MONTH)) for _ in range(2)]
            await until(lambda: len(script.of("AvailableSlots")) == AT_ONCE)
            for task in asked:
                task.cancel()
            await nothing_is_left_over()
        assert len(script.of("AvailableSlots")) == AT_ONCE

    async def test_at_the_deadline_nothing_more_is_asked_for(self, script: Script) -> None:
        async with paced(script) as shared:
            with waiting(lane=None, seconds=0.05), pytest.raises(UpstreamUnavailable):
                await shared.offered(MONTH)
            await nothing_is_left_over()
        assert len(script.of("AvailableSlots")) == AT_ONCE


class TestDays:
    MONTH = replace(WEEK, first=date(2026, 11, 1), last=date(2026, 11, 30))

    async def test_the_days_of_the_month_come_in_order_in_one_request(
        self, availability: Availability, script: Script
    ) -> None:
        days = ["2026-11-30", "2026-11-02", "2026-12-01", "2026-11-02", None]
        script.answers["AvailableDays"] = {"daysAvailableForRange": days}

        assert await availability.days(self.MONTH) == [date(2026, 11, 2), date(2026, 11, 30)]
        (sent,) = script.of("AvailableDays")
        assert sent.variables["date_from_month"] == "2026-11-01"

    async def test_a_day_that_is_none_is_unavailable_not_a_traceback(
        self, availability: Availability, script: Script
    ) -> None:
        script.answers["AvailableDays"] = {"daysAvailableForRange": ["soon"]}

        with pytest.raises(UpstreamUnavailable):
            await availability.days(self.MONTH)
