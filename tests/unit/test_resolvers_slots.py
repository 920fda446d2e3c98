"""Days as they are shown: mapped once for all who watch the same."""

import dataclasses
import weakref
from datetime import timedelta

from booking.catalog.model import Catalog
from booking.scheduling.search import Day
from resolvers.catalog import to_clinicians
from resolvers.slots import to_days, to_shared_days
from tests.doubles.booking_ports import NOW
from tests.doubles.booking_world import CATALOG, a_slot

PARIS, TOKYO = "Europe/Paris", "Asia/Tokyo"


def a_day() -> Day:
    slots = tuple(a_slot(hours=hours) for hours in (24, 25))
    return Day(date=(NOW + timedelta(hours=24)).date(), slots=slots, as_of=NOW, stale=False)


def renamed(catalog: Catalog) -> Catalog:
    first, *others = catalog.clinicians
    return dataclasses.replace(
        catalog, clinicians=(dataclasses.replace(first, name="Dr. Other Sample"), *others)
    )


def test_all_who_watch_a_day_are_shown_the_same_object() -> None:
    day = a_day()
    (first,) = to_shared_days([day], time_zone=PARIS, catalog=CATALOG)
    (second,) = to_shared_days([day], time_zone=PARIS, catalog=CATALOG)
    assert second is first
    assert [first] == to_days([day], time_zone=PARIS, clinicians=to_clinicians(CATALOG))


def test_each_time_zone_is_shown_its_own_times() -> None:
    day = a_day()
    (paris,) = to_shared_days([day], time_zone=PARIS, catalog=CATALOG)
    (tokyo,) = to_shared_days([day], time_zone=TOKYO, catalog=CATALOG)
    assert {slot.time_zone for slot in paris.slots} == {PARIS}
    assert {slot.time_zone for slot in tokyo.slots} == {TOKYO}
    assert to_shared_days([day], time_zone=PARIS, catalog=CATALOG)[0] is paris


def test_a_catalog_that_was_read_anew_is_what_is_shown() -> None:
    day = a_day()
    to_shared_days([day], time_zone=PARIS, catalog=CATALOG)
    (after,) = to_shared_days([day], time_zone=PARIS, catalog=renamed(CATALOG))
    assert {slot.clinician.name for slot in after.slots if slot.clinician} == {"Dr. Other Sample"}


def test_a_day_that_nobody_watches_any_more_is_forgotten() -> None:
    day = a_day()
    (shown,) = to_shared_days([day], time_zone=PARIS, catalog=CATALOG)
    kept = weakref.ref(shown)
    del day, shown
    assert kept() is None
