"""Everything that can go wrong along one journey, alone and in pairs, ends right."""

import itertools
from collections.abc import Iterable
from dataclasses import replace

import pytest

from booking.checkout.model import CheckoutState as S
from tests.simulation.campaign import Fault, collected, paired_faults, pairs, single_faults, with_faults
from tests.simulation.fate import Trouble
from tests.simulation.scenarios import DECLINED_WHEN_ATTACHED, DECLINED_WHEN_CHARGED, GOOD, canonical
from tests.simulation.schedule import Scenario

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
def test_every_third_pair_of_faults_of_the_canonical_journey_ends_right(part: int) -> None:
    """Each fault meets a third of the others; `python -m tests.simulation.run --everything` plays all pairs."""
    assert _wrong(itertools.islice(pairs(part, PARTS), part % 3, None, 3)) == {}


def _wrong(played: Iterable[tuple[Fault, Fault]]) -> dict[tuple[Fault, Fault], list[str]]:
    """The pairs that ended wrong, with what was wrong."""
    wrong = {}
    for pair in collected(played):
        if violations := with_faults(*pair).violations:
            wrong[pair] = violations
    return wrong


@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize("bad", [DECLINED_WHEN_CHARGED, DECLINED_WHEN_ATTACHED])
def test_every_fault_beside_a_decline_ends_right(bad: str, part: int) -> None:
    """The patient's first card is declined, and the second is good: what goes wrong does so at either attempt."""
    declined = Scenario(wishes=(lambda schedule: replace(canonical(schedule), cards=(bad, GOOD)),))
    wrong = {}
    for fault in collected(itertools.islice(paired_faults(declined), part, None, 2)):
        if violations := with_faults(fault, scenario=declined).violations:
            wrong[fault] = violations
    assert wrong == {}


@pytest.mark.parametrize("call", ["PatientsByEmail", "CreatePatient", "AttachCard"])
def test_an_answer_that_comes_past_the_holds_expiry_costs_nobody_money(call: str) -> None:
    """Confirmed with the last seconds of the hold: its patient gets the slot, or whoever took it in between."""
    slow = ((f"call {call}", 1), Trouble.SLOW)
    late = Scenario(wishes=(lambda schedule: replace(canonical(schedule), thinks=147.0),))
    rival = Scenario(
        wishes=(
            *late.wishes,
            lambda schedule: replace(canonical(schedule), number=2, arrives=303.0, thinks=1.0),
        )
    )
    alone, raced = with_faults(slow, scenario=late), with_faults(slow, scenario=rival)
    assert alone.violations == raced.violations == []
    assert [row.state for row in alone.checkouts] == [S.CONFIRMED]
    assert sorted(row.state for row in raced.checkouts) == [S.CONFIRMED, S.SLOT_LOST]
