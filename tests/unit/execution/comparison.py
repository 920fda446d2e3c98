"""Executes an operation twice, by the product's executor and by graphql-core alone, on the same answers of resolvers, and compares."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from types import SimpleNamespace
from typing import Any, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    execute,
    parse,
    subscribe,
    validate,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from booking.principals import Caller, Principal, PrincipalKind
from gateway.execution import Executor
from gateway.execution.text_run import TextRun
from gateway.graphql import build_schema
from gateway.graphql_request import GraphQLRequest
from gateway.idempotency.guard import MutationGuard
from schema.context import Context
from schema.executable import executable
from tests.unit.execution.answers import Answers, shared_instances
from tests.unit.execution.documents import Asked

_ADDRESS = re.compile(rb"at 0x[0-9a-f]+")

EXTENSIONS = {"idempotencyKey": "one"}


class _NoGuard:
    """Mutations run at once."""

    def around(self, name: str, resolve: Any) -> Any:
        return resolve


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was answered, event by event, and how often each resolver at the root was called."""

    answers: list[tuple[bytes | None, list[Any]]]
    calls: dict[str, int]


class Comparison:
    """Both executors on one schema. Resolvers at the root answer what `Answers` makes; the wrappers around them are the real ones."""

    def __init__(self) -> None:
        self.schema: GraphQLSchema = executable(build_schema(cast("MutationGuard", _NoGuard())))
        self.executor = Executor(self.schema)
        self.shared = shared_instances(self.schema)
        self.seen: Counter[str] = Counter()
        self._answers: Answers | None = None
        self._calls: Counter[str] = Counter()

    @contextmanager
    def canned(self) -> Iterator[None]:
        """Within, the functions behind the root fields are replaced."""
        roots = (self.schema.query_type, self.schema.mutation_type, self.schema.subscription_type)
        replaced = []
        for root in roots:
            for field in root.fields.values() if root else ():
                resolver = field.extensions["strawberry-definition"].base_resolver
                replaced.append((resolver, resolver.wrapped_func))
                make = self._events if root is self.schema.subscription_type else self._resolver
                resolver.wrapped_func = make(field.type)
        try:
            yield
        finally:
            for resolver, function in replaced:
                resolver.wrapped_func = function

    def _resolver(self, kind: Any) -> Any:
        async def resolve(*_: object, info: Any, **arguments: object) -> Any:
            place = str(info.path.key)
            self._calls[place] += 1
            assert self._answers is not None
            if len(place) % 2:
                await asyncio.sleep(0)
            return self._answers.of(kind, f"{place} {arguments}")

        return resolve

    def _events(self, kind: Any) -> Any:
        async def stream(*_: object, **arguments: object) -> AsyncGenerator[Any, None]:
            self._calls["events"] += 1
            for number in range(3):
                assert self._answers is not None
                try:
                    arguments.pop("info", None)
                    event = self._answers.of(kind, f"event {number} {arguments}")
                except Exception:
                    if number == 0:
                        raise
                    return
                yield event

        return stream

    async def differences(self, asked: Asked, seed: int, *, faults: float) -> list[str]:
        """What differs; empty: nothing, or the document is invalid.

        The document is executed three times with each of two sets of variables, in turn: an executor may remember what it likes.
        """
        document = parse(asked.document)
        if validate(self.schema, document):
            self.seen["invalid"] += 1
            return []
        random = Random(seed)
        context = _context(random)
        sets = [asked.variables, asked.again(random)][: 2 if asked.variables else 1]

        async def outcome(run: Any, variables: Mapping[str, Any]) -> Outcome:
            self._answers = Answers(self.schema, seed, faults=faults, shared=self.shared)
            self._calls.clear()
            answers = await run(document, variables, context)
            return Outcome(answers=answers, calls=dict(self._calls))

        references = [await outcome(self._by_graphql, variables) for variables in sets]
        found = []
        for execution in range(3):
            for variables, reference in zip(sets, references, strict=True):
                got = await outcome(self._by_executor, variables)
                if got != reference:
                    shown = first_difference(repr(got), repr(reference))
                    found.append(f"{variables}, execution {execution}: {shown}")
        for reference in references:
            self._count(reference)
        return found

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Within, `seen` counts what was written, and what writers refused."""
        original: Any = TextRun._written
        cls: Any = TextRun

        def noted(run: TextRun, kind: Any, details: Any, value: Any) -> Any:
            written = original(run, kind, details, value)
            known = run.variant.writer(kind, details, run._collected) is not None
            self.seen["written" if written else "refused" if known else "left to graphql-core"] += 1
            return written

        cls._written = noted
        try:
            yield
        finally:
            cls._written = original

    def _count(self, outcome: Outcome) -> None:
        self.seen["compared"] += 1
        for data, errors in outcome.answers:
            self.seen["with data" if data not in (None, b"null") else "without data"] += 1
            self.seen["with errors"] += bool(errors)
            self.seen["unions"] += b"retryable" in (data or b"")

    async def _by_executor(self, document: DocumentNode, variables: Any, context: Context) -> list[Any]:
        request = GraphQLRequest(variables=dict(variables), extensions=EXTENSIONS)
        if _is_subscription(document):
            answers = [one async for one in self.executor.subscribe(document, request, context)]
        else:
            answers = [await self.executor.execute(document, request, context)]
        return [(_without_addresses(one.data), [_shown(error) for error in one.errors]) for one in answers]

    async def _by_graphql(self, document: DocumentNode, variables: Any, context: Context) -> list[Any]:
        given: Any = {
            "variable_values": dict(variables),
            "context_value": context,
            "executor_class": StrawberryGraphQLCoreExecutionContext,
            "operation_extensions": EXTENSIONS,
        }
        if not _is_subscription(document):
            result: Any = execute(self.schema, document, **given)
            return [_answer(result if isinstance(result, ExecutionResult) else await result)]
        events: Any = subscribe(self.schema, document, **given)
        if asyncio.iscoroutine(events):
            events = await events
        if isinstance(events, ExecutionResult):
            return [_answer(events)]
        found = []
        try:
            async for event in events:
                found.append(_answer(event))  # noqa: PERF401  # those before an exception count
        except Exception as error:  # noqa: BLE001  # as Strawberry answers it
            failed = (
                error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
            )
            found.append((None, [_shown(failed)]))
        return found


def _answer(result: ExecutionResult) -> Any:
    errors = result.errors or []
    if result.data is None and not any(error.path for error in errors):
        data = None
    else:
        text = json.dumps(result.data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        data = text.encode("utf-8", "backslashreplace")
    return _without_addresses(data), [_shown(error) for error in errors]


def _without_addresses(data: bytes | None) -> bytes | None:
    """Some wrong values are written as Python shows them, which differs from one object to the next."""
    return data and _ADDRESS.sub(b"at 0x", data)


def first_difference(got: str, expected: str) -> str:
    """Both texts from shortly before the place where they differ."""
    at = next((n for n, (a, b) in enumerate(zip(got, expected, strict=False)) if a != b), 0)
    return "\n".join(["", *(text[max(0, at - 100) : at + 200] for text in (got, expected))])


def _shown(error: GraphQLError) -> Any:
    cause = error.original_error
    texts = [_ADDRESS.sub(b"at 0x", text.encode("utf-8", "replace")) for text in (error.message, str(cause))]
    return *texts, error.path, error.locations, type(cause), error.extensions


def _is_subscription(document: DocumentNode) -> bool:
    (operation,) = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return operation.operation is OperationType.SUBSCRIPTION


def _context(random: Random) -> Context:
    kind = random.choice([None, *PrincipalKind, PrincipalKind.PATIENT, PrincipalKind.GUEST])
    caller = Caller(principal=Principal(kind=kind, id="one")) if kind else None
    return cast("Context", SimpleNamespace(caller=caller))
