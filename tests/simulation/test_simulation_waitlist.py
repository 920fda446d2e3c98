"""The waitlist on virtual time: no time is offered to two, none is lost, in order, and not in quiet hours, whatever dies when."""

import os

import pytest

from tests.simulation.campaign import collected
from tests.simulation.waiting_removals import RULES, WaitingRule
from tests.simulation.waiting_schedule import by_seed

SCHEDULES = 8  # other ones: FIRST_SEED
CHUNK = 2

# Within so many schedules the absence of a rule shows; the first of them is known to show it.
HUNT = 12


@pytest.mark.parametrize("first", range(0, SCHEDULES, CHUNK))
def test_random_schedules_keep_the_rules(first: int) -> None:
    begin = int(os.environ.get("FIRST_SEED", "0")) + first
    wrong, offers = {}, 0
    for seed in collected(range(begin, begin + CHUNK)):
        result = by_seed(seed)
        offers += result.offers
        if result.violations:
            wrong[seed] = result.violations
    assert wrong == {}, "play one with tests.simulation.waiting_schedule.by_seed"
    assert offers > CHUNK


def test_one_seed_played_twice_leaves_the_same_trace() -> None:
    first, second = by_seed(3), by_seed(3)
    assert first.trace == second.trace
    assert first.troubles
    assert first.ends == second.ends


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_without_the_rule_the_witness_notices(rule: WaitingRule) -> None:
    with rule.removal():
        for seed in collected(range(rule.seed, rule.seed + HUNT)):
            if any(one.startswith(rule.noticed_as) for one in by_seed(seed).violations):
                return
    pytest.fail(f"{HUNT} schedules without {rule.name}, and nobody noticed")
