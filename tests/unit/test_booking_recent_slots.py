"""Free time that was read a moment ago."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from booking.catalog.model import ContactType
from booking.errors import UpstreamUnavailable
from booking.scheduling.recent_slots import MOST, STALE, RecentSlots
from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery
from booking.slots import Slot

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = date(2026, 11, 24)
SLOT = Slot(
    clinician_id="11",
    visit_type_id="70",
    contact_type=ContactType.VIDEO,
    location_id=None,
    start=NOON + timedelta(days=1),
    minutes=30,
)
QUERY = SlotQuery(
    visit_type_id="70",
    contact_type=ContactType.VIDEO,
    location_id=None,
    clinician_ids=frozenset({"11"}),
    first=DAY,
    last=DAY,
    time_zone="UTC",
)

OFFERED = QUERY.no_slots.of_rows([(int(SLOT.start.timestamp()), SLOT.clinician_id, SLOT.minutes)])


@dataclass
class Calendar:
    """A clock, and an availability that may be down."""

    moment: datetime = NOON
    down: bool = False
    asked: list[SlotQuery] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.was_asked, self.answers = asyncio.Event(), asyncio.Event()
        self.answers.set()

    def now(self) -> datetime:
        return self.moment

    async def slots(self, query: SlotQuery) -> SlotColumns:
        self.asked.append(query)
        self.was_asked.set()
        await asyncio.sleep(0)
        await self.answers.wait()
        if self.down:
            raise UpstreamUnavailable("sample")
        return OFFERED

    async def days(self, query: SlotQuery) -> Sequence[date]:
        self.asked.append(query)
        await asyncio.sleep(0)
        return [DAY]


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def recent(calendar: Calendar) -> RecentSlots:
    return RecentSlots(availability=calendar, clock=calendar)


async def test_while_it_can_be_asked_it_is_asked_every_time(calendar: Calendar, recent: RecentSlots) -> None:
    first = await recent.slots(QUERY)
    calendar.moment += timedelta(seconds=1)
    second = await recent.slots(QUERY)
    assert len(calendar.asked) == 2
    assert (first.as_of, second.as_of) == (NOON, calendar.moment)
    assert not second.stale


async def test_when_it_cannot_what_is_15_seconds_old_is_answered_and_marked(
    calendar: Calendar, recent: RecentSlots
) -> None:
    await recent.slots(QUERY)
    calendar.down = True
    calendar.moment += STALE
    offered = await recent.slots(QUERY)
    assert (offered.slots, offered.as_of, offered.stale) == (OFFERED, NOON, True)


async def test_what_is_older_is_not_answered(calendar: Calendar, recent: RecentSlots) -> None:
    await recent.slots(QUERY)
    calendar.down = True
    calendar.moment += STALE + timedelta(microseconds=1)
    with pytest.raises(UpstreamUnavailable):
        await recent.slots(QUERY)


async def test_a_stale_answer_makes_nothing_younger(calendar: Calendar, recent: RecentSlots) -> None:
    await recent.slots(QUERY)
    calendar.down = True
    calendar.moment += timedelta(seconds=10)
    await recent.slots(QUERY)
    calendar.moment += timedelta(seconds=10)
    with pytest.raises(UpstreamUnavailable):
        await recent.slots(QUERY)


async def test_another_question_has_no_answer(calendar: Calendar, recent: RecentSlots) -> None:
    await recent.slots(QUERY)
    calendar.down = True
    with pytest.raises(UpstreamUnavailable):
        await recent.slots(replace(QUERY, clinician_ids=frozenset({"12"})))


async def test_what_is_forgotten_is_not_answered(calendar: Calendar, recent: RecentSlots) -> None:
    await recent.slots(QUERY)
    calendar.down = True
    recent.forget()
    with pytest.raises(UpstreamUnavailable):
        await recent.slots(QUERY)


async def test_a_crowd_with_one_question_shares_its_answer_and_its_age(
    calendar: Calendar, recent: RecentSlots
) -> None:
    answers = await asyncio.gather(*(recent.slots(QUERY) for _ in range(20)))
    assert len(calendar.asked) == 1
    assert len(set(answers)) == 1


async def test_who_joins_a_question_under_way_is_told_when_it_was_asked(
    calendar: Calendar, recent: RecentSlots
) -> None:
    """A visit that was booked in between is not in the answer: who looks for such visits looks from then on."""
    calendar.answers.clear()
    first = asyncio.create_task(recent.slots(QUERY))
    async with asyncio.timeout(5):
        await calendar.was_asked.wait()
    calendar.moment += timedelta(seconds=2)
    second = asyncio.create_task(recent.slots_now(QUERY))
    asyncio.get_running_loop().call_soon(calendar.answers.set)
    joined = await second
    assert len(calendar.asked) == 1
    assert joined is await first
    assert joined.as_of == NOON


async def test_what_must_be_so_now_is_never_answered_from_memory(
    calendar: Calendar, recent: RecentSlots
) -> None:
    await recent.slots(QUERY)
    calendar.down = True
    with pytest.raises(UpstreamUnavailable):
        await recent.slots_now(QUERY)


async def test_the_days_of_a_month_are_asked_for_once_at_a_time_too(
    calendar: Calendar, recent: RecentSlots
) -> None:
    answers = await asyncio.gather(*(recent.days(QUERY) for _ in range(20)))
    assert len(calendar.asked) == 1
    assert answers == [[DAY]] * 20


async def test_its_memory_is_bounded_by_number_and_by_age(calendar: Calendar, recent: RecentSlots) -> None:
    for number in range(MOST + 10):
        await recent.slots(replace(QUERY, visit_type_id=str(number)))
    assert len(recent._last) == MOST
    calendar.moment += STALE + timedelta(seconds=1)
    await recent.slots(QUERY)
    assert len(recent._last) == 1
