"""Slots and intervals: one predicate of overlap, and ids that nobody can turn into a fault."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from booking.catalog.model import ContactType
from booking.errors import InvalidInput
from booking.slots import Interval, Slot
from tests.doubles.booking_ports import NOW

MINUTES = st.integers(min_value=0, max_value=600)


def span(start: int, end: int) -> Interval:
    return Interval(start=NOW + timedelta(minutes=start), end=NOW + timedelta(minutes=end))


def forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


SPANS = st.tuples(MINUTES, MINUTES).filter(lambda ends: ends[0] < ends[1]).map(lambda ends: span(*ends))
SLOTS = st.builds(
    Slot,
    clinician_id=st.from_regex(r"[0-9]{1,9}", fullmatch=True),
    visit_type_id=st.from_regex(r"[0-9]{1,9}", fullmatch=True),
    contact_type=st.sampled_from(ContactType),
    location_id=st.none() | st.from_regex(r"[0-9]{1,9}", fullmatch=True),
    start=st.integers(min_value=0, max_value=4_000_000_000).map(lambda at: datetime.fromtimestamp(at, UTC)),
    minutes=st.integers(min_value=1, max_value=24 * 60),
)


class TestInterval:
    @given(SPANS, SPANS)
    def test_overlap_is_a_shared_minute_and_the_same_from_both_sides(
        self, one: Interval, other: Interval
    ) -> None:
        shared = max(one.start, other.start) < min(one.end, other.end)
        assert one.overlaps(other) == other.overlaps(one) == shared

    def test_touching_ends_do_not_overlap(self) -> None:
        assert not span(0, 30).overlaps(span(30, 60))

    @pytest.mark.parametrize("end", [0, -1])
    def test_an_interval_ends_after_it_starts(self, end: int) -> None:
        with pytest.raises(ValueError, match="ends after"):
            span(0, end)

    def test_an_interval_is_kept_in_utc(self) -> None:
        local = NOW.astimezone(timezone(timedelta(hours=-4)))
        with pytest.raises(ValueError, match="UTC"):
            Interval(start=local, end=local + timedelta(minutes=1))


class TestId:
    @given(SLOTS)
    def test_a_slot_is_read_back_from_its_id(self, slot: Slot) -> None:
        assert Slot.from_id(slot.id) == slot

    @given(SLOTS, st.sampled_from(["UTC", "America/New_York", "America/Argentina/ComodRivadavia"]))
    def test_a_slot_is_read_back_from_its_id_in_any_time_zone(self, slot: Slot, time_zone: str) -> None:
        assert Slot.from_id(slot.id_in(time_zone)) == slot

    @given(SLOTS)
    def test_a_slot_has_another_id_in_another_time_zone(self, slot: Slot) -> None:
        shown = [slot.id, *(slot.id_in(zone) for zone in ("UTC", "Etc/UTC", "Europe/Paris"))]
        assert len(set(shown)) == len(shown)

    @pytest.mark.parametrize("time_zone", ["Nowhere/Land", "localtime", "utc", "../UTC", ""])
    def test_a_time_zone_that_nobody_knows_is_in_no_id(self, time_zone: str) -> None:
        with pytest.raises(InvalidInput, match="not the id of a slot"):
            Slot.from_id(forged(f"{time_zone}|1|2|video||1780326000|30"))

    @given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,80}", fullmatch=True))
    @example("")
    @example("=")
    @example("\ud800")
    def test_any_text_is_a_slot_or_a_mistake_of_the_callers(self, text: str) -> None:
        self._slot_or_mistake(text)

    @given(
        st.lists(
            st.text(max_size=12)
            | st.integers().map(str)
            | st.sampled_from(["video", "phone", "in_person", "", "1", "-1", "0x10", "1_0", "٣", "nan"]),
            max_size=8,
        )
    )
    @example(["1", "2", "video", "", "253402300799", "1440"])
    @example(["1", "2", "video", "", "-62135596800", "30"])
    @example(["1", "2", "video", "", "9" * 5000, "30"])
    @example(["1", "2", "video", "", "1780326000", "1441"])
    @example(["", "2", "video", "", "1780326000", "30"])
    def test_any_forged_fields_are_a_slot_or_a_mistake_of_the_callers(self, fields: list[str]) -> None:
        try:
            text = forged("|".join(fields))
        except UnicodeEncodeError:
            return
        self._slot_or_mistake(text)

    @pytest.mark.parametrize(
        "start", [" 1780326000", "1_780_326_000", "+1780326000", "١٧٨٠٣٢٦٠٠٠", "01780326000"]
    )
    def test_one_slot_has_one_id_in_one_time_zone(self, start: str) -> None:
        with pytest.raises(InvalidInput):
            Slot.from_id(forged(f"1|2|video||{start}|30"))

    def test_a_mistake_says_what_to_do(self) -> None:
        with pytest.raises(InvalidInput, match="slots query") as mistake:
            Slot.from_id("nonsense")
        assert mistake.value.field == "slotId"

    def _slot_or_mistake(self, text: str) -> None:
        try:
            slot = Slot.from_id(text)
        except InvalidInput:
            return
        assert slot.id == text
        assert slot.interval.start.utcoffset() == timedelta(0)
        assert 0 < slot.minutes <= 24 * 60
        assert slot.clinician_id
        assert slot.visit_type_id
