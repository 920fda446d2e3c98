"""The limits of a document, as data: each with its name, its number, the message of its refusal, and why it is that number.

Clients read the name and the number from `extensions.limit` and `extensions.most`; docs/requests.md lists all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schema.errors import RequestError


@dataclass(frozen=True, kw_only=True)
class DocumentLimit:
    """One limit of a document."""

    name: str  # `extensions.limit` of the error; clients may depend on it
    most: int
    message: str


# Enough for 2,000 tokens and their indentation. The lexer costs by the character: 100,000 of them took 30 ms.
LENGTH = DocumentLimit(
    name="length",
    most=30_000,
    message="The document has more than {most} characters. Send values as variables.",
)

# Three times GraphiQL's introspection query, the longest document in real use.
TOKENS = DocumentLimit(
    name="tokens", most=2_000, message="The document has more than {most} words and signs."
)

# Coercion takes some microseconds a value: 90 ms for a list of 45,000 numbers. The longest list that the API accepts has 100.
VALUES = DocumentLimit(name="values", most=1_000, message="The variables hold more than {most} values.")

# Nested selection sets, inline fragments and spreads included. Bounds the recursion of the measuring itself.
NESTING = DocumentLimit(
    name="nesting", most=50, message="The document nests selections and fragments more than {most} deep."
)

# Introspection nests fields fifteen deep; the deepest answer of this schema is nine.
DEPTH = DocumentLimit(name="depth", most=15, message="The document asks for fields more than {most} deep.")

# Counted with every fragment spread out. A page of an app selects one or two hundred.
FIELDS = DocumentLimit(
    name="fields", most=500, message="The document asks for more than {most} fields, fragments spread out."
)
ALIASES = DocumentLimit(name="aliases", most=30, message="The document has more than {most} aliases.")
DIRECTIVES = DocumentLimit(
    name="directives", most=50, message="The document has more than {most} directives."
)

# Apps send one; an editor sends all that are in its tab.
OPERATIONS = DocumentLimit(
    name="operations", most=10, message="The document has more than {most} operations."
)

# A page of an app needs six or seven of them.
ROOT_FIELDS = DocumentLimit(
    name="rootFields", most=10, message="An operation asks for more than {most} fields at its root."
)

# Validation compares each pair of selections with the same response name: some 7 µs a pair.
OVERLAPS = DocumentLimit(
    name="overlaps",
    most=2_000,
    message="The document asks for the same fields again and again: more than {most} pairs to be compared.",
)

# The fields of the largest answer that the document can have, plus the weights of its upstream requests and database reads (`weights`).
COST = DocumentLimit(
    name="cost",
    most=20_000,
    message="The document could cost more than {most}. Ask for smaller pages, or for less at once.",
)


class TooMuch(RequestError):
    """The document exceeds a limit; nothing was executed."""

    code = "DOCUMENT_TOO_COMPLEX"

    def __init__(self, bound: DocumentLimit) -> None:
        super().__init__(bound.message.format(most=f"{bound.most:,}"))
        self.details: Mapping[str, Any] = {"limit": bound.name, "most": bound.most}


def check(bound: DocumentLimit, found: int) -> None:
    """Raise TooMuch when `found` exceeds the limit."""
    if found > bound.most:
        raise TooMuch(bound)


def check_values(variables: Mapping[str, Any]) -> None:
    """Count the values of all variables, those in lists and objects included, against VALUES. Raises TooMuch."""
    found = 0
    waiting: list[Any] = [variables]
    while waiting:
        one = waiting.pop()
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        found += len(inside)
        check(VALUES, found)
        waiting.extend(inside)
