"""Bad input gets GraphQL errors, never a traceback: every root field is asked nonsense in every argument."""

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_leaf_type,
)

from integrations.healthie_emulator.scheduling.public import PUBLIC_FIELDS, PUBLIC_MUTATIONS
from integrations.healthie_emulator.schema import CONTRACT
from tests.plugins.emulator import CLINICIAN_1, OWNER, PATIENT_1, EmulatorClient

SCHEMA = build_schema(CONTRACT.read_text())

# What may stand in an argument of a type; ids and words of the seed besides, so that some requests get far.
NONSENSE: dict[str, list[Any]] = {
    "String": [
        *("", "\0", "💥" * 500, "-5", "1e999", "NaN", "../../etc/passwd", "0.005", "9" * 30, "200002,", ","),
        *("200003", "10.00", "2027-01-06 10:00", "2027-03-14", "10:00", "Healthie Video Call", "In Person"),
        *(
            "Cancelled",
            "Paid",
            "tok_visa",
            "America/Denver",
            "all",
            "https://example.invalid/",
            "http://[",
            "30",
        ),
    ],
    "ID": [
        *("", "\0", "-1", "9" * 30, 200006, "200001", "200002", "200007", "600002", "600004", "900003"),
        *("1200002", "1300001", "700001", "2000001", "k-1"),
        *("5000001", "5100002", "5800001", "5900001", "6100001", "6400001", "6500001", "6600001", "6700001"),
        *("6900001", "7000001", "7300001", "group-6900001", "user-200006", "billing_info"),
    ],
    "ISO8601DateTime": ["2027-01-06", "1900-01-01T00:00:00Z", "2200-12-31 23:59", "2027-03-14 02:30"],
    "ISO8601Date": ["2027-01-31", "2200-12-31"],
    "Boolean": [True, False],
    "Int": [-1, 0, 3],
    "JSON": ["", "[", 5, True, {"a": [None]}, [[[]]]],
    "Float": [-1.5, 0, 1e300],
    "UUID": ["", "00000000-0000-4000-8000-000000000000", "no uuid"],
    "ISO8601Duration": ["PT1H", "", "an hour"],
    "Upload": [None, None, None, "a file"],  # a text is refused before anything else is looked at
}
# What an argument of that name usually is, so that the nonsense beside it is reached.
SENSE: dict[str, Any] = {
    "user_id": "200006",
    "sender_id": "200006",
    "recipient_id": "200002",
    "other_party_id": "200002",
    "dietitian_id": "200002",
    "provider_id": "200002",
    "appointment_type_id": "600003",
    "appt_type_id": "600003",
    "offering_id": "900003",
    "stripe_customer_detail_id": "1300001",
    "id": "1200002",
    "contact_type": "Healthie Video Call",
    "appointment_location_id": "700001",
    "datetime": "2027-01-06 10:00",
    "start_date": "2027-01-06",
    "end_date": "2027-01-08",
    "timezone": "America/Denver",
    "token": "tok_visa",
    "amount_paid": "99.00",
    "price": "99.00",
    "email": "new.sample@example.com",
    "first_name": "New",
    "last_name": "Sample",
    "url": "https://example.invalid/",
    "should_charge": True,
    "custom_module_form_id": "5000001",
    "custom_module_id": "5100002",
    "conversation_id": "6400001",
    "onboarding_flow_id": "5800001",
    "onboarding_item_id": "5900001",
    "user_group_id": "6900001",
    "insurance_plan_id": "7000001",
    "taggable_user_id": "200006",
    "client_id": "200006",
    "name": "A sample name",
    "file_string": "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
}
# What `id` is where it is not that of a visit: by the type that a root answers.
IDS: dict[str, str] = {
    "CustomModuleForm": "5000001",
    "CustomModule": "5100002",
    "OnboardingFlow": "5800001",
    "OnboardingItem": "5900001",
    "Document": "6100001",
    "Conversation": "6400001",
    "ConversationMembership": "6500001",
    "Note": "6600001",
    "Tag": "6700001",
    "UserGroup": "6900001",
    "InsurancePlan": "7000001",
    "AcceptedInsurancePlan": "7100001",
    "EligibilityCheck": "7300001",
    "Policy": "7300001",
}
USUAL = 0.85

ROUNDS = 8
SELECTED = 12  # fields of a type, in each round others
ABSENT = 0.35  # of the arguments, so that combinations vary


