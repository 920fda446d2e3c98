"""Names and types of the contract are facts: each stands in Healthie's public schema, when that is at hand."""

import os
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    Undefined,
    build_schema,
    is_specified_scalar_type,
    print_ast,
)

from integrations.healthie.contract import contract_schema, operations
from integrations.healthie.drift import coordinates
from integrations.healthie_emulator.schema import CONTRACT

ROOT = Path(__file__).parents[2]
PUBLIC_SCHEMA = Path(
    os.environ.get("FRONTDOOR_TEST_HEALTHIE_SCHEMA")
    or ROOT.parent / "shared" / "healthie" / "schema-2026-01-01.graphql"
)

ROOT_TYPES = frozenset({"Query", "Mutation"})  # the public text leaves out the defaults of their arguments


def differences(contract: GraphQLSchema, public: GraphQLSchema) -> list[str]:
    """List what stands in the contract and not, or not so, in the public schema."""
    found: list[str] = []
    for name, ours in contract.type_map.items():
        theirs = public.type_map.get(name)
        if name.startswith("__") or is_specified_scalar_type(ours):
            continue
        if type(theirs) is not type(ours):
            found.append(f"{name} is no such type")
        elif isinstance(ours, GraphQLEnumType) and isinstance(theirs, GraphQLEnumType):
            found += [f"{name}.{value} is unknown" for value in ours.values if value not in theirs.values]
        elif isinstance(ours, GraphQLObjectType) and isinstance(theirs, GraphQLObjectType):
            found += _fields(name, ours.fields, theirs.fields)
            for field in ours.fields.keys() & theirs.fields.keys():
                place, args = f"{name}.{field}", theirs.fields[field].args
                found += _fields(place, ours.fields[field].args, args, defaults=name not in ROOT_TYPES)
        elif isinstance(ours, GraphQLInputObjectType) and isinstance(theirs, GraphQLInputObjectType):
            found += _fields(name, ours.fields, theirs.fields, defaults=True)
        elif not isinstance(ours, GraphQLScalarType):
            found.append(f"{name} is of a kind that is not compared")
    return found


def _fields(place: str, ours: Any, theirs: Any, *, defaults: bool = False) -> list[str]:
    found = []
    for name, field in ours.items():
        if name not in theirs:
            found.append(f"{place}.{name} is unknown")
        elif str(field.type) != str(theirs[name].type):
            found.append(f"{place}.{name}: {field.type} is {theirs[name].type}")
        elif defaults and _default(field) != _default(theirs[name]):
            found.append(f"{place}.{name} = {_default(field)} is {_default(theirs[name])}")
    required = (name for name, field in theirs.items() if _is_required(field) and name not in ours)
    return found + [f"{place}.{name} is required and missing" for name in required]


def _is_required(field: Any) -> bool:
    is_input = isinstance(field, GraphQLArgument | GraphQLInputField)
    return is_input and str(field.type).endswith("!") and _default(field) is None


def _default(field: Any) -> str | None:
    node = field.ast_node.default_value if field.ast_node else None
    if node is not None:
        return print_ast(node)
    return None if getattr(field, "default_value", Undefined) is Undefined else repr(field.default_value)


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return build_schema(CONTRACT.read_text())


def test_every_type_field_argument_and_value_of_the_contract_stands_in_the_public_schema(
    contract: GraphQLSchema,
) -> None:
    if not PUBLIC_SCHEMA.is_file():
        pytest.skip("public schema absent: set FRONTDOOR_TEST_HEALTHIE_SCHEMA to its file to compare")
    assert differences(contract, build_schema(PUBLIC_SCHEMA.read_text())) == []


def test_no_operation_uses_what_the_public_schema_marks_as_deprecated() -> None:
    if not PUBLIC_SCHEMA.is_file():
        pytest.skip("public schema absent: set FRONTDOOR_TEST_HEALTHIE_SCHEMA to its file to compare")
    deprecated = _deprecated(build_schema(PUBLIC_SCHEMA.read_text()))

    assert {"BillingItem.invoice_id", "RequestedPayment.debt"} <= deprecated
    assert deprecated & set(coordinates(contract_schema(), operations())) == set()


def _deprecated(schema: GraphQLSchema) -> set[str]:
    """The coordinates of deprecated fields, input fields and arguments."""
    found = set()
    for name, kind in schema.type_map.items():
        for field_name, field in getattr(kind, "fields", {}).items():
            if field.deprecation_reason is not None:
                found.add(f"{name}.{field_name}")
            found |= {
                f"{name}.{field_name}({argument}:)"
                for argument, each in getattr(field, "args", {}).items()
                if each.deprecation_reason is not None
            }
    return found


def test_the_contract_stands_in_itself(contract: GraphQLSchema) -> None:
    assert differences(contract, build_schema(CONTRACT.read_text())) == []


@pytest.mark.parametrize(
    ("text", "other", "difference"),
    [
        ("date: ISO8601DateTime\n", "date: String\n", "Appointment.date: ISO8601DateTime is String"),
        ("  is_group: Boolean\n", "", "Appointment.is_group is unknown"),
        (
            "  event_type: WebhookEventType!\n",
            "  event_type: WebhookEventType\n",
            "WebhookEventInput.event_type",
        ),
        ("enforce_availability: Boolean = false", "enforce_availability: Boolean = true", "= false is true"),
        ("  FAILED\n", "", "BillingItemState.FAILED is unknown"),
        (
            "user(clear_notifs: Boolean, email: String, ",
            "user(clear_notifs: Boolean, ",
            "Query.user.email is unknown",
        ),
        ("currentUser: User", "currentUser: User!", "Query.currentUser: User is User!"),
        (
            "input expireWebhookSignatureInput {\n",
            "input expireWebhookSignatureInput {\n  why: ID!\n",
            "required",
        ),
        ("type PageInfo {", "interface PageInfo {", "PageInfo is no such type"),
    ],
)
def test_a_public_schema_that_differs_is_noticed(
    contract: GraphQLSchema, text: str, other: str, difference: str
) -> None:
    changed = CONTRACT.read_text().replace(text, other)
    assert changed != CONTRACT.read_text()
    assert any(difference in each for each in differences(contract, build_schema(changed)))
