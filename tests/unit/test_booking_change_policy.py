"""A policy that contradicts itself is none."""

from datetime import timedelta

import pytest

from booking.changes.policy import ChangePolicy, RefundTier

HOUR = timedelta(hours=1)


def tiers(*pairs: tuple[int, int]) -> tuple[RefundTier, ...]:
    return tuple(RefundTier(notice=hours * HOUR, percent=percent) for hours, percent in pairs)


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        ([(24, 50), (48, 100)], "longest first"),
        ([(24, 50), (24, 40)], "same notice"),
        ([(48, 50), (24, 50)], "gives back less"),
        ([(48, 50), (24, 60)], "gives back less"),
    ],
)
def test_tiers_fall_in_notice_and_in_percent(pairs: list[tuple[int, int]], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ChangePolicy(refunds=tiers(*pairs))


@pytest.mark.parametrize(("hours", "percent"), [(-1, 50), (1, -1), (1, 101)])
def test_a_tier_is_a_share_with_a_notice(hours: int, percent: int) -> None:
    with pytest.raises(ValueError, match=r"notice|percent"):
        tiers((hours, percent))


def test_a_fee_needs_a_notice_from_which_on_it_is_due() -> None:
    with pytest.raises(ValueError, match="needs the notice"):
        ChangePolicy(charge_late_fee=True)
    assert ChangePolicy(charge_late_fee=True, late_notice=HOUR).late_notice == HOUR


@pytest.mark.parametrize("hours", [0, -1])
def test_a_late_cancellation_has_a_notice(hours: int) -> None:
    with pytest.raises(ValueError, match="no time"):
        ChangePolicy(late_notice=hours * HOUR)


def test_a_visit_is_not_moved_less_than_never() -> None:
    assert ChangePolicy(most_reschedules=0).most_reschedules == 0
    with pytest.raises(ValueError, match="never"):
        ChangePolicy(most_reschedules=-1)
