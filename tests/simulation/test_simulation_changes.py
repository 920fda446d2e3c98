"""Visits are cancelled and moved by patients and by the practice at once, under every fault: alone, at random, without each rule."""

import itertools
from collections.abc import Iterable

import pytest

from booking.changes.model import ChangeState
from booking.checkout.model import CheckoutState
from tests.simulation.campaign import Fault, collected, points, with_changes, with_faults
from tests.simulation.change_rules import CHANGE_RULES
from tests.simulation.change_scenarios import (
    CANCELLING,
    MOVING,
    MOVING_ELSEWHERE,
    WITH_FEE,
    cancelling,
    ending,
    moving,
    with_rival,
)
from tests.simulation.plans import CHANGES, Scripted, troubles_of
from tests.simulation.practice_changes import ACTS, practice_answers
from tests.simulation.rule import Rule, hunt
from tests.simulation.schedule import Scenario, Schedule

RANDOM = 60  # more: python -m tests.simulation.run --changes
CHUNK = 20

JOURNEYS = {
    "cancelling": CANCELLING,
    "cancelling for a fee": cancelling(WITH_FEE),
    "moving": MOVING,
    "moving to another clinician": MOVING_ELSEWHERE,
    "ending a membership": ending(),
}
RACES = {
    "cancelling while somebody waits for the time": with_rival(CANCELLING),
    "moving while somebody waits for the time": with_rival(MOVING),
}

ALL = JOURNEYS | RACES

# Of all the faults of a journey: those of one part are played by `make test`, the others with the full matrices.
PARTS = 12


def faults_of(scenario: Scenario) -> list[Fault]:
    """Everything that can go wrong from the patient's booking on."""
    passed = points(scenario)
    since = passed[[point for point, _ in passed].index("call Book") + 1 :]
    return [(point, trouble) for point in since for trouble in troubles_of(point[0])]


def _changes(fault: Fault) -> bool:
    (point, _), _ = fault
    return point.partition(" ")[2] in CHANGES


def _wrong(faults: Iterable[Fault], journey: str) -> dict[Fault, list[str]]:
    """The faults with which the journey ended wrong, with what was wrong."""
    scenario = ALL[journey]
    played = ((fault, with_faults(fault, scenario=scenario).violations) for fault in collected(faults))
    return {fault: violations for fault, violations in played if violations}


@pytest.mark.parametrize("journey", JOURNEYS)
def test_a_fault_of_any_request_that_changes_something_ends_right(journey: str) -> None:
    assert _wrong(filter(_changes, faults_of(JOURNEYS[journey])), journey) == {}


@pytest.mark.parametrize(
    "part", [0, *(pytest.param(part, marks=pytest.mark.full) for part in range(1, PARTS))]
)
@pytest.mark.parametrize("journey", ALL)
def test_a_fault_of_anything_ends_right(journey: str, part: int) -> None:
    """Changes, reads, commits, holds and clocks, from the booking on; another patient's checkout too."""
    assert _wrong(itertools.islice(faults_of(ALL[journey]), part, None, PARTS), journey) == {}


@pytest.mark.parametrize("journey", ALL)
def test_the_journey_ends_as_its_patients_wished(journey: str) -> None:
    """What is judged at all: a journey that changed nothing would end right whatever the rules."""
    result = with_faults(scenario=ALL[journey])
    assert result.violations == []
    assert [change.state for change in result.changes] == [ChangeState.DONE]
    assert [row.state for row in result.checkouts] == [CheckoutState.CONFIRMED] * len(result.checkouts)
    assert len(result.checkouts) == len(ALL[journey].wishes)


@pytest.mark.parametrize("act", sorted(ACTS))
def test_the_practice_changes_the_visit_while_its_patient_does(act: str) -> None:
    """Right when the request of the patient's change is sent, and when it was executed."""
    wrong = {}
    for operation, executed in itertools.product(("CancelVisit", "MoveVisit"), (False, True)):
        events = (practice_answers(operation, act, executed=executed),)
        scenario = cancelling(events=events) if operation == "CancelVisit" else moving(events=events)
        if violations := Schedule(scenario, Scripted({})).play().violations:
            wrong[operation, executed] = violations
    assert wrong == {}


@pytest.mark.parametrize("first", range(0, RANDOM, CHUNK))
def test_random_changes_end_right(first: int) -> None:
    wrong = {}
    for seed in collected(range(first, first + CHUNK)):
        if violations := with_changes(seed).violations:
            wrong[seed] = violations
    assert wrong == {}, "replay one with: python -m tests.simulation.run --changes --seed … --trace"


def test_one_seed_with_changes_played_twice_leaves_the_same_trace() -> None:
    first, second = with_changes(3), with_changes(3)
    assert first.trace == second.trace
    assert first.changes == second.changes


@pytest.mark.parametrize("rule", CHANGE_RULES, ids=lambda rule: rule.name)
def test_with_the_rule_in_place_its_changes_end_right(rule: Rule) -> None:
    assert hunt(rule) == []


@pytest.mark.parametrize("rule", CHANGE_RULES, ids=lambda rule: rule.name)
def test_without_the_rule_its_changes_are_found_wrong(rule: Rule) -> None:
    found = hunt(rule, rule.removal, *rule.guards.values())
    assert any(violation.startswith(rule.noticed_as) for violation in found), found


@pytest.mark.parametrize("rule", [rule for rule in CHANGE_RULES if rule.guarded], ids=lambda rule: rule.name)
def test_without_the_rule_the_guard_behind_it_keeps_changes_right(rule: Rule) -> None:
    assert hunt(rule, rule.removal) == []
