"""The GraphQL schema as it runs: vocabulary and resolvers, with caches, keys and clean logs around them."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.graphql import OperationType

from booking.principals import Caller, PrincipalKind
from gateway.callers.permissions import permitted
from gateway.errors import is_fault, log_fault
from gateway.idempotency.guard import MutationGuard
from gateway.idempotency.keys import RequireKey
from gateway.limits import Documents, RequestLimits
from gateway.limits.parse_queue import ParseQueue
from gateway.operation_deadline import OperationDeadline
from gateway.rates import OperationRates, RateLimits
from gateway.trusted_documents import ResolveTrusted, TrustedDocuments
from gateway.value_errors import explain_variables
from resolvers.mutations import Mutation
from resolvers.problems import refusal_handlers
from resolvers.queries import Query
from resolvers.subscriptions import Subscription
from schema.executable import executable
from schema.fields import is_keyless
from schema.scalars import SCALARS


class ApiSchema(strawberry.Schema):
    """Strawberry's schema with logs of our own: its logger writes messages, and with them what patients sent.

    Where it is open to developers it tells of itself, and of what a misspelt name may have meant. Where it is open to operators it
    does so to them alone, and takes any document of theirs.
    """

    def __init__(
        self,
        *,
        open_to_developers: bool = False,
        open_to_operators: bool = False,
        trusted: TrustedDocuments | None = None,
        rates: OperationRates | None = None,
        **given: Any,
    ) -> None:
        super().__init__(extensions=self._around_operations(rates), **given)
        self.trusted = trusted or TrustedDocuments()
        self.parse_queue = ParseQueue()
        self.documents = Documents(
            executable(self),
            introspection=open_to_developers,
            suggestions=open_to_developers,
            parse_queue=self.parse_queue,
        )
        self._of_operators: tuple[TrustedDocuments, Documents] | None = None
        if open_to_operators:
            looked_at = Documents(
                executable(self), introspection=True, suggestions=True, parse_queue=self.parse_queue
            )
            self._of_operators = self.trusted.with_others(), looked_at

    def _around_operations(self, rates: OperationRates | None) -> Iterable[Callable[[], SchemaExtension]]:
        """What stands around every operation, over whatever transport it comes; nobody counts without rates.

        Keys, and how often, are checked last, before the execution.
        """
        yield partial(ResolveTrusted, self.trusted_for)
        yield partial(RequestLimits, self.documents_for)
        yield RequireKey
        if rates is not None:
            yield partial(RateLimits, rates)
        yield OperationDeadline

    def trusted_for(self, caller: Caller | None) -> TrustedDocuments:
        """The documents that this caller may send."""
        return self._documents_of(caller)[0]

    def documents_for(self, caller: Caller | None) -> Documents:
        """Who looks at the documents of this caller. What one has found valid counts for nobody of the other."""
        return self._documents_of(caller)[1]

    def _documents_of(self, caller: Caller | None) -> tuple[TrustedDocuments, Documents]:
        """What operators have where the setting gives them more, and what everybody has."""
        operator = caller is not None and caller.principal.kind is PrincipalKind.OPERATOR
        if self._of_operators is not None and operator:
            return self._of_operators
        return self.trusted, self.documents

    async def execute(
        self,
        query: str | None,
        *given: Any,
        allowed_operation_types: Iterable[OperationType] | None = None,
        **named: Any,
    ) -> ExecutionResult:
        """Run a query or a mutation to its one result; what has many is for `stream`."""
        allowed = set(allowed_operation_types or OperationType) - {OperationType.SUBSCRIPTION}
        named["allowed_operation_types"] = allowed
        return await super().execute(query, *given, **named)

    def process_errors(
        self,
        errors: list[GraphQLError],
        execution_context: ExecutionContext | None = None,
    ) -> None:
        """Say what is wrong with variables in words of our own, and log what is ours to repair."""
        if execution_context is not None:
            explain_variables(errors, execution_context, executable(self))
        for error in errors:
            if is_fault(error):
                log_fault(error)


def build_schema(
    guard: MutationGuard | None = None,
    *,
    open_to_developers: bool = False,
    open_to_operators: bool = False,
    trusted: TrustedDocuments | None = None,
    rates: OperationRates | None = None,
) -> ApiSchema:
    """The schema. Without a guard it cannot run mutations; it is for printing and for queries, which nobody counts without rates.

    Raises Undeclared.
    """
    schema = guarded(
        ApiSchema(
            query=Query,
            mutation=Mutation,
            subscription=Subscription,
            config=StrawberryConfig(scalar_map=SCALARS),
            exception_handlers=refusal_handlers(),
            open_to_developers=open_to_developers,
            open_to_operators=open_to_operators,
            trusted=trusted,
            rates=rates,
        ),
        guard,
    )
    permitted(executable(schema))
    return schema


def guarded(schema: ApiSchema, guard: MutationGuard | None) -> ApiSchema:
    """The schema with the guard around every mutation that is not marked as one without a key."""
    mutations = executable(schema).mutation_type
    for name, field in mutations.fields.items() if mutations else ():
        if field.resolve is None:
            raise TypeError(f"{name} has no resolver")
        if guard is None:
            field.resolve = _refuse
        elif not is_keyless(schema, name):
            field.resolve = guard.around(name, field.resolve)
    return schema


def print_sdl() -> str:
    """The public schema as text: what `schema/schema.graphql` holds."""
    return build_schema().as_str().rstrip() + "\n"


def _refuse(*_: object, **__: Any) -> object:
    raise AssertionError("this schema was built without its guard, and changes nothing")
