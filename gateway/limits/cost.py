"""Costs of which a part depends on the request's variables: added up once a document, told once a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, GraphQLInt

from booking.errors import InvalidInput
from schema.catalog import LARGEST_PAGE


@dataclass(frozen=True, kw_only=True)
class Size:
    """How long a page may be: a number, or what a variable says."""

    argument: str
    number: int | None = None  # None: without the variable there is no page
    variable: str | None = None

    def at(self, variables: Mapping[str, Any]) -> int:
        """The length. Raises InvalidInput for one that no page of this schema has."""
        size = self.number
        if self.variable is not None and self.variable in variables:
            try:
                size = GraphQLInt.parse_value(variables[self.variable])
            except GraphQLError:
                size = None
        if size is None:
            return 0  # no number: coercion refuses it in a moment, and says why
        if not 0 <= size <= LARGEST_PAGE:
            raise InvalidInput(field=self.argument, reason=f"Ask for 0 to {LARGEST_PAGE} at once.")
        return size


@dataclass(frozen=True, kw_only=True)
class Cost:
    """A number, and pages of further costs."""

    fixed: int = 0
    pages: tuple[tuple[Size, "Cost"], ...] = ()

    def __add__(self, other: "Cost") -> "Cost":
        if not other.fixed and not other.pages:
            return self
        return Cost(fixed=self.fixed + other.fixed, pages=self.pages + other.pages)

    def times(self, number: int) -> "Cost":
        """So many of it."""
        return Cost(
            fixed=self.fixed * number, pages=tuple((size, each.times(number)) for size, each in self.pages)
        )

    def variables(self) -> set[str]:
        """Those that it depends on."""
        own = {size.variable for size, _ in self.pages if size.variable is not None}
        return own.union(*(each.variables() for _, each in self.pages))

    def at(self, variables: Mapping[str, Any]) -> int:
        """The cost of a request. Raises InvalidInput for a page that cannot be."""
        return self.fixed + sum(size.at(variables) * each.at(variables) for size, each in self.pages)


def page(size: Size, each: Cost) -> Cost:
    """A page of it."""
    return Cost(pages=((size, each),))
