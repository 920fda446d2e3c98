"""The example tabs: valid against the public schema, and each fills in only what a tab to its left has found."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    coerce_input_value,
    parse,
    type_from_ast,
    validate,
)

from gateway.development.graphiql.examples import (
    EXAMPLES,
    OPERATORS_TITLES,
    TITLES,
    Example,
    load_examples,
    remembered,
)

ROOT = Path(__file__).parents[2]
TABS = load_examples() + load_examples(OPERATORS_TITLES)
BUILT_IN = {"inTwoDays", "inAWeek", "timeZone", "visitor", "idempotencyKey"}

tab_by_tab = pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.title)


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema/schema.graphql").read_text(encoding="utf-8"))


def operation_of(tab: Example) -> OperationDefinitionNode:
    (operation,) = parse(tab.query).definitions
    assert isinstance(operation, OperationDefinitionNode)
    return operation


def placeholders(tab: Example) -> set[str]:
    return set(re.findall(r"\{\{(\w+)\}\}", tab.variables + (tab.headers or "")))


def selected_paths(selections: SelectionSetNode | None) -> set[str]:
    """Each field that a document asks for, as the page's paths write it, without the stars of lists."""
    found: set[str] = set()
    for one in selections.selections if selections else ():
        if isinstance(one, FieldNode):
            name = one.alias.value if one.alias else one.name.value
            found |= {name} | {f"{name}.{rest}" for rest in selected_paths(one.selection_set)}
        elif isinstance(one, InlineFragmentNode):
            found |= selected_paths(one.selection_set)
    return found


def stand_in(value: Any) -> Any:
    """The variables with something in place of the placeholders that is good for an id and a date alike."""
    if isinstance(value, dict):
        return {key: stand_in(one) for key, one in value.items()}
    return "2026-12-01" if isinstance(value, str) and "{{" in value else value


@tab_by_tab
def test_a_document_is_valid_against_the_public_schema(tab: Example, schema: GraphQLSchema) -> None:
    assert validate(schema, parse(tab.query)) == []


@tab_by_tab
def test_variables_are_those_that_the_document_declares_and_fit_their_types(
    tab: Example, schema: GraphQLSchema
) -> None:
    given = stand_in(json.loads(tab.variables))
    declared = {one.variable.name.value: one for one in operation_of(tab).variable_definitions or ()}
    assert given.keys() == declared.keys()
    for name, value in given.items():
        kind = type_from_ast(schema, declared[name].type)
        assert kind is not None
        coerce_input_value(value, kind)  # type: ignore[arg-type]  # raises GraphQLError


@tab_by_tab
def test_a_tab_is_titled_as_its_one_operation(tab: Example) -> None:
    name = operation_of(tab).name
    assert name is not None
    assert name.value == tab.title


@tab_by_tab
def test_a_placeholder_is_filled_from_a_tab_further_left(tab: Example) -> None:
    before = set().union(
        *(selected_paths(operation_of(one).selection_set) for one in TABS[: TABS.index(tab)])
    )
    found = {name for name, path in remembered().items() if path.replace(".*", "") in before}
    assert placeholders(tab) <= found | BUILT_IN


def test_everything_that_is_remembered_is_used() -> None:
    assert remembered().keys() == set().union(*map(placeholders, TABS)) - BUILT_IN


def test_the_declined_card_comes_before_the_one_that_works() -> None:
    tokens = [
        (tab.title, token)
        for tab in TABS
        if (token := json.loads(tab.variables).get("input", {}).get("cardToken"))
    ]
    assert tokens == [("DeclineAndRetry", "tok_chargeCustomerFail"), ("ConfirmCheckout", "tok_visa")]


def test_no_file_lies_there_unused() -> None:
    wanted = {
        f"{title}{kind}" for title in TITLES + OPERATORS_TITLES for kind in (".graphql", ".variables.json")
    }
    wanted |= {f"{tab.title}.headers.json" for tab in TABS if tab.headers} | {"remembered.json"}
    assert {path.name for path in EXAMPLES.iterdir()} == wanted
