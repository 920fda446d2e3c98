"""The GraphQL endpoint: parse the request, apply the configured faults, execute, respond."""

import asyncio
import dataclasses
import functools
import inspect
import json
import logging
from typing import Any, Protocol

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    execute,
    get_operation_ast,
    parse,
    validate,
)
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from integrations.healthie_emulator import dialect, wire
from integrations.healthie_emulator.emulator import Emulator, Seen
from integrations.healthie_emulator.errors import coded
from integrations.healthie_emulator.faults import Fault
from integrations.healthie_emulator.headers import Caller, read_headers
from integrations.healthie_emulator.limits import check_limits
from integrations.healthie_emulator.state import Request
from integrations.healthie_emulator.uploads import read_multipart

log = logging.getLogger(__name__)

MAX_BODY = 1_000_000  # bytes; far above any legitimate document
MAX_UPLOAD = 20_000_000  # bytes, of a request that brings files
MAX_TOKENS = 10_000  # of a document, against ones that only cost time


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """A request's body, read."""

    document_text: str
    document: DocumentNode
    operation: OperationDefinitionNode
    variables: dict[str, Any]

    @property
    def name(self) -> str | None:
        """The operation's name, if it has one."""
        return self.operation.name.value if self.operation.name else None

    @property
    def root_fields(self) -> tuple[str, ...]:
        """The fields of the operation's first level."""
        nodes = self.operation.selection_set.selections
        return tuple(node.name.value for node in nodes if isinstance(node, FieldNode))


class SchemaOf(Protocol):
    """Gives the schema of a version, without or with the fields that were seen to be gone in it."""

    def __call__(self, version: str, *, gone_remain: bool) -> GraphQLSchema:
        """Return a built schema."""


class GraphQLEndpoint:
    """An ASGI application."""

    def __init__(self, emulator: Emulator, schema_of: SchemaOf) -> None:
        self._emulator = emulator
        self._schema_of = schema_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        http = HttpRequest(scope, receive)
        seen = self._emulator.see(str(http.url))
        try:
            asked = _read(await http.body(), http.method, http.headers.get("content-type", ""))
        except GraphQLError as error:
            await _respond(_refusal(error, status=400), seen, scope, receive, send)
            return
        seen.operation, seen.root_fields = asked.name, asked.root_fields
        seen.version = http.headers.get("healthie-graphql-api-version", "")[:20] or None
        faults = self._emulator.world.faults.take_all(
            [*asked.root_fields, *([asked.name] if asked.name else [])]
        )
        seen.faults = tuple(faults)
        if "lost_request" in faults:
            await wire.drop(receive)
            return
        await _pause(faults.get("delay"))
        response = _instead(faults) or self._throttled(http, seen) or await self._answer(asked, http, seen)
        await _pause(faults.get("slow_answer"))
        if "lost_answer" in faults:
            await wire.drop(receive)
        elif "truncated" in faults:
            await wire.send_half(receive, send, bytes(response.body), b"application/json")
        else:
            await _respond(response, seen, scope, receive, send)

    def _throttled(self, http: HttpRequest, seen: Seen) -> Response | None:
        """Refuse a key that asked too often."""
        world = self._emulator.world
        if not world.throttle.refuses(http.headers.get("authorization", ""), world.clock.now()):
            return None
        error = coded("Too many requests. Please try again later.", "TOO_MANY_REQUESTS")
        seen.error_codes = _codes([error])
        return _refusal(error)

    async def _answer(self, asked: Asked, http: HttpRequest, seen: Seen) -> Response:
        world = self._emulator.world
        try:
            caller = read_headers(http.headers, world)
            seen.key_owner_id = caller.actor.user.id if caller.actor else None
            world.run_due_jobs()
            request = Request(world=world, actor=caller.actor, base_url=str(http.base_url))
            result = await self._execute(asked, request, caller.version.name)
        except GraphQLError as error:
            seen.error_codes = _codes([error])
            return _refusal(error)
        seen.error_codes = _codes(result.errors or [])
        return JSONResponse(_shown(result, caller))

    async def _execute(self, asked: Asked, context: Request, version: str) -> ExecutionResult:
        remain = context.world.switches.gone_fields_remain
        schema = self._schema_of(version, gone_remain=remain)
        document, variables = asked.document, asked.variables
        if dialect.is_spoken_in(version):
            document, variables = dialect.translated(schema, document, variables)
            errors = validate(schema, document)
        else:
            errors = list(_errors_of(schema, asked.document_text))
        if errors:
            return ExecutionResult(data=None, errors=errors)
        check_limits(schema, document, variables, asked.name)
        result = execute(
            schema,
            document,
            context_value=context,
            variable_values=variables,
            operation_name=asked.name,
        )
        answered = await result if inspect.isawaitable(result) else result
        if context.errors:  # in the data and in the errors at once
            return ExecutionResult(data=answered.data, errors=[*(answered.errors or ()), *context.errors])
        return answered


