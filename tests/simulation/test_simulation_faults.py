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


@pytest.mark.parametrize("part", range(PARTS))
def test_every_pair_of_faults_of_the_canonical_journey_ends_right(part: int) -> None:
    wrong = {}
    for pair in collected(pairs(part, PARTS)):
        if violations := with_faults(*pair).violations:
            wrong[pair] = violations
    assert wrong == {}
