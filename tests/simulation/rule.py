"""A rule of the saga: how it is taken out, where it is needed, and how its absence shows; and the hunt for that."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from booking.checkout.model import CheckoutState
from booking.checkout.states import STATES, State
from tests.simulation.fate import Trouble
from tests.simulation.plans import Point, Scripted
from tests.simulation.schedule import Scenario, Schedule

Removal = Callable[[], AbstractContextManager[object]]


def replaced(owner: Any, name: str, value: Any) -> Removal:
    """Something else stands in the place of what the owner has under this name."""
    return lambda: patch.object(owner, name, value)


def with_state(state: CheckoutState, **parts: Any) -> Removal:
    """The state's record has these parts instead of its own."""
    return lambda: patch.dict(STATES, {state: replace(STATES[state], **parts)})


def without_guard(name: str) -> Removal:
    """The guard of this name is asked at no state."""

    def without(record: State) -> State:
        early = {other: guard for other, guard in record.early.items() if other != name}
        guards = {other: guard for other, guard in record.guards.items() if other != name}
        return replace(record, early=early, guards=guards)

    return lambda: patch.dict(STATES, {state: without(record) for state, record in STATES.items()})


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: how it is taken out, with what stands behind it, and schedules in which it is needed."""

    name: str
    removal: Removal
    guards: Mapping[str, Removal]
    scenario: Scenario
    # Each of them alone meets the scenario; none: only the scenario.
    troubles: tuple[tuple[Point, Trouble], ...]
    noticed_as: str  # how a violation that shows it begins
    guarded: bool = False  # the guards alone keep these schedules right


def first(operation: str, *troubles: Trouble) -> tuple[tuple[Point, Trouble], ...]:
    """Each of these troubles with the first call of the operation."""
    return tuple(((f"call {operation}", 1), trouble) for trouble in troubles)


def second(operation: str, *troubles: Trouble) -> tuple[tuple[Point, Trouble], ...]:
    """Each of these troubles with the second call of the operation."""
    return tuple(((f"call {operation}", 2), trouble) for trouble in troubles)


def hunt(rule: Rule, *removals: Removal) -> list[str]:
    """Play the rule's schedules without what is removed, and answer what was noticed in each."""
    noticed: list[str] = []
    for fault in rule.troubles or (None,):
        with ExitStack() as removed:
            for removal in removals:
                removed.enter_context(removal())
            plan = Scripted(dict([fault]) if fault else {})
            noticed += Schedule(rule.scenario, plan).play().violations
    return noticed
