"""The question for free time: what a patient leaves open is filled in, and the same wish is the same question."""

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from booking.catalog.model import ContactType
from booking.errors import InvalidInput
from booking.slot_query import SlotQuery
from booking.slots import Interval
from tests.doubles.booking_world import CATALOG, LOCATION, LONG, PRICED, a_slot

FIRST, LAST = date(2026, 6, 1), date(2026, 6, 3)


def query(**wishes: object) -> SlotQuery:
    wanted = {"visit_type_id": PRICED.id, "first": FIRST, "last": LAST} | wishes
    return SlotQuery.of(CATALOG, **wanted)  # type: ignore[arg-type]  # names as in SlotQuery.of


class TestOf:
    def test_what_is_left_open_is_the_first_way_to_meet_and_everybody_who_offers_the_visit(self) -> None:
        assert query() == SlotQuery(
            visit_type_id=PRICED.id,
            contact_type=ContactType.VIDEO,
            location_id=None,
            clinician_ids=frozenset({"c1", "c2"}),
            first=FIRST,
            last=LAST,
            time_zone="UTC",
        )
        assert query(visit_type_id=LONG.id).clinician_ids == {"c1"}

    def test_wishes_that_ask_the_same_are_the_same_question(self) -> None:
        wishes: tuple[dict[str, object], ...] = (
            {"clinician_ids": ["c2", "c1", "c2"]},
            {"clinician_ids": ["c1", "c2"], "contact_type": ContactType.VIDEO},
            {},
        )
        assert len({query(**one) for one in wishes}) == 1
        assert query(state="ny") == query(clinician_ids=["c1"])

    def test_only_who_is_wanted_and_licensed_is_asked_for_and_that_may_be_nobody(self) -> None:
        assert query(state="CA", clinician_ids=["c1", "c2"]).clinician_ids == {"c2"}
        assert query(state="CA", clinician_ids=["c1"]).clinician_ids == frozenset()
        assert query(clinician_ids=[]).clinician_ids == frozenset()

    def test_a_blocked_clinician_is_nobody_of_the_practice(self) -> None:
        offer = CATALOG.without(frozenset({"c2"}))
        wanted = SlotQuery.of(offer, visit_type_id=PRICED.id, first=FIRST, last=LAST)
        assert wanted.clinician_ids == {"c1"}
        with pytest.raises(InvalidInput) as mistake:
            SlotQuery.of(offer, visit_type_id=PRICED.id, clinician_ids=["c2"], first=FIRST, last=LAST)
        assert mistake.value.field == "clinicianIds"

    def test_it_carries_the_notice_of_its_visit_type(self) -> None:
        own = replace(PRICED, schedule_notice=timedelta(hours=2))
        offer = replace(CATALOG, visit_types=(own,))
        wanted = SlotQuery.of(offer, visit_type_id=PRICED.id, first=FIRST, last=LAST)
        assert wanted.notice == timedelta(hours=2)

    def test_an_in_person_visit_is_asked_for_at_its_place(self) -> None:
        wanted = query(contact_type=ContactType.IN_PERSON, location_id=LOCATION.id)
        assert (wanted.contact_type, wanted.location_id) == (ContactType.IN_PERSON, LOCATION.id)

    def test_it_does_not_change(self) -> None:
        with pytest.raises(FrozenInstanceError):
            query().first = LAST  # type: ignore[misc]  # it is frozen


def test_everything_like_a_slot_is_asked_for_on_its_day_in_utc() -> None:
    slot = replace(a_slot(), start=datetime(2026, 6, 2, 23, 30, tzinfo=UTC))
    assert SlotQuery.like(slot) == SlotQuery(
        visit_type_id=slot.visit_type_id,
        contact_type=slot.contact_type,
        location_id=slot.location_id,
        clinician_ids=frozenset({slot.clinician_id}),
        first=date(2026, 6, 2),
        last=date(2026, 6, 2),
        time_zone="UTC",
    )


def test_its_span_is_a_day_wider_on_each_side_in_its_time_zone() -> None:
    assert query(time_zone="America/New_York").span == Interval(
        start=datetime(2026, 5, 31, 4, tzinfo=UTC), end=datetime(2026, 6, 5, 4, tzinfo=UTC)
    )
