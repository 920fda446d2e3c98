"""Everything that can go wrong along one journey, alone and in pairs, ends right."""

import itertools

import pytest

from tests.simulation.campaign import collected, pairs, single_faults, with_faults

# Enough to be spread over workers evenly, few enough that each is worth its while.
PARTS = 16


@pytest.mark.parametrize("part", range(PARTS))
def test_every_single_fault_of_the_canonical_journey_ends_right(part: int) -> None:
    wrong = {}
    for fault in collected(itertools.islice(single_faults(), part, None, PARTS)):
        if violations := with_faults(fault).violations:
            wrong[fault] = violations
    assert wrong == {}


# Every other part of the pairs is in `make test`, all of them in `make processes`: together they take six minutes of one core.
@pytest.mark.parametrize(
    "part", [pytest.param(part, marks=pytest.mark.full if part % 2 else ()) for part in range(PARTS)]
)
def test_every_pair_of_faults_of_the_canonical_journey_ends_right(part: int) -> None:
    wrong = {}
    for pair in collected(pairs(part, PARTS)):
        if violations := with_faults(*pair).violations:
            wrong[pair] = violations
    assert wrong == {}