def nonsense(type_: GraphQLInputType, dice: random.Random, depth: int = 0) -> Any:
    """Build a value of a type out of nonsense."""
    if isinstance(type_, GraphQLNonNull):
        return nonsense(type_.of_type, dice, depth)
    if isinstance(type_, GraphQLList):
        inner = nonsense(type_.of_type, dice, depth)
        return [inner] if isinstance(type_.of_type, GraphQLNonNull) else [inner, None]
    if isinstance(type_, GraphQLEnumType):
        return dice.choice(sorted(type_.values))
    if isinstance(type_, GraphQLInputObjectType):
        return arguments(type_.fields, dice, depth + 1)
    return dice.choice(NONSENSE[type_.name])


def arguments(fields: Mapping[str, Any], dice: random.Random, depth: int = 0) -> dict[str, Any]:
    """Build arguments or an input object; what is not required is often left out, sometimes null."""
    made: dict[str, Any] = {}
    for name, field in fields.items():
        required = isinstance(field.type, GraphQLNonNull) or name == "input"
        if name in SENSE and dice.random() < USUAL:
            made[name] = SENSE[name]
        elif required or dice.random() >= ABSENT:
            made[name] = nonsense(field.type, dice, depth) if required or dice.random() < 0.95 else None
    return made


def id_of_record(type_: Any) -> str | None:
    """Return the id of a seeded record of the type that a root answers, directly, in a page or in a payload."""
    named = get_named_type(type_)
    fields = named.fields.values() if isinstance(named, GraphQLObjectType) else ()
    kinds = (named.name, *(get_named_type(field.type).name for field in fields))
    return next((IDS[kind] for kind in kinds if kind in IDS), None)


def selection(type_: Any, dice: random.Random, depth: int = 0) -> str:
    """Select a handful of what a type has, and of what is plain in the types below; wrappers whole, and not counted."""
    named = get_named_type(type_)
    if not isinstance(named, GraphQLObjectType):
        return ""
    wrapper = named.name.endswith(("Connection", "Edge", "Payload"))
    able = [
        (name, field)
        for name, field in named.fields.items()
        if name != "edges"
        and (is_leaf_type(get_named_type(field.type)) or depth < 1)
        and not any(isinstance(each.type, GraphQLNonNull) for each in field.args.values())
    ]
    some = able if wrapper else dice.sample(able, min(len(able), SELECTED))
    below = depth if wrapper else depth + 1
    fields = " ".join(f"{name} {selection(field.type, dice, below)}" for name, field in some)
    return f"{{ __typename {fields} }}"


def root_fields() -> Iterator[tuple[str, str]]:
    assert SCHEMA.query_type
    assert SCHEMA.mutation_type
    for word, type_ in (("query", SCHEMA.query_type), ("mutation", SCHEMA.mutation_type)):
        yield from ((word, name) for name in type_.fields)


@pytest.mark.parametrize(("word", "name"), list(root_fields()), ids=lambda text: text)
async def test_nonsense_is_answered_with_errors_and_never_with_a_fault_of_ours(
    emulator: EmulatorClient, word: str, name: str
) -> None:
    type_ = SCHEMA.query_type if word == "query" else SCHEMA.mutation_type
    assert type_
    field = type_.fields[name]
    declared = ", ".join(f"${arg}: {each.type}" for arg, each in field.args.items())
    passed = ", ".join(f"{arg}: ${arg}" for arg in field.args)
    asked = f"{word} N{f'({declared})' if declared else ''} {{ {name}{f'({passed})' if passed else ''}"
    paging = {"first": 2, "last": None, "after": None, "before": None}
    dice, record_id = random.Random(name), id_of_record(field.type)
    visitor = [None] if name in PUBLIC_FIELDS | PUBLIC_MUTATIONS else []
    for _ in range(ROUNDS):
        document = f"{asked} {selection(field.type, dice)} }}"
        variables = arguments(field.args, dice) | (paging if "first" in field.args else {})
        named = variables.get("input") or variables
        if record_id and "id" in named and dice.random() < USUAL:
            named["id"] = record_id
        answer = await emulator.send(
            document, key=dice.choice([OWNER, CLINICIAN_1, PATIENT_1, *visitor]), **variables
        )
        assert answer.status_code == 200
        codes = [error.get("extensions", {}).get("code") for error in answer.json().get("errors", ())]
        assert "INTERNAL_SERVER_ERROR" not in codes, (variables, answer.text)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"query"',
        b"\xff\xfe",
        b'{"query": 5}',
        b'{"query": "{ currentUser { id } }", "variables": []}',
        b'{"query": "{ currentUser { id } }", "variables": {"a": NaN}}',
        b'{"query": "{ currentUser { id } }", "variables": {"a": 1e999}}',
        b'{"query": "{ currentUser { id } }", "variables": {"a": "\\ud800"}}',
        b'{"query": "{ currentUser { id } }", "operationName": "Other"}',
        b'{"query": "query A { __typename } query B { __typename }"}',
        b'{"query": "fragment F on Query { __typename }"}',
        b'{"query": "{ currentUser { id "}',
        b"[" * 100_000,
        json.dumps({"query": "{" * 9_000}).encode(),
        json.dumps({"query": "{ a" * 3_000 + " }" * 3_000}).encode(),
        json.dumps({"query": " " * 1_000_001}).encode(),
    ],
    ids=range(19),
)
async def test_a_body_that_is_no_request_is_answered_400_in_the_shape_of_graphql(
    emulator: EmulatorClient, body: bytes
) -> None:
    answer = await emulator.client.post("/graphql", content=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]


