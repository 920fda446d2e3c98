"""The checker is checked: with any one rule of the saga taken out, the same schedules are found wrong."""

import pytest

from tests.simulation.rule import Rule, hunt
from tests.simulation.rules import RULES


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_with_the_rule_in_place_its_schedules_end_right(rule: Rule) -> None:
    assert hunt(rule) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_without_the_rule_its_schedules_are_found_wrong(rule: Rule) -> None:
    """What would mend it is out too."""
    found = hunt(rule, rule.removal, *rule.guards.values())
    assert any(violation.startswith(rule.noticed_as) for violation in found), found


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.guarded], ids=lambda rule: rule.name)
def test_without_the_rule_the_guard_behind_it_is_enough(rule: Rule) -> None:
    assert hunt(rule, rule.removal) == []
