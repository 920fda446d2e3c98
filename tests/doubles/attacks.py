"""Documents and variables that cost their sender nothing and would cost the gateway much."""

import json
from typing import Any

from tests.doubles.limits_samples import fan_out

SLOTS = 'slots(filter: {visitTypeId: "v-priced", timeZone: "UTC"}, from: "2026-06-02", until: "2026-06-03") { date }'
PAGE = "query ($n: Int!) { me { appointments(first: $n) { nodes { id } } } }"
DAYS = 'query ($f: SlotFilter!) { availableDays(filter: $f, month: "2026-06-01") }'


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


# By name: the document, its variables, and the HTTP status and error code that refuse it.
ATTACKS: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "aliases": (
        "{ me { " + " ".join(f"a{n}: id" for n in range(100)) + "} }",
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "aliases of what is asked upstream": (
        "{" + " ".join(f"a{n}: {SLOTS}" for n in range(3)) + "}",
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "fragments in a cycle": (
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        {},
        200,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "a fragment in itself": (
        "{ me { ...A } } fragment A on Me { appointments { nodes { clinician { ...A } } } ...A }",
        {},
        200,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "a fan-out of 2^22": (fan_out(22, SLOTS), {}, 400, "DOCUMENT_TOO_COMPLEX"),
    "a fan-out of 2^22 under one name": (fan_out(22, "me { id }"), {}, 400, "DOCUMENT_TOO_COMPLEX"),
    "1,000 overlapping inline fragments": (
        "{" + "... on Query { me { id } } " * 1000 + "}",
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "overlapping inline fragments within the tokens": (
        "{ me { " + "... on Me { appointments { totalCount } } " * 200 + "} }",
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "lists in lists": (
        (
            "{ a: plans(first: 100) { ...C } b: plans(first: 100) { ...C } "
            "c: plans(first: 100) { ...C } d: plans(first: 100) { ...C } } "
            "fragment C on PlanConnection { nodes { ...P } edges { node { ...P } } }"
            "fragment P on Plan { id name price { amount } dueToday { amount } "
            "visits { visitType { name contactTypes price { amount } } } }"
        ),
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "a flood of directives": (
        "{ me { id " + "@include(if: true) " * 200 + "} }",
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "a flood of unknown directives": ("{ me { id " + "@x " * 900 + "} }", {}, 400, "DOCUMENT_TOO_COMPLEX"),
    "the same field again and again": (
        "{" + "me { id } " * 9_000 + "}",
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "a deep document": ("{" + "me {" * 2_000 + "id" + "}" * 2_001, {}, 400, "DOCUMENT_TOO_COMPLEX"),
    "a deep variable": (
        DAYS,
        {"f": {"visitTypeId": "v", "timeZone": "UTC", "clinicianIds": deep(400)}},
        200,
        "BAD_USER_INPUT",
    ),
    "a deep object": (
        DAYS,
        {"f": {"visitTypeId": "v", "timeZone": "UTC", "state": json.loads('{"a":' * 400 + "1" + "}" * 400)}},
        200,
        "BAD_USER_INPUT",
    ),
    "30,000 numbers in a variable": (
        DAYS,
        {"f": {"visitTypeId": "v", "timeZone": "UTC", "clinicianIds": [1] * 30_000}},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "24,000 objects in a variable": (
        DAYS,
        {"f": {"visitTypeId": "v", "timeZone": "UTC", "clinicianIds": [{}] * 24_000}},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "a key of 90 kB that reads like errors": (
        DAYS,
        {"f": {"visitTypeId": "v", "timeZone": "UTC", "Value '" * 13_000: 1}},
        200,
        "BAD_USER_INPUT",
    ),
    "a huge page": (PAGE, {"n": 1_000_000}, 200, "BAD_USER_INPUT"),
    "a negative page": (PAGE, {"n": -1}, 200, "BAD_USER_INPUT"),
    "a huge page in the document": (
        "{ me { appointments(first: 101) { totalCount } } }",
        {},
        200,
        "BAD_USER_INPUT",
    ),
    "a number beyond 32 bits": (PAGE, {"n": 2**31}, 200, "BAD_USER_INPUT"),
    "a number beyond 64 bits": (PAGE, {"n": 2**64}, 200, "BAD_USER_INPUT"),
    "a number beyond 32 bits in the document": (
        f"{{ plans(first: {2**31}) {{ totalCount }} }}",
        {},
        200,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "a number of 5,000 digits in the document": (
        f"{{ plans(first: {'9' * 5_000}) {{ totalCount }} }}",
        {},
        200,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "many operations": (
        " ".join(f"query Q{n} {{ me {{ id }} }}" for n in range(200)),
        {},
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    "several operations, none of them named": (
        "query A { me { id } } query B { me { id } }",
        {},
        400,
        "OPERATION_NAME_REQUIRED",
    ),
    "many comments": ("#\n" * 30_000 + "{ me { id } }", {}, 400, "DOCUMENT_TOO_COMPLEX"),
    "introspection": ('{ __type(name: "Query") { name } }', {}, 200, "GRAPHQL_VALIDATION_FAILED"),
}
