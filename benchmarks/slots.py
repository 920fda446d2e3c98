"""Measures what a slot costs on its way from the system of record's answer to ours, without HTTP and GraphQL, and what the simple way costs.

Both ways in turns in one process, by its processor time: columns and plain rows (the product), and an object with all its fields at
each stage. The answers, the taken times and the days are the same.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from strawberry import ID

from benchmarks.figures import titled
from booking.catalog.model import ContactType
from booking.scheduling.free_slots import bookable_of, cut_into_days, free_of
from booking.scheduling.search import Day
from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery
from booking.slots import Busy, Interval, Slot
from integrations.healthie.availability import slots_of
from integrations.healthie.flat_answers import flat_answer
from integrations.healthie.generated.available_slots import AvailableSlots
from resolvers.slot_rows import ShownDays, slot_rows
from schema import slots as api
from schema.catalog import ContactType as ApiContactType

SLOTS, DAYS = 2_000, 7
ROUNDS, REPEATS = 15, 5

NEW_YORK = "America/New_York"
FIRST, LAST = date(2026, 12, 7), date(2026, 12, 7) + timedelta(days=DAYS - 1)
NOW = datetime(2026, 12, 1, tzinfo=UTC)
NOTICE = timedelta(hours=2)

# A slot a quarter of an hour, from nine to five.
_A_DAY = 32
CLINICIANS = [str(200_001 + n) for n in range(-(-SLOTS // (DAYS * _A_DAY)))]
QUERY = SlotQuery(
    visit_type_id="600400",
    contact_type=ContactType.VIDEO,
    location_id=None,
    clinician_ids=frozenset(CLINICIANS),
    first=FIRST,
    last=LAST,
    time_zone=NEW_YORK,
)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage both ways, in microseconds of processor time a slot."""

    product: float
    simple: float


async def measure() -> dict[str, Any]:
    """The stages, by name, and the number of slots."""
    stages = await asyncio.to_thread(_measured)
    return {"slots": SLOTS, "days": DAYS, "clinicians": len(CLINICIANS), "stages": stages}


