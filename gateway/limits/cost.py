"""The cost of an operation, as a formula: summed once per document, evaluated with the variables of each request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, GraphQLInt

from booking.errors import InvalidInput
from schema.catalog import LARGEST_PAGE


@dataclass(frozen=True, kw_only=True)
class Size:
    """The length of a page: a number, or the value of a variable."""

    argument: str
    number: int | None = None  # a literal or default; None: only the variable says
    variable: str | None = None

    def at(self, variables: Mapping[str, Any]) -> int:
        """The length for these variables. Raises InvalidInput unless it is 0 to LARGEST_PAGE."""
        size = self.number
        if self.variable is not None and self.variable in variables:
            try:
                size = GraphQLInt.parse_value(variables[self.variable])
            except GraphQLError:
                size = None
        if size is None:
            return 0  # not an Int: coercion refuses it next, with a message of its own
        if not 0 <= size <= LARGEST_PAGE:
            raise InvalidInput(field=self.argument, reason=f"Ask for 0 to {LARGEST_PAGE} at once.")
        return size


@dataclass(frozen=True, kw_only=True)
class Cost:
    """A fixed part, and for each page its size and the cost of one item."""

    fixed: int = 0
    pages: tuple[tuple[Size, "Cost"], ...] = ()

    def __add__(self, other: "Cost") -> "Cost":
        if not other.fixed and not other.pages:
            return self
        return Cost(fixed=self.fixed + other.fixed, pages=self.pages + other.pages)

    def times(self, number: int) -> "Cost":
        """The cost of `number` times as much."""
        return Cost(
            fixed=self.fixed * number, pages=tuple((size, each.times(number)) for size, each in self.pages)
        )

    def variables(self) -> set[str]:
        """The names of the variables that it depends on."""
        own = {size.variable for size, _ in self.pages if size.variable is not None}
        return own.union(*(each.variables() for _, each in self.pages))

    def at(self, variables: Mapping[str, Any]) -> int:
        """The cost with these variables. Raises InvalidInput for a page size that is not allowed."""
        return self.fixed + sum(size.at(variables) * each.at(variables) for size, each in self.pages)


def page(size: Size, each: Cost) -> Cost:
    """The cost of a page whose items cost `each`."""
    return Cost(pages=((size, each),))
