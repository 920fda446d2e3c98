"""Slots in columns: the same slots as one by one, in one order, each once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.catalog.model import ContactType
from booking.slot_columns import Row, SlotColumns
from booking.slots import Slot

NONE = SlotColumns(visit_type_id="70", contact_type=ContactType.VIDEO, location_id=None)

# So few values that equal starts and clinicians are common.
ROWS = st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["11", "12", "9"]), st.sampled_from([30, 60])))


def slot(row: Row) -> Slot:
    start, clinician_id, minutes = row
    return Slot(
        clinician_id=clinician_id,
        visit_type_id="70",
        contact_type=ContactType.VIDEO,
        location_id=None,
        start=datetime.fromtimestamp(start, UTC),
        minutes=minutes,
    )


def key(one: Slot) -> tuple[datetime, str]:
    return one.start, one.clinician_id


@given(ROWS)
def test_slots_come_by_start_then_clinician_each_once(rows: list[Row]) -> None:
    columns = NONE.of_rows(rows)
    slots = list(columns)
    assert [key(one) for one in slots] == sorted({key(slot(row)) for row in rows})
    assert {(int(one.start.timestamp()), one.clinician_id, one.minutes) for one in slots} <= set(rows)
    assert len(columns) == len(slots)
    assert [columns[index] for index in range(len(columns))] == slots


@given(ROWS, st.lists(ROWS, max_size=3))
def test_merged_columns_are_those_of_all_rows(rows: list[Row], others: list[list[Row]]) -> None:
    merged = NONE.of_rows(rows).merged(NONE.of_rows(other) for other in others)
    assert {key(one) for one in merged} == {key(slot(row)) for row in sum(others, rows)}
    assert merged == NONE.of_rows(merged.rows)


@given(ROWS, st.integers(-1, 22), st.integers(-1, 22))
def test_a_span_has_what_starts_in_it(rows: list[Row], start: int, end: int) -> None:
    columns = NONE.of_rows(rows)
    assert list(columns.between(start, end)) == [
        one for one in columns if start <= one.start.timestamp() < end
    ]


@given(ROWS, st.sets(st.sampled_from(["11", "12", "9", "none"])))
def test_clinicians_keep_their_slots_in_order(rows: list[Row], wanted: set[str]) -> None:
    columns = NONE.of_rows(rows)
    assert list(columns.of_clinicians(wanted)) == [one for one in columns if one.clinician_id in wanted]


@given(ROWS)
def test_a_slot_is_in_the_columns_when_all_its_fields_are(rows: list[Row]) -> None:
    columns = NONE.of_rows(rows)
    slots = list(columns)
    for row in [*rows, (21, "11", 30)]:
        assert (slot(row) in columns) == (slot(row) in slots)


def test_a_slot_of_another_kind_or_between_two_seconds_is_not_in_the_columns() -> None:
    columns = NONE.of_rows([(60, "11", 30)])
    (one,) = columns
    assert one in columns
    assert replace(one, contact_type=ContactType.PHONE) not in columns
    assert replace(one, start=one.start + timedelta(microseconds=1)) not in columns


def test_equal_columns_are_equal_and_hash_alike_and_none_are_false() -> None:
    rows: list[Row] = [(60, "11", 30), (0, "12", 30)]
    assert NONE.of_rows(rows) == NONE.of_rows(reversed(rows))
    assert hash(NONE.of_rows(rows)) == hash(NONE.of_rows(reversed(rows)))
    assert NONE.of_rows(rows) != NONE.of_rows(rows[:1])
    assert not NONE


def test_a_slice_takes_every_slot_of_a_run() -> None:
    columns = NONE.of_rows([(60, "11", 30), (0, "12", 30), (0, "11", 30)])
    assert list(columns[1:]) == list(columns)[1:]
    with pytest.raises(ValueError, match="every one"):
        columns[::-1]