def shown(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    rows = [
        (name, f"{one['product']:.2f} µs", f"{one['simple']:.2f} µs", f"{one['simple'] / one['product']:.0f}")
        for name, one in figures["stages"].items()
    ]
    title = (
        f"What a slot costs between Healthie's answer and ours ({figures['slots']:,} slots of "
        f"{figures['clinicians']} clinicians in {figures['days']} days, processor time of each)"
    )
    return titled(title, ("", "in columns", "as objects", "ratio"), rows)


def _measured() -> dict[str, dict[str, float]]:
    bodies, busy = list(_answers()), _busy()
    columns, slots = _columns(bodies), _slots(bodies)
    days, simple_days = _days(columns, busy), _simple_days(slots, busy)
    if [(day.date, list(day.slots)) for day in days] != simple_days:
        raise AssertionError("the two ways find different slots")
    remembered = ShownDays(most_slots=2 * SLOTS)
    return {
        "decoded, and put in order": _compared(lambda: _columns(bodies), lambda: _slots(bodies)),
        "held and claimed times taken out, and cut into days": _compared(
            lambda: _days(columns, busy), lambda: _simple_days(slots, busy)
        ),
        "mapped to the API, as a new day": _compared(
            lambda: [slot_rows(day.slots, time_zone=NEW_YORK, clinicians={}) for day in days],
            lambda: [_strawberry(listed) for _, listed in simple_days],
        ),
        "mapped to the API, when nothing of the day changed": _compared(
            lambda: [remembered.day(day, time_zone=NEW_YORK, clinicians=_NOBODY) for day in days],
            lambda: [_strawberry(listed) for _, listed in simple_days],
        ),
    }


_NOBODY: dict[str, Any] = {}


def _compared(product: Callable[[], object], simple: Callable[[], object]) -> dict[str, float]:
    """The medians of rounds in which each way had its turn."""
    product(), simple()
    times = [(_seconds(product), _seconds(simple)) for _ in range(ROUNDS)]
    first, second = (median(column) * 1e6 / SLOTS for column in zip(*times, strict=True))
    return {"product": round(first, 3), "simple": round(second, 3)}


def _seconds(work: Callable[[], object]) -> float:
    before = time.thread_time()
    for _ in range(REPEATS):
        work()
    return (time.thread_time() - before) / REPEATS


def _answers() -> Iterator[bytes]:
    """Healthie's answers, one a day."""
    for n in range(DAYS):
        nine = datetime(2026, 12, 7, 9) + timedelta(days=n)  # noqa: DTZ001 - written with its offset below
        times = [
            (nine + timedelta(minutes=15 * k)).strftime("%Y-%m-%d %H:%M:%S -0500") for k in range(_A_DAY)
        ]
        records = [
            {"user_id": one, "date": at, "length": 15, "is_fully_booked": False}
            for at in times
            for one in CLINICIANS
        ]
        most = SLOTS // DAYS + (n < SLOTS % DAYS)
        yield json.dumps({"data": {"availableSlotsForRange": records[:most]}}).encode()


def _busy() -> list[Busy]:
    """Two holds or claims a clinician, of half an hour."""
    nine = datetime(2026, 12, 7, 14, tzinfo=UTC)
    return [
        Busy(clinician_id=one, interval=Interval(start=at, end=at + timedelta(minutes=30)))
        for n, one in enumerate(CLINICIANS)
        for at in (nine + timedelta(days=n % DAYS, hours=n % 3), nine + timedelta(days=(n + 3) % DAYS))
    ]


def _columns(bodies: Iterable[bytes]) -> SlotColumns:
    parts = []
    for body in bodies:
        answer = flat_answer("AvailableSlots", body)
        if answer is None:
            raise AssertionError("this is what Healthie writes")
        parts.append(slots_of(answer.data, QUERY))
    return QUERY.no_slots.merged(parts)


def _slots(bodies: Iterable[bytes]) -> list[Slot]:
    found = {}
    for body in bodies:
        answer = AvailableSlots.model_validate(json.loads(body)["data"])
        for each in answer.available_slots_for_range or ():
            if each.user_id in QUERY.clinician_ids and each.date and each.length and not each.is_fully_booked:
                found[each.date, each.user_id] = Slot(
                    clinician_id=each.user_id,
                    visit_type_id=QUERY.visit_type_id,
                    contact_type=QUERY.contact_type,
                    location_id=QUERY.location_id,
                    start=each.date,
                    minutes=each.length,
                )
    return [found[key] for key in sorted(found)]


def _days(slots: SlotColumns, busy: Iterable[Busy]) -> list[Day]:
    free = free_of(bookable_of(slots, now=NOW, notice=NOTICE), busy)
    days = cut_into_days(free, first=FIRST, last=LAST, time_zone=NEW_YORK)
    return [Day(date=day, slots=listed, as_of=NOW, stale=False) for day, listed in days]


def _simple_days(slots: Iterable[Slot], busy: Iterable[Busy]) -> list[tuple[date, list[Slot]]]:
    zone = ZoneInfo(NEW_YORK)
    taken: dict[str, list[Interval]] = {}
    for one in busy:
        taken.setdefault(one.clinician_id, []).append(one.interval)
    days: dict[date, list[Slot]] = {FIRST + timedelta(days=n): [] for n in range(DAYS)}
    for slot in slots:
        if slot.start > NOW + NOTICE and not any(
            slot.interval.overlaps(interval) for interval in taken.get(slot.clinician_id, ())
        ):
            days[slot.start.astimezone(zone).date()].append(slot)
    return list(days.items())


def _strawberry(slots: Iterable[Slot]) -> list[api.Slot]:
    zone = ZoneInfo(NEW_YORK)
    return [
        api.Slot(
            id=ID(slot.id),
            clinician_id=ID(slot.clinician_id),
            clinician=None,
            visit_type_id=ID(slot.visit_type_id),
            contact_type=ApiContactType.VIDEO,
            location_id=None,
            start=slot.start.astimezone(zone),
            end=slot.end.astimezone(zone),
            time_zone=NEW_YORK,
            minutes=slot.minutes,
        )
        for slot in slots
    ]
