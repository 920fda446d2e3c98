"""Free slots by plain numbers are those of the simple definitions: the overlap of intervals, and the date in a time zone."""

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from booking.catalog.model import ContactType
from booking.scheduling.free_slots import bookable_of, cut_into_days, free_of
from booking.slot_columns import Row, SlotColumns
from booking.slots import Busy, Interval
from booking.zones import day_start

NONE = SlotColumns(visit_type_id="70", contact_type=ContactType.VIDEO, location_id=None)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECONDS = int(NOON.timestamp())
PEOPLE = st.sampled_from(["11", "12", "13"])

# Offsets of a quarter and three quarters of an hour; clocks that change by half an hour, at midnight, before it and after it.
ZONES = [
    "UTC",
    "America/New_York",
    "Europe/Paris",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Australia/Lord_Howe",
    "America/Havana",
    "America/Santiago",
    "Asia/Beirut",
    "Atlantic/Azores",
    "America/Nuuk",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Africa/Cairo",
]

# Quarters of an hour, so that slots and intervals often touch; and moments between two seconds.
quarters = st.integers(0, 40).map(lambda n: 900 * n)
rows = st.lists(
    st.tuples(quarters.map(lambda at: SECONDS + at), PEOPLE, st.sampled_from([15, 30, 60, 24 * 60])),
    max_size=40,
)
ends = quarters | st.floats(0, 36_000).map(lambda at: round(at, 6))
intervals = st.tuples(ends, ends).filter(lambda pair: pair[0] < pair[1])


def busy(clinician_id: str, start: float, end: float) -> Busy:
    span = Interval(start=NOON + timedelta(seconds=start), end=NOON + timedelta(seconds=end))
    return Busy(clinician_id=clinician_id, interval=span)


class TestFreeOf:
    @given(rows, st.lists(st.builds(lambda who, pair: busy(who, *pair), PEOPLE, intervals), max_size=12))
    @example([(SECONDS + 900, "11", 30)], [busy("11", 0, 900), busy("11", 900 + 1800, 5000)])
    @example([(SECONDS + 900, "11", 30)], [busy("11", 0, 900.000001)])
    @example([(SECONDS + 900, "11", 30)], [busy("11", 2699.999999, 5000)])
    def test_a_slot_is_free_that_overlaps_no_interval_of_its_clinician(
        self, offered: list[Row], taken: list[Busy]
    ) -> None:
        slots = NONE.of_rows(offered)
        assert list(free_of(slots, taken)) == [
            slot
            for slot in slots
            if not any(
                one.clinician_id == slot.clinician_id and one.interval.overlaps(slot.interval)
                for one in taken
            )
        ]

    def test_where_nothing_is_taken_the_offer_is_the_same_object(self) -> None:
        slots = NONE.of_rows([(SECONDS, "11", 30)])
        assert free_of(slots, []) is slots
        assert free_of(slots, [busy("12", 0, 900), busy("11", 1800, 3600)]) is slots


class TestBookableOf:
    @given(
        rows,
        st.integers(0, 36_000_000_000),
        st.sampled_from([timedelta(), timedelta(minutes=15), timedelta(seconds=0.5), timedelta(days=1)]),
    )
    @example([(SECONDS + 900, "11", 30)], 900_000_000, timedelta())
    @example([(SECONDS + 900, "11", 30)], 0, timedelta(minutes=15))
    def test_a_slot_is_bookable_that_has_not_begun_and_is_outside_the_notice(
        self, offered: list[Row], later: int, notice: timedelta
    ) -> None:
        slots, now = NONE.of_rows(offered), NOON + timedelta(microseconds=later)
        assert list(bookable_of(slots, now=now, notice=notice)) == [
            slot for slot in slots if slot.start > now and slot.start >= now + notice
        ]


class TestDaysOf:
    @given(
        st.sampled_from(ZONES),
        st.dates(date(2026, 1, 1), date(2028, 12, 31)),
        st.integers(0, 9),
        st.lists(st.integers(-200, 1000), max_size=60),
    )
    @example("America/New_York", date(2026, 10, 31), 2, list(range(200)))
    @example("America/Havana", date(2026, 10, 31), 2, list(range(200)))
    @example("America/Nuuk", date(2026, 10, 24), 2, list(range(200)))
    @example("Asia/Beirut", date(2026, 3, 28), 2, list(range(200)))
    def test_a_slot_is_on_the_day_that_it_starts_on_in_the_zone(
        self, time_zone: str, first: date, more: int, starts: list[int]
    ) -> None:
        last, zone = first + timedelta(days=more), zoneinfo.ZoneInfo(time_zone)
        midnight = int(datetime.combine(first, time.min, UTC).timestamp())
        slots = NONE.of_rows((midnight + 900 * start, "11", 60) for start in starts)
        found = dict(cut_into_days(slots, first=first, last=last, time_zone=time_zone))
        assert list(found) == [first + timedelta(days=n) for n in range(more + 1)]
        for day, listed in found.items():
            assert list(listed) == [slot for slot in slots if slot.start.astimezone(zone).date() == day]

    def test_no_zone_comes_back_to_a_day_that_has_ended(self) -> None:
        """A clock that is set back across midnight would show a day twice; as long as an offer may reach, none is."""
        changes = list(_changes(date(2026, 1, 1), date(2029, 12, 31)))
        assert len(changes) > 1000
        for day, zone in changes:
            start = day_start(day, zone.key)
            again = datetime.combine(day, time.min, zone).replace(fold=1).timestamp()
            assert datetime.fromtimestamp(start, zone).date() >= day, zone
            assert datetime.fromtimestamp(start - 1, zone).date() < day, zone
            assert again <= start or datetime.fromtimestamp(again - 1, zone).date() == day, zone


def _changes(first: date, last: date) -> Iterator[tuple[date, zoneinfo.ZoneInfo]]:
    """The days before whose noon the clocks of a zone change, after the noon of the day before."""
    for name in sorted(zoneinfo.available_timezones() - {"localtime", "Factory"}):
        zone, day = zoneinfo.ZoneInfo(name), first
        offset: timedelta | None = None
        while day <= last:
            before: timedelta | None
            before, offset = offset, datetime.combine(day, time(12), zone).utcoffset()
            if before is not None and before != offset:
                yield day, zone
            day += timedelta(days=1)
