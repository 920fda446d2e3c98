"""Whatever is sent, the answer is a payload or a GraphQL error that was meant."""

from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.healthie_emulator.app import schema
from integrations.healthie_emulator.money import RESOLVERS
from integrations.healthie_emulator.webhooks import RESOLVERS as WEBHOOK_RESOLVERS

SCHEMA = schema()
MUTATIONS = sorted(
    name.removeprefix("Mutation.")
    for name in {**RESOLVERS, **WEBHOOK_RESOLVERS}
    if name.startswith("Mutation.")
)
QUERIES = sorted(
    name.removeprefix("Query.") for name in {**RESOLVERS, **WEBHOOK_RESOLVERS} if name.startswith("Query.")
)
DATES = st.sampled_from(
    ["2026-03-02", "2026-03-03T10:00:00Z", "0001-01-01", "9999-12-31T23:59:59Z", "2026-02-30", "soon", ""]
)
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["0", "-1", "10", "149.00", "1e9", "99999999", "NaN", "tok_visa", "https://example.com", "Paid"]
    ),
)


def anything(type_: GraphQLInputType, ids: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Values that the type lets through, and some that it does not."""
    if isinstance(type_, GraphQLNonNull):
        return anything(type_.of_type, ids)
    if isinstance(type_, GraphQLList):
        return st.none() | st.lists(anything(type_.of_type, ids), max_size=2)
    if isinstance(type_, GraphQLInputObjectType):
        fields = {name: anything(field.type, ids) for name, field in type_.fields.items()}
        return st.fixed_dictionaries({}, optional=fields)
    if isinstance(type_, GraphQLEnumType):
        return st.none() | st.sampled_from(list(type_.values))
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "ID": ids | st.integers(-1, 10**12) | TEXTS,
        "Int": st.integers(-3, 200),
        "Boolean": st.booleans(),
        "ISO8601DateTime": DATES,
        "JSON": st.dictionaries(st.text(max_size=3), st.integers(), max_size=2) | st.text(max_size=3),
    }
    return st.none() | kinds.get(type_.name, TEXTS)


def leaves(type_: Any, depth: int = 0) -> str:
    """Select all that a record has, two records deep."""
    named = get_named_type(type_)
    if not isinstance(named, GraphQLObjectType):
        return ""
    parts = []
    for name, field in named.fields.items():
        inner = get_named_type(field.type)
        if not isinstance(inner, GraphQLObjectType):
            parts.append(name)
        elif depth < 3 and inner.name not in {"User", "Appointment", "AppointmentType"}:
            parts.append(f"{name} {leaves(inner, depth + 1)}")
    return "{ " + " ".join(parts or ["__typename"]) + " }"


async def filled(practice: Any) -> list[str]:
    """Let something of every kind exist; give the ids."""
    await practice.attach()
    await practice.charge("99", offering_id=practice.monthly)
    await practice.charge("10", payment_due_date="2026-03-09")
    await practice.attach("tok_chargeCustomerFail", is_default=True)
    await practice.charge("20")
    await practice.ask(
        "mutation($input: createRequestedPaymentInput) { createRequestedPayment(input: $input) { messages { message } } }",
        input={
            "recipient_id": practice.patient.id,
            "price": "75",
            "invoice_type": "other",
            "services_provided": "A sample visit",
        },
    )
    await practice.ask(
        'mutation { createWebhook(input: {url: "https://example.com", event_type: TEST_CREATED}) { messages { message } } }'
    )
    world = practice.world
    tables = (
        world.users,
        world.cards,
        world.billing_items,
        world.requested_payments,
        world.recurring_payments,
        world.offerings,
        world.webhooks,
    )
    return [record.id for table in tables for record in table]


@pytest.mark.parametrize("name", MUTATIONS + QUERIES)
@settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
async def test_nothing_that_is_sent_makes_it_stumble(
    open_practice: Any, name: str, data: st.DataObject
) -> None:
    practice = open_practice()
    ids = st.sampled_from(await filled(practice))
    kind = "mutation" if name in MUTATIONS else "query"
    root = SCHEMA.mutation_type if kind == "mutation" else SCHEMA.query_type
    assert root is not None
    field = root.fields[name]
    args = {each: data.draw(anything(arg.type, ids), label=each) for each, arg in field.args.items()}
    declared = ", ".join(f"${each}: {arg.type}" for each, arg in field.args.items())
    passed = ", ".join(f"{each}: ${each}" for each in field.args)
    document = f"{kind}({declared}) {{ {name}({passed}) {leaves(field.type)} }}"
    by = data.draw(st.sampled_from([practice.clinician, practice.patient]), label="by")
    answer = await practice.raw(document, by=by, **args)
    for error in answer.errors or []:
        assert error.original_error is None or isinstance(error.original_error, GraphQLError), error
