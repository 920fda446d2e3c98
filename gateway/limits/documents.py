"""Documents that have been looked at: parsed, measured and validated once, and the latest valid ones kept."""

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
    ValuesOfCorrectTypeRule,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from booking.single_flight import SingleFlight
from gateway.limits.bounds import COST, LENGTH, NESTING, TOKENS, TooMuch, check
from gateway.limits.measuring import Measuring, Operation
from gateway.limits.overlaps import Overlaps
from gateway.limits.parse_queue import ParseQueue
from gateway.limits.weights import weights_of
from gateway.value_errors import LiteralsOfCorrectType

# Apps send some dozens of documents of a kilobyte or two, each again and again; the bounds are for those that make up new
# ones. A character takes some 200 bytes: 50 MB, which is also what the garbage collector looks through now and then.
KEPT = 256
KEPT_CHARACTERS = 250_000

# Nobody reads more of them, and each costs a look through the whole document for its place.
_MOST_ERRORS = 5

_RULES = (
    *(LiteralsOfCorrectType if rule is ValuesOfCorrectTypeRule else rule for rule in specified_rules),
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)

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
        parse_queue: ParseQueue | None = None,
    ) -> None:
        """`introspection`: whether the schema tells of itself. `suggestions`: whether errors propose other names.

        `weights` of fields; by default those of `gateway.limits.weights`. `turns`: of the process, where there are several of these.
        """
        self._schema = schema
        self._weights = weights_of(schema) if weights is None else weights
        self._rules = _RULES if introspection else (*_RULES, NoSchemaIntrospectionCustomRule)
        self._suggestions = suggestions
        self._kept: OrderedDict[str, Examined] = OrderedDict()  # the latest last
        self._characters = 0  # of all that are kept
        self._parse_queue = parse_queue or ParseQueue()
        # One's own crowd is one that waits; in another's place nobody waits, since that may be a flood's.
        self._looking: SingleFlight[tuple[str, str], Examined] = SingleFlight()

    async def examined(self, text: str, *, sender: str) -> Examined:
        """As `examine`, in the sender's turn if the document is not known. Raises TooManyRequests besides."""
        if text in self._kept:
            return self.examine(text)
        return await self._looking((sender, text), lambda: self._in_turn(text, sender))

    async def _in_turn(self, text: str, sender: str) -> Examined:
        async with self._parse_queue.turn(sender):
            return self.examine(text)

    def examine(self, text: str) -> Examined:
        """Parse, measure, validate; what is valid is kept. Raises GraphQLSyntaxError, GraphQLError, and TooMuch before validation's own cost."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        found = self._examine(text)
        if not found.errors:
            self._keep(text, found)
        return found

    def _keep(self, text: str, found: Examined) -> None:
        """As the latest; the oldest of too many go."""
        self._kept[text] = found
        self._characters += len(text)
        while len(self._kept) > KEPT or self._characters > KEPT_CHARACTERS:
            oldest, _ = self._kept.popitem(last=False)
            self._characters -= len(oldest)

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
        document = parse(text, max_tokens=TOKENS.most)
    except GraphQLSyntaxError as error:
        for beginning, bound in _BEYOND.items():
            if error.message.startswith(beginning):
                raise TooMuch(bound) from error
        raise
    _unlink(document)
    return document


def _unlink(document: DocumentNode) -> None:
    """Let the tokens know their neighbours no longer: nobody asks, and linked both ways they wait for the garbage collector.

    What refused documents left took it a tenth of a second now and then, in which nobody is served.
    """
    token = document.loc.start_token if document.loc else None
    while token is not None:
        following = token.next
        token.prev = token.next = None
        token = following
