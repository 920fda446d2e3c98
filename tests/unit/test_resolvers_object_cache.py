"""What is made of a catalog is made once, is the same for everybody, and lives no longer than the catalog."""

import gc
from dataclasses import replace
from typing import Any

import pytest

from booking.catalog.model import Catalog
from booking.errors import InvalidInput
from resolvers.catalog import (
    to_locations,
    to_offering_clinicians,
    to_plan,
    to_plan_connection,
    to_practice_policy,
    to_visit_types,
)
from resolvers.object_cache import ObjectCache
from tests.doubles.booking_world import World


@pytest.fixture
async def catalog() -> Catalog:
    return await World().catalog.catalog()


def page(catalog: Catalog, **given: Any) -> Any:
    return to_plan_connection(
        catalog, **{"state": None, "keyword": None, "first": 20, "after": None, **given}
    )


def answers(catalog: Catalog) -> list[object]:
    return [
        page(catalog),
        page(catalog, first=2),
        to_visit_types(catalog),
        to_locations(catalog),
        to_offering_clinicians(catalog, state=None, visit_type_id=None),
        to_practice_policy(catalog),
        to_plan(catalog.plans[0], catalog),
    ]


def test_the_same_question_about_the_same_catalog_is_answered_by_the_same_object(catalog: Catalog) -> None:
    assert all(one is other for one, other in zip(answers(catalog), answers(catalog), strict=True))


def test_pages_share_their_plans(catalog: Catalog) -> None:
    assert page(catalog).nodes[0] is page(catalog, first=1).nodes[0] is to_plan(catalog.plans[0], catalog)


def test_another_catalog_is_answered_anew_even_when_it_says_the_same(catalog: Catalog) -> None:
    copy = replace(catalog)
    assert copy == catalog
    assert not any(one is other for one, other in zip(answers(catalog), answers(copy), strict=True))
    sold_out = replace(catalog, plans=tuple(replace(plan, sold_out=True) for plan in catalog.plans))
    assert {plan.sold_out for plan in page(sold_out).nodes} == {True}


def test_a_mistake_is_refused_each_time(catalog: Catalog) -> None:
    for _ in range(2):
        with pytest.raises(InvalidInput):
            page(catalog, first=101)
        with pytest.raises(InvalidInput):
            page(catalog, state="California")


class Owner:
    """Something that things are made of."""


def test_what_is_kept_goes_with_its_owner() -> None:
    cache, owner = ObjectCache(most=2), Owner()
    cache.of(owner, "a", object)
    cache.of(Owner(), "a", object)
    gc.collect()
    assert len(cache) == 1
    del owner
    gc.collect()
    assert len(cache) == 0


def test_of_each_owner_the_last_ones_are_kept() -> None:
    cache, owner = ObjectCache(most=2), Owner()
    first = cache.of(owner, "a", object)
    cache.of(owner, "b", object)
    assert cache.of(owner, "a", object) is first
    cache.of(owner, "c", object)  # now "b" is the one that was not asked for longest
    assert cache.of(owner, "a", object) is first
    made: list[str] = []
    cache.of(owner, "b", lambda: made.append("b"))
    assert made == ["b"]
