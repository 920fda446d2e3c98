"""Documents that have been looked at: parsed, measured and validated once, and the latest of them kept."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gateway.limits.bounds import COST, LENGTH, NESTING, TOKENS, TooMuch, check
from gateway.limits.measuring import Measuring, Operation
from gateway.limits.overlaps import Overlaps
from gateway.limits.weights import weights_of

# Apps send some dozens of documents, each again and again; the bound is for those that make up new ones.
KEPT = 256

# Nobody reads more of them, and each can cost a millisecond to word.
_MOST_ERRORS = 20

_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)

# How graphql-core begins to tell that a document is beyond a bound of its parser's.
_BEYOND = {
    f"Syntax Error: Document contains more than {TOKENS.most} tokens": TOKENS,
    "Syntax Error: Document is nested too deeply": NESTING,
}


@dataclass(frozen=True, kw_only=True)
class Examined:
    """A document within its bounds."""

    document: DocumentNode
    operations: Mapping[str | None, Operation]
    errors: tuple[GraphQLError, ...]  # of validation

    def check_cost(self, operation_name: str | None, variables: Mapping[str, Any]) -> None:
        """Hold a request's pages and cost against their bounds. Raises InvalidInput, TooMuch."""
        operation = self.operations.get(operation_name)
        if operation is not None:
            check(COST, operation.cost.at({**operation.defaults, **variables}))


class Documents:
    """Examines documents for one schema."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        introspection: bool,
        suggestions: bool,
        weights: Mapping[str, int] | None = None,
    ) -> None:
        """`introspection`: whether the schema tells of itself. `suggestions`: whether errors propose other names.

        `weights` of fields; by default those of `gateway.limits.weights`.
        """
        self._schema = schema
        self._weights = weights_of(schema) if weights is None else weights
        self._rules = _RULES if introspection else (*_RULES, NoSchemaIntrospectionCustomRule)
        self._suggestions = suggestions
        self._kept: OrderedDict[str, Examined] = OrderedDict()  # the latest last
        self._turn = asyncio.Lock()

    async def examined(self, text: str) -> Examined:
        """As `examine`, but one after the other and with a pause before each, so that those whose documents are known go on meanwhile.

        Else everybody would wait for all new documents that arrive together, at each step of their own requests.
        """
        if text not in self._kept:
            async with self._turn:
                await asyncio.sleep(0)
                return self.examine(text)
        return self.examine(text)

    def examine(self, text: str) -> Examined:
        """Parse, measure, validate. Raises GraphQLSyntaxError, GraphQLError, and TooMuch before validation's own cost."""
        found = self._kept.pop(text, None) or self._examine(text)
        self._kept[text] = found
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    def _examine(self, text: str) -> Examined:
        document = _parse(text)
        operations = Measuring(self._schema, document, self._weights).operations()
        Overlaps(document).check()
        errors = validate(
            self._schema,
            document,
            self._rules,
            max_errors=_MOST_ERRORS,
            hide_suggestions=not self._suggestions,
        )
        return Examined(document=document, operations=operations, errors=tuple(map(_of_document, errors)))


def _of_document(error: GraphQLError) -> GraphQLError:
    """Without the exception behind it, such as Python's about a number of 5,000 digits: it is no fault of ours."""
    return GraphQLError(error.message, error.nodes) if error.original_error else error


def _parse(text: str) -> DocumentNode:
    check(LENGTH, len(text))
    try:
        return parse(text, max_tokens=TOKENS.most)
    except GraphQLSyntaxError as error:
        for beginning, bound in _BEYOND.items():
            if error.message.startswith(beginning):
                raise TooMuch(bound) from error
        raise
