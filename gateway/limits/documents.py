"""Parses, measures and validates documents, and caches the valid ones.

`gateway.pipeline` calls it for each operation, before execution. Cheap limits are checked first: length and tokens when it is parsed, then the
measures, then the pairs to be compared, and validation last. An invalid document is not cached, so it can evict nothing.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

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
from gateway.limits.bounds import LENGTH, NESTING, TOKENS, TooMuch, check
from gateway.limits.measuring import Measuring
from gateway.limits.operation import Operation
from gateway.limits.overlaps import Overlaps
from gateway.limits.parse_queue import ParseQueue
from gateway.limits.weights import weights_of
from gateway.value_errors import LiteralsOfCorrectType
from schema.errors import RequestError

# Apps send some dozens of documents of a kilobyte or two, again and again; the bounds are for senders who make up new ones.
# A cached character takes some 200 bytes, so 50 MB in all, which the garbage collector traverses now and then.
KEPT = 256
KEPT_CHARACTERS = 250_000

# Nobody reads more, and finding the location of each costs a pass over the document.
_MOST_ERRORS = 5

_RULES = (
    *(LiteralsOfCorrectType if rule is ValuesOfCorrectTypeRule else rule for rule in specified_rules),
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)

# The beginnings of graphql-core's messages when its parser stops at one of these limits.
_BEYOND = {
    f"Syntax Error: Document contains more than {TOKENS.most} tokens": TOKENS,
    "Syntax Error: Document is nested too deeply": NESTING,
}


class OperationNotNamed(RequestError):
    """The document has several operations, and the request names none of them."""

    code = "OPERATION_NAME_REQUIRED"
    message = "The document has several operations: name one of them in operationName."


class OperationUnknown(RequestError):
    """The document has no operation, or none of the name that the request gives; the message does not repeat it."""

    message = "operationName names no operation of the document."


@dataclass(frozen=True, kw_only=True)
class Examined:
    """A parsed document within the limits, with its validation errors."""

    document: DocumentNode
    operations: Mapping[str | None, Operation]
    errors: tuple[GraphQLError, ...]  # from validation; empty: valid

    def operation(self, name: str | None) -> Operation:
        """The operation of this name; None: the only one. Raises OperationNotNamed, OperationUnknown."""
        if name is not None:
            found = self.operations.get(name)
        elif len(self.operations) > 1:
            raise OperationNotNamed
        else:
            found = next(iter(self.operations.values()), None)
        if found is None:
            raise OperationUnknown
        return found


class Documents:
    """Examines documents against one schema, with an LRU cache of the valid ones."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        introspection: bool,
        suggestions: bool,
        weights: Mapping[str, int] | None = None,
        parse_queue: ParseQueue | None = None,
    ) -> None:
        """`introspection` permits introspection queries; `suggestions` lets errors propose similar names.

        `weights` of fields default to those of `gateway.limits.weights`. `parse_queue`: pass one queue to all instances of a
        process, since they share its event loop.
        """
        self._schema = schema
        self._weights = weights_of(schema) if weights is None else weights
        self._rules = _RULES if introspection else (*_RULES, NoSchemaIntrospectionCustomRule)
        self._suggestions = suggestions
        self._kept: OrderedDict[str, Examined] = OrderedDict()  # the latest last
        self._characters = 0  # of all cached texts
        self._parse_queue = parse_queue or ParseQueue()
        # Keyed by sender: joining another sender's flight would mean waiting at that sender's place, behind its flood.
        self._looking: SingleFlight[tuple[str, str], Examined] = SingleFlight()

    async def examined(self, text: str, *, sender: str) -> Examined:
        """As `examine`, but a document that is not cached waits for the sender's turn. Also raises TooManyRequests."""
        if text in self._kept:
            return self.examine(text)
        return await self._looking((sender, text), lambda: self._in_turn(text, sender))

    async def _in_turn(self, text: str, sender: str) -> Examined:
        async with self._parse_queue.turn(sender):
            return self.examine(text)

    def examine(self, text: str) -> Examined:
        """Parse, measure and validate; cache it if valid. Raises GraphQLSyntaxError, GraphQLError, and TooMuch, all before validation runs."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        found = self._examine(text)
        if not found.errors:
            self._keep(text, found)
        return found

    def _keep(self, text: str, found: Examined) -> None:
        """Add as the most recent, and evict the least recently used beyond the bounds."""
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
    """The error without its cause, such as Python's ValueError for a number of 5,000 digits: a cause would count as a fault of ours."""
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
    """Unlink the lexer's tokens, a doubly linked list: reference counting frees them then, without the garbage collector.

    Collecting those of refused documents blocked the event loop for a tenth of a second now and then. Nothing reads the links.
    """
    token = document.loc.start_token if document.loc else None
    while token is not None:
        following = token.next
        token.prev = token.next = None
        token = following
