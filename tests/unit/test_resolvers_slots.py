"""Days as they are shown: mapped once as long as nothing of them changes."""

import dataclasses
from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from booking.catalog.model import Catalog, ContactType
from booking.scheduling.search import Day
from booking.slot_columns import SlotColumns
from resolvers.catalog import to_clinician, to_clinicians
from resolvers.slot_rows import ShownDays, SlotRow, slot_rows
from resolvers.slots import to_days, to_slot
from schema import slots as api
from schema.catalog import ContactType as ApiContactType
from tests.doubles.booking_ports import NOW
from tests.doubles.booking_world import CATALOG, a_slot

PARIS, TOKYO = "Europe/Paris", "Asia/Tokyo"
MANY = 1000

ids = st.text(alphabet="0123456789abé|", min_size=1, max_size=5)
rows = st.lists(
    st.tuples(st.integers(0, 4_000_000_000), ids | st.sampled_from(["c1", "c2"]), st.integers(1, 1440)),
    max_size=20,
)


def slots_at(*hours: float) -> SlotColumns:
    slots = [SlotColumns.one(a_slot(hours=each)) for each in hours]
    return slots[0].merged(slots[1:])


def a_day(*hours: float, later: timedelta = timedelta()) -> Day:
    slots = slots_at(*(hours or (24, 25)))
    return Day(date=slots[0].start.date(), slots=slots, as_of=NOW + later, stale=False)


def renamed(catalog: Catalog) -> Catalog:
    first, *others = catalog.clinicians
    return dataclasses.replace(
        catalog, clinicians=(dataclasses.replace(first, name="Dr. Other Sample"), *others)
    )


class TestSlotRows:
    @given(rows, ids, st.sampled_from(ContactType), st.none() | ids, st.sampled_from([PARIS, TOKYO, "UTC"]))
    def test_a_row_shows_what_the_slot_says(
        self,
        listed: list[tuple[int, str, int]],
        visit_type: str,
        way: ContactType,
        location: str | None,
        time_zone: str,
    ) -> None:
        columns = SlotColumns(visit_type_id=visit_type, contact_type=way, location_id=location)
        slots, tz = columns.of_rows(listed), ZoneInfo(time_zone)
        clinicians = to_clinicians(CATALOG)
        for row, slot in zip(
            slot_rows(slots, time_zone=time_zone, clinicians=clinicians), slots, strict=True
        ):
            assert (row.id, row.clinician_id, row.visit_type_id) == (
                slot.id_in(time_zone),
                slot.clinician_id,
                slot.visit_type_id,
            )
            assert row.clinician is clinicians.get(slot.clinician_id)
            assert (row.contact_type, row.location_id) == (ApiContactType[way.name], slot.location_id)
            assert (row.start.isoformat(), row.end.isoformat()) == (
                slot.start.astimezone(tz).isoformat(),
                slot.end.astimezone(tz).isoformat(),
            )
            assert (row.time_zone, row.minutes) == (time_zone, slot.minutes)

    def test_a_row_has_the_attributes_of_the_schemas_slot_and_no_others(self) -> None:
        names = [each.name for each in dataclasses.fields(api.Slot)]
        assert list(SlotRow.__struct_fields__) == names

    def test_slots_at_one_time_share_it(self) -> None:
        slots = slots_at(24)
        slots = slots.of_rows([*slots.rows, *((start, "c2", minutes) for start, _, minutes in slots.rows)])
        first, second = slot_rows(slots, time_zone=PARIS, clinicians={})
        assert first.start is second.start
        assert first.end is second.end

    def test_one_slot_is_shown_as_in_a_list(self) -> None:
        clinicians = to_clinicians(CATALOG)
        assert [to_slot(a_slot(hours=24), time_zone=PARIS, clinicians=clinicians)] == list(
            slot_rows(slots_at(24), time_zone=PARIS, clinicians=clinicians)
        )


class TestDays:
    def test_all_who_are_shown_a_day_are_shown_the_same_object(self) -> None:
        (first,) = to_days([a_day()], time_zone=PARIS, catalog=CATALOG)
        (second,) = to_days([a_day()], time_zone=PARIS, catalog=CATALOG)
        assert second is first
        assert (first.date, first.as_of, first.stale) == (a_day().date, NOW, False)
        assert [slot.start for slot in first.slots] == [slot.start for slot in a_day().slots]

    def test_a_day_that_was_read_again_without_a_change_has_the_same_slots(self) -> None:
        (first,) = to_days([a_day()], time_zone=PARIS, catalog=CATALOG)
        (later,) = to_days([a_day(later=timedelta(minutes=1))], time_zone=PARIS, catalog=CATALOG)
        assert later.slots is first.slots
        assert (first.as_of, later.as_of) == (NOW, NOW + timedelta(minutes=1))

    def test_a_day_with_other_slots_is_mapped_anew(self) -> None:
        (first,) = to_days([a_day(24, 25)], time_zone=PARIS, catalog=CATALOG)
        (later,) = to_days([a_day(24)], time_zone=PARIS, catalog=CATALOG)
        assert [slot.start for slot in later.slots] == [a_slot(hours=24).start]
        assert len(first.slots) == 2

    def test_each_time_zone_is_shown_its_own_times(self) -> None:
        (paris,) = to_days([a_day()], time_zone=PARIS, catalog=CATALOG)
        (tokyo,) = to_days([a_day()], time_zone=TOKYO, catalog=CATALOG)
        assert {slot.time_zone for slot in paris.slots} == {PARIS}
        assert {slot.time_zone for slot in tokyo.slots} == {TOKYO}
        assert to_days([a_day()], time_zone=PARIS, catalog=CATALOG)[0] is paris

    def test_a_catalog_with_other_clinicians_is_what_is_shown(self) -> None:
        to_days([a_day()], time_zone=PARIS, catalog=CATALOG)
        (after,) = to_days([a_day()], time_zone=PARIS, catalog=renamed(CATALOG))
        assert {slot.clinician.name for slot in after.slots if slot.clinician} == {"Dr. Other Sample"}

    def test_clinicians_are_mapped_once_while_none_changes(self) -> None:
        again = dataclasses.replace(CATALOG, plans=())
        assert to_clinicians(again) is to_clinicians(CATALOG)
        assert to_clinicians(CATALOG) == {person.id: to_clinician(person) for person in CATALOG.clinicians}

    def test_no_more_slots_are_remembered_than_may_be(self) -> None:
        shown, clinicians = ShownDays(most_slots=MANY), to_clinicians(CATALOG)
        days = [a_day(*range(24 + n, 34 + n)) for n in range(MANY)]
        first = shown.day(days[0], time_zone=PARIS, clinicians=clinicians)
        assert shown.day(days[0], time_zone=PARIS, clinicians=clinicians) is first
        for day in days:
            shown.day(day, time_zone=PARIS, clinicians=clinicians)
        assert sum(len(day.slots) for day in shown._days.values()) <= MANY
        last = shown.day(days[-1], time_zone=PARIS, clinicians=clinicians)
        assert shown.day(days[-1], time_zone=PARIS, clinicians=clinicians) is last
        assert shown.day(days[0], time_zone=PARIS, clinicians=clinicians) is not first

    def test_a_day_with_more_slots_than_may_be_remembered_is_shown_all_the_same(self) -> None:
        shown = ShownDays(most_slots=2)
        day = a_day(*range(24, 34))
        assert len(shown.day(day, time_zone=PARIS, clinicians={}).slots) == 10
