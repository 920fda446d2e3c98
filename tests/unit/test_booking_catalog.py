"""The practice's offer: who treats where, and which plans can be had there."""

from dataclasses import replace

import pytest

from booking.catalog.model import BillingFrequency
from tests.doubles.booking_world import CATALOG, FREE, LONG, MONTHLY, ONCE, PLANNED, PRICED, a_plan


@pytest.mark.parametrize(
    ("visit_type_id", "state", "clinicians"),
    [
        (None, None, ["c1", "c2"]),
        (None, "ny", ["c1"]),
        (PRICED.id, "CA", ["c2"]),
        (LONG.id, None, ["c1"]),
        (LONG.id, "CA", []),
        ("v-none", None, []),
    ],
)
def test_clinicians_offer_the_visit_and_are_licensed_in_the_state(
    visit_type_id: str | None, state: str | None, clinicians: list[str]
) -> None:
    found = CATALOG.clinicians_for(visit_type_id=visit_type_id, state=state)
    assert [person.id for person in found] == clinicians


def test_a_plan_is_offered_where_one_of_its_visits_can_be_had() -> None:
    long_only = replace(a_plan("long", "200"), visits=(replace(ONCE.visits[0], visit_type_id=LONG.id),))
    catalog = replace(CATALOG, plans=(ONCE, long_only))
    assert [plan.id for plan in catalog.plans_for(state="NY")] == ["once", "long"]
    assert [plan.id for plan in catalog.plans_for(state="CA")] == ["once"]
    assert catalog.plans_for(state="TX") == ()


def test_a_keyword_is_sought_in_names_and_descriptions_without_case() -> None:
    described = replace(ONCE, description="Sleep and RECOVERY")
    catalog = replace(CATALOG, plans=(described, MONTHLY))
    assert catalog.plans_for(keyword=" recovery ") == (described,)
    assert catalog.plans_for(keyword="MONTHLY") == (MONTHLY,)
    assert catalog.plans_for(keyword="") == (described, MONTHLY)


def test_a_visit_needs_a_plan_only_when_it_has_no_price_and_a_plan_sells_it() -> None:
    assert CATALOG.needs_plan(PLANNED)
    assert not CATALOG.needs_plan(FREE)
    assert not CATALOG.needs_plan(replace(PLANNED, price=PRICED.price))


def test_everything_but_one_time_recurs() -> None:
    assert {one for one in BillingFrequency if not one.recurs} == {BillingFrequency.ONE_TIME}


def test_a_copy_with_fewer_clinicians_is_the_same_one_for_as_long_as_they_are_the_same() -> None:
    catalog = replace(CATALOG)
    assert catalog.without(frozenset()) is catalog
    assert catalog.only(frozenset({"c1", "c2", "c3"})) is catalog
    one = catalog.without(frozenset({"c1"}))
    assert catalog.without(frozenset({"c1"})) is one
    assert [person.id for person in one.clinicians] == ["c2"]
    assert catalog.only(frozenset({"c2"})) == one
    assert catalog.only(frozenset({"c2"})).without(frozenset({"c2"})).clinicians == ()
    assert catalog.without(frozenset({"c2"})) != one
    assert [person.id for person in catalog.without(frozenset({"c1"})).clinicians] == ["c2"]
