"""Nobody takes all places among what is watched."""

from contextlib import ExitStack

import pytest

from booking.errors import WatchesTooMuch
from booking.places import Places, bounds_of
from booking.principals import Caller, Principal, PrincipalKind

TWO = {"caller:a": 2}


@pytest.fixture
def places() -> Places[str]:
    return Places()


def test_one_holder_is_bounded_and_others_go_on(places: Places[str]) -> None:
    with places.taken("x", TWO), places.taken("y", TWO):
        with pytest.raises(WatchesTooMuch), places.taken("z", TWO):
            pass
        with places.taken("z", {"caller:b": 2}):
            pass


def test_a_place_that_was_left_is_free_again(places: Places[str]) -> None:
    with places.taken("x", TWO):
        with places.taken("y", TWO):
            pass
        with places.taken("z", TWO):
            pass


def test_the_same_thing_twice_takes_one_place_until_both_are_left(places: Places[str]) -> None:
    with ExitStack() as first, places.taken("y", TWO):
        first.enter_context(places.taken("x", TWO))
        with places.taken("x", TWO):
            first.close()
            with pytest.raises(WatchesTooMuch), places.taken("z", TWO):
                pass
        with places.taken("z", TWO):
            pass


def test_who_is_refused_by_one_bound_takes_no_place_by_another(places: Places[str]) -> None:
    with places.taken("x", {"network:n": 1}):
        with pytest.raises(WatchesTooMuch), places.taken("y", {"caller:a": 1, "network:n": 1}):
            pass
        with places.taken("z", {"caller:a": 1}):
            pass


def test_each_is_bounded_by_the_names_that_they_have_and_the_nameless_share_half() -> None:
    visitor = Caller(principal=Principal(kind=PrincipalKind.VISITOR, id="v1"), client="n")
    assert bounds_of(visitor, "n") == {"caller:visitor:v1": 20, "network:n": 100}
    assert bounds_of(visitor, None) == {"caller:visitor:v1": 20}
    assert bounds_of(None, "n") == {"network:n": 100}
    assert bounds_of(None, None) == {"nobody": 250}
