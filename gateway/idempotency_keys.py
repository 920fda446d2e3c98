"""Idempotency keys as requests carry them: one key a mutation, one mutation field a document."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from schema.context import Context
from schema.errors import RequestError

KEY_HEADER = "idempotency-key"

_LONGEST_KEY = 255


class KeyRequired(RequestError):
    """A mutation without a key."""

    code = "IDEMPOTENCY_KEY_REQUIRED"
    message = (
        "Send a fresh random key with every new attempt, in the header Idempotency-Key or in "
        "extensions.idempotencyKey of the request, and the same key when you send the same attempt again."
    )


class KeyInvalid(RequestError):
    """A key that is none."""

    code = "IDEMPOTENCY_KEY_INVALID"
    message = (
        f"An idempotency key has 1 to {_LONGEST_KEY} printable characters; header and extensions agree on it."
    )


class OneMutationAtATime(RequestError):
    """A document with several mutation fields: one key could not tell their outcomes apart."""

    code = "ONE_MUTATION_PER_REQUEST"
    message = "Send one mutation field a request, each with an idempotency key of its own."


class RequireKey(SchemaExtension):
    """Refuses a mutation before anything is executed, when it has no key, several fields, or nobody behind it."""

    def on_execute(self) -> Iterator[None]:
        """Check once an operation."""
        context = self.execution_context
        if context.operation_type is OperationType.MUTATION:
            try:
                self._check(context.context)
            except RequestError as error:
                answer = GraphQLError(error.message, original_error=error)
                context.result = ExecutionResult(data=None, errors=[answer])
        yield

    def _check(self, context: Context) -> None:
        execution = self.execution_context
        read_key(context.idempotency_key, execution.operation_extensions)
        definitions = execution.graphql_document.definitions if execution.graphql_document else ()
        fragments = {one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)}
        operations = [one for one in definitions if isinstance(one, OperationDefinitionNode)]
        wanted = execution.operation_name
        for operation in operations:
            name = operation.name.value if operation.name else None
            if (wanted is None or name == wanted) and _has_several_fields(operation.selection_set, fragments):
                raise OneMutationAtATime
        _ = context.identified


def read_key(header: str | None, extensions: Mapping[str, Any] | None) -> str:
    """The request's key. Raises KeyRequired, KeyInvalid."""
    given = [key for key in (header, (extensions or {}).get("idempotencyKey")) if key is not None]
    if not given:
        raise KeyRequired
    key = given[0]
    agreed = all(other == key for other in given)
    if not agreed or not isinstance(key, str) or not key.isprintable() or not key.strip():
        raise KeyInvalid
    if len(key) > _LONGEST_KEY:
        raise KeyInvalid
    return key


def _has_several_fields(
    selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> bool:
    """Whether the operation names more than one field at its root, aliases and fragments included."""
    found = 0
    seen: set[str] = set()
    stack = [selections]
    while stack:
        for one in stack.pop().selections:
            if isinstance(one, FieldNode):
                found += one.name.value != "__typename"
            elif isinstance(one, FragmentSpreadNode):
                if one.name.value in fragments and one.name.value not in seen:
                    seen.add(one.name.value)
                    stack.append(fragments[one.name.value].selection_set)
            elif isinstance(one, InlineFragmentNode):
                stack.append(one.selection_set)
        if found > 1:
            return True
    return False
