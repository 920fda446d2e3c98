"""The subscription quota: no caller takes all live queries."""

from contextlib import ExitStack

import pytest

from booking.errors import CallerLimitReached
from booking.live.quota import SubscriptionQuota, bounds_of
from booking.principals import Caller, Principal, PrincipalKind

TWO = {"caller:a": 2}


@pytest.fixture
def quota() -> SubscriptionQuota[str]:
    return SubscriptionQuota()


def test_one_holder_is_bounded_and_others_go_on(quota: SubscriptionQuota[str]) -> None:
    with quota.taken("x", TWO), quota.taken("y", TWO):
        with pytest.raises(CallerLimitReached), quota.taken("z", TWO):
            pass
        with quota.taken("z", {"caller:b": 2}):
            pass


def test_a_place_that_was_left_is_free_again(quota: SubscriptionQuota[str]) -> None:
    with quota.taken("x", TWO):
        with quota.taken("y", TWO):
            pass
        with quota.taken("z", TWO):
            pass


def test_the_same_thing_twice_takes_one_place_until_both_are_left(quota: SubscriptionQuota[str]) -> None:
    with ExitStack() as first, quota.taken("y", TWO):
        first.enter_context(quota.taken("x", TWO))
        with quota.taken("x", TWO):
            first.close()
            with pytest.raises(CallerLimitReached), quota.taken("z", TWO):
                pass
        with quota.taken("z", TWO):
            pass


def test_who_is_refused_by_one_bound_takes_no_place_by_another(quota: SubscriptionQuota[str]) -> None:
    with quota.taken("x", {"network:n": 1}):
        with pytest.raises(CallerLimitReached), quota.taken("y", {"caller:a": 1, "network:n": 1}):
            pass
        with quota.taken("z", {"caller:a": 1}):
            pass


def test_each_is_bounded_by_the_names_that_they_have_and_the_nameless_share_half() -> None:
    visitor = Caller(principal=Principal(kind=PrincipalKind.VISITOR, id="v1"), client="n")
    assert bounds_of(visitor, "n") == {"caller:visitor:v1": 20, "network:n": 100}
    assert bounds_of(visitor, None) == {"caller:visitor:v1": 20}
    assert bounds_of(None, "n") == {"network:n": 100}
    assert bounds_of(None, None) == {"nobody": 250}
