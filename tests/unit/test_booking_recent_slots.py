"""Free time that was read a moment ago."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from booking.catalog.model import ContactType
from booking.errors import UpstreamUnavailable
from booking.scheduling.recent_slots import MOST, STALE, Question, RecentSlots
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
QUESTION = Question(
    visit_type_id="70",
    contact_type=ContactType.VIDEO,
    location_id=None,
    clinician_ids=("11",),
    first=DAY,
    last=DAY,
    time_zone="UTC",
)


@dataclass
class Calendar:
    """A clock, and an availability that may be down."""

    moment: datetime = NOON
    down: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)

    def now(self) -> datetime:
        return self.moment

    async def slots(self, **question: Any) -> Sequence[Slot]:
        self.asked.append(question)
        await asyncio.sleep(0)
        if self.down:
            raise UpstreamUnavailable("sample")
        return [SLOT]

    async def days(self, **question: Any) -> Sequence[date]:
        raise NotImplementedError


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def recent(calendar: Calendar) -> RecentSlots:
    return RecentSlots(availability=calendar, clock=calendar)


async def test_while_it_can_be_asked_it_is_asked_every_time(calendar: Calendar, recent: RecentSlots) -> None:
    first = await recent.slots(QUESTION)
    calendar.moment += timedelta(seconds=1)
    second = await recent.slots(QUESTION)
    assert len(calendar.asked) == 2
    assert (first.as_of, second.as_of) == (NOON, calendar.moment)
    assert not second.stale


async def test_when_it_cannot_what_is_15_seconds_old_is_answered_and_marked(
    calendar: Calendar, recent: RecentSlots
) -> None:
    await recent.slots(QUESTION)
    calendar.down = True
    calendar.moment += STALE
    offered = await recent.slots(QUESTION)
    assert (offered.slots, offered.as_of, offered.stale) == ((SLOT,), NOON, True)


async def test_what_is_older_is_not_answered(calendar: Calendar, recent: RecentSlots) -> None:
    await recent.slots(QUESTION)
    calendar.down = True
    calendar.moment += STALE + timedelta(microseconds=1)
    with pytest.raises(UpstreamUnavailable):
        await recent.slots(QUESTION)


async def test_a_stale_answer_makes_nothing_younger(calendar: Calendar, recent: RecentSlots) -> None:
    await recent.slots(QUESTION)
    calendar.down = True
    calendar.moment += timedelta(seconds=10)
    await recent.slots(QUESTION)
    calendar.moment += timedelta(seconds=10)
    with pytest.raises(UpstreamUnavailable):
        await recent.slots(QUESTION)


async def test_another_question_has_no_answer(calendar: Calendar, recent: RecentSlots) -> None:
    await recent.slots(QUESTION)
    calendar.down = True
    with pytest.raises(UpstreamUnavailable):
        await recent.slots(replace(QUESTION, clinician_ids=("12",)))


async def test_what_is_forgotten_is_not_answered(calendar: Calendar, recent: RecentSlots) -> None:
    await recent.slots(QUESTION)
    calendar.down = True
    recent.forget()
    with pytest.raises(UpstreamUnavailable):
        await recent.slots(QUESTION)


async def test_a_crowd_with_one_question_shares_its_answer_and_its_age(
    calendar: Calendar, recent: RecentSlots
) -> None:
    answers = await asyncio.gather(*(recent.slots(QUESTION) for _ in range(20)))
    assert len(calendar.asked) == 1
    assert len(set(answers)) == 1


async def test_its_memory_is_bounded_by_number_and_by_age(calendar: Calendar, recent: RecentSlots) -> None:
    for number in range(MOST + 10):
        await recent.slots(replace(QUESTION, visit_type_id=str(number)))
    assert len(recent._last) == MOST
    calendar.moment += STALE + timedelta(seconds=1)
    await recent.slots(QUESTION)
    assert len(recent._last) == 1