async def test_a_get_is_answered_in_the_shape_of_graphql(emulator: EmulatorClient) -> None:
    answer = await emulator.client.get("/graphql")
    assert (answer.status_code, list(answer.json())) == (400, ["errors"])


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{ nobody }", "Cannot query field 'nobody'"),
        ("{ user(id: {}) { id } }", "ID cannot represent"),
        ('{ appointments(startDate: "soon") { total_count } }', "as a date and time"),
        ("{ appointments(startDate: 5) { total_count } }", "must be a string"),
        ("{ user { ...A } } fragment A on User { dietitian { ...A } }", "Cannot spread fragment"),
        (
            "mutation { createAppointment(input: {metadata: 1e999}) { messages { message } } }",
            "no such number",
        ),
        ('{ users(after: "no cursor") { total_count } }', "Invalid cursor"),
    ],
)
async def test_a_document_that_is_wrong_is_told_why(
    emulator: EmulatorClient, document: str, says: str
) -> None:
    answer = await emulator.send(document)
    assert answer.status_code == 200
    assert says in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("given", ["", "(input: null)"])
async def test_a_mutation_without_the_input_that_it_needs_says_what_is_missing(
    emulator: EmulatorClient, given: str
) -> None:
    (error,) = await emulator.errors(
        f"mutation {{ deleteRequestedPayment{given} {{ messages {{ message }} }} }}"
    )
    assert error["message"] == "deleteRequestedPayment needs an input with id"


async def test_a_request_may_cost_2000_and_a_page_costs_its_size_for_each_field(
    emulator: EmulatorClient,
) -> None:
    def pages(count: int, first: str) -> str:
        return "{" + " ".join(f"a{n}: users{first} {{ nodes {{ id }} }}" for n in range(count)) + "}"

    assert "complexity of 2040, which exceeds" in (await emulator.errors(pages(20, "")))[0]["message"]
    await emulator.ask(pages(19, ""))
    await emulator.ask(pages(30, "(first: 5)"))
    variable = "query P($n: Int) { users(first: $n) { nodes { id } } }"
    assert "exceeds max complexity" in (await emulator.errors(variable, n=2000))[0]["message"]


async def test_a_request_may_be_25_deep(emulator: EmulatorClient) -> None:
    def nested(depth: int) -> str:
        return "{ currentUser " + "{ dietitian " * (depth - 2) + "{ id }" + " }" * (depth - 1)

    await emulator.ask(nested(25))
    assert "depth of 26, which exceeds" in (await emulator.errors(nested(26)))[0]["message"]


async def test_fragments_that_multiply_are_counted_without_being_unfolded(emulator: EmulatorClient) -> None:
    fragments = " ".join(
        f"fragment F{n} on User {{ a: dietitian {{ ...F{n + 1} }} b: dietitian {{ ...F{n + 1} }} }}"
        for n in range(20)
    )
    document = f"{{ currentUser {{ ...F0 }} }} {fragments} fragment F20 on User {{ id }}"
    assert "exceeds max complexity" in (await emulator.errors(document))[0]["message"]
