"""One execution of an operation by graphql-core, in which objects and lists are completed to JSON text wherever a writer can.

Coercion, root fields, permissions, concurrency, errors and null propagation are graphql-core's. The two methods that complete objects
and lists try the writer of the selection first. Whatever a writer refuses goes graphql-core's way, over the same value that the resolver
returned: so no resolver runs twice, and every error is graphql-core's. In what it completes then, writers are tried again further down.

The methods are not public; tests/unit/execution/test_writers.py turns red when they move. Then it is `complete_object_value` and
`complete_list_value` as they are called then that must try the writer.
"""

from collections.abc import Sequence
from typing import Any, cast

from graphql import ExecutionResult, GraphQLError, GraphQLList, GraphQLObjectType, MiddlewareManager
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.execution.inputs import Inputs
from gateway.execution.json_text import Written
from gateway.execution.prepared import RootField, Variant


class TextRun(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's execution; its data may hold `Written` parts."""

    variant: Variant
    inputs: Inputs

    def use(self, variant: Variant, inputs: Inputs) -> None:
        """Use what earlier executions of the same variant have collected and compiled."""
        self.variant = variant
        self.inputs = inputs
        self._relevant_sub_fields = variant.sub_fields

    async def run(self) -> ExecutionResult:
        """Execute the operation. Where it has one root field that a writer knows, graphql-core is needed for what is refused only."""
        field = self.variant.only_field
        if field is not None:
            written = await self._run_only(field)
            if written is not None:
                # They hold methods of this execution: with them it would stay, with the request's context, until the garbage collector comes.
                del self.async_helpers
                return ExecutionResult({field.key: written})
        result: Any = self.execute_operation()
        return cast("ExecutionResult", await result if self.is_awaitable(result) else result)

    async def _run_only(self, field: RootField) -> Written | None:
        """Resolve and write the field. None: graphql-core is to execute the operation, with what was resolved."""
        info = self.build_resolve_info(field.definition, field.nodes, field.parent, field.path)
        try:
            arguments = self.inputs.arguments(field.definition, field.nodes[0])
        except GraphQLError:
            return None
        try:
            resolve = field.definition.resolve or self.field_resolver
            value = resolve(self.root_value, info, **arguments)
            if self.is_awaitable(value):
                value = await value
        except Exception as error:  # noqa: BLE001  # raised again where graphql-core catches it
            self._resolved(error=error)
            return None
        written = None
        if value is not None and not isinstance(value, Exception):
            written = self._written(field.kind, field.details, value)
        if written is None:
            self._resolved(value)
        return written

    def _resolved(self, value: Any = None, *, error: Exception | None = None) -> None:
        """Give graphql-core this outcome of the root field, so that its resolver is not called again."""

        async def outcome() -> Any:
            if error is not None:
                raise error
            return value

        def resolve(following: Any, source: Any, info: Any, **arguments: Any) -> Any:
            return outcome() if info.path.prev is None else following(source, info, **arguments)

        self.middleware_manager = MiddlewareManager(resolve)

    def execute_collected_root_fields(
        self,
        root_type: GraphQLObjectType,
        root_value: Any,
        grouped_field_set: Any,
        serially: bool,  # noqa: FBT001  # graphql-core's signature
        new_defer_usages: Sequence[Any],
    ) -> Any:
        """As graphql-core, with the lists of nodes that the variant knows by identity."""
        fields = self.variant.root_fields(self.schema, root_type, self.operation, grouped_field_set)
        return super().execute_collected_root_fields(
            root_type, root_value, fields, serially, new_defer_usages
        )

    def complete_list_value(  # noqa: PLR0917  # graphql-core's signature
        self,
        return_type: GraphQLList[Any],
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Written, where a writer takes the list; else completed by graphql-core."""
        written = self._written(return_type, field_details_list, result)
        if written is not None:
            return written
        return super().complete_list_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def complete_object_value(  # noqa: PLR0917  # the same
        self,
        return_type: GraphQLObjectType,
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Written, where a writer takes the object; else completed by graphql-core."""
        if return_type.is_type_of is None or return_type.is_type_of(result, info) is True:
            written = self._written(return_type, field_details_list, result)
            if written is not None:
                return written
        return super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def _written(self, kind: Any, details: Any, value: Any) -> Written | None:
        writer = self.variant.writer(kind, details, self._collected)
        if writer is None:
            return None
        try:
            return Written(writer(value))
        except Exception:  # noqa: BLE001  # graphql-core finds out what is wrong, and where
            return None

    def _collected(self, kind: GraphQLObjectType, details: Any) -> Any:
        return self.collect_subfields(kind, details).grouped_field_set
