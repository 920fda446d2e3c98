"""How much one document may be, and how it is told that it is too much."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schema.errors import RequestError


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The most of something."""

    name: str  # in `extensions.limit`: programs may depend on it
    most: int
    message: str


# What 2,000 words and signs take, and their indentation. Reading is by the character: 100,000 of them took 30 ms.
LENGTH = Bound(
    name="length",
    most=30_000,
    message="The document has more than {most} characters. Send values as variables.",
)

# Three times GraphiQL's introspection, the longest document that anybody sends.
TOKENS = Bound(name="tokens", most=2_000, message="The document has more than {most} words and signs.")

# Coercion takes some microseconds a value: a list of 45,000 numbers took it 90 ms. The longest list that is answered has 100.
VALUES = Bound(name="values", most=1_000, message="The variables hold more than {most} values.")

# Selection sets in one another, inline fragments and spreads included: what the measuring itself may recurse.
NESTING = Bound(
    name="nesting", most=50, message="The document nests selections and fragments more than {most} deep."
)

# Introspection asks for fields fifteen deep; our own deepest answer is nine.
DEPTH = Bound(name="depth", most=15, message="The document asks for fields more than {most} deep.")

# With every fragment counted wherever it is spread. A page of an app asks for one or two hundred.
FIELDS = Bound(
    name="fields", most=500, message="The document asks for more than {most} fields, fragments spread out."
)
ALIASES = Bound(name="aliases", most=30, message="The document has more than {most} aliases.")
DIRECTIVES = Bound(name="directives", most=50, message="The document has more than {most} directives.")

# Apps send one; an editor may send the others that stand in the same tab.
OPERATIONS = Bound(name="operations", most=10, message="The document has more than {most} operations.")

# A page of an app needs six or seven of them.
ROOT_FIELDS = Bound(
    name="rootFields", most=10, message="An operation asks for more than {most} fields at its root."
)

# Validation compares each pair of selections that stand for the same name in the answer: some 7 µs a pair.
OVERLAPS = Bound(
    name="overlaps",
    most=2_000,
    message="The document asks for the same fields again and again: more than {most} pairs to be compared.",
)

# As many fields in the largest answer that the document can have, and for what is asked upstream as in `weights`.
COST = Bound(
    name="cost",
    most=20_000,
    message="The document could cost more than {most}. Ask for smaller pages, or for less at once.",
)


class TooMuch(RequestError):
    """A document beyond a bound; nothing of it was executed."""

    code = "DOCUMENT_TOO_COMPLEX"

    def __init__(self, bound: Bound) -> None:
        super().__init__(bound.message.format(most=f"{bound.most:,}"))
        self.details: Mapping[str, Any] = {"limit": bound.name, "most": bound.most}


def check(bound: Bound, found: int) -> None:
    """Raise TooMuch when it is found more than the most."""
    if found > bound.most:
        raise TooMuch(bound)


def check_values(variables: Mapping[str, Any]) -> None:
    """Hold their values against the bound, those in lists and objects included. Raises TooMuch."""
    found = 0
    waiting: list[Any] = [variables]
    while waiting:
        one = waiting.pop()
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        found += len(inside)
        check(VALUES, found)
        waiting.extend(inside)