def _read(body: bytes, method: str, content_type: str) -> Asked:
    """Read a body; raise GraphQLError if it is not a GraphQL request."""
    if method != "POST":
        raise GraphQLError("POST a GraphQL request")
    has_files = content_type.lower().startswith("multipart/form-data")
    if len(body) > (MAX_UPLOAD if has_files else MAX_BODY):
        raise GraphQLError("The request is too long")
    given = read_multipart(body, content_type, _load) if has_files else _load(body)
    query = given.get("query") if isinstance(given, dict) else None
    variables = given.get("variables") if isinstance(given, dict) else None
    name = given.get("operationName") if isinstance(given, dict) else None
    if (
        not isinstance(query, str)
        or not isinstance(variables, dict | None)
        or not isinstance(name, str | None)
    ):
        raise GraphQLError("Send an object with query, variables and operationName")
    try:
        document = _parsed(query)
    except RecursionError:
        raise GraphQLError("The document is nested too deeply") from None
    operation = get_operation_ast(document, name or None)
    if operation is None:
        raise GraphQLError("Name the operation that is meant")
    return Asked(document_text=query, document=document, operation=operation, variables=variables or {})


@functools.lru_cache(maxsize=128)
def _parsed(query: str) -> DocumentNode:
    """Parse a document; the ones asked last are remembered, since callers repeat theirs."""
    return parse(query, max_tokens=MAX_TOKENS)


@functools.lru_cache(maxsize=128)
def _errors_of(schema: GraphQLSchema, query: str) -> tuple[GraphQLError, ...]:
    return tuple(validate(schema, _parsed(query)))


def _load(body: bytes) -> Any:
    try:
        given = json.loads(body)
        # Half characters, numbers without end.
        json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise GraphQLError("The body is not JSON") from None
    return given


def _instead(faults: dict[str, Fault]) -> Response | None:
    """Answer in place of an execution, if a fault says so."""
    if "http_5xx" in faults:
        return Response("<html><h1>503 Service Unavailable</h1></html>", 503, media_type="text/html")
    if "not_json" in faults:
        return PlainTextResponse("Not Found", 404)
    if "too_many_requests" in faults:
        return _refusal(coded("Too many requests. Please try again later.", "TOO_MANY_REQUESTS"))
    return None


def _refusal(error: GraphQLError, *, status: int = 200) -> Response:
    return JSONResponse({"errors": [error.formatted]}, status)


def _shown(result: ExecutionResult, caller: Caller) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if result.errors:
        shown["errors"] = [_masked(error) for error in result.errors]
    shown["data"] = result.data
    if caller.version.warnings:
        shown["extensions"] = {"warnings": list(caller.version.warnings)}
    return shown


def _masked(error: GraphQLError) -> Any:
    """Format an error; what is not the caller's mistake is ours, and is logged instead of shown."""
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError):
        return error.formatted
    log.error("a resolver failed", exc_info=cause)
    return {
        **error.formatted,
        "message": "Something went wrong",
        "extensions": {"code": "INTERNAL_SERVER_ERROR"},
    }


def _codes(errors: list[GraphQLError]) -> tuple[str, ...]:
    return tuple(str((error.extensions or {}).get("code", "")) for error in errors)


async def _respond(response: Response, seen: Seen, scope: Scope, receive: Receive, send: Send) -> None:
    seen.status = response.status_code
    await response(scope, receive, send)


async def _pause(fault: Fault | None) -> None:
    await asyncio.sleep(fault.seconds if fault else 0)
