"""GraphQL over HTTP: reads a request, says who asks, executes, and answers with the right status and headers."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import structlog
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult

from booking.current import asked_by
from booking.services import Services
from gateway.authentication import Authenticator
from gateway.errors import explain, format_error, request_error_body
from gateway.graphql import build_schema
from gateway.idempotency import MutationGuard
from gateway.idempotency_keys import KEY_HEADER
from gateway.media_types import GRAPHQL_JSON, JSON, answer_type, check_body_type
from gateway.trusted_documents import TrustedDocuments, named_in
from schema.context import Context
from schema.errors import RequestError

REQUEST_ID_HEADER = "x-request-id"

# The largest sensible document with its variables is some kilobytes.
_LONGEST_BODY = 100_000

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)

# An escaped half of a surrogate pair, or NUL: no text that a database could keep.
_SUSPECT_ESCAPES = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")


_KINDS = {
    "query": (str, "a string"),
    "operationName": (str, "a string"),
    "variables": (dict, "an object"),
    "extensions": (dict, "an object"),
}


class BadRequest(RequestError):
    """A body that is no GraphQL request."""


class BodyTooLarge(RequestError):
    """More than any sensible request."""

    code = "BODY_TOO_LARGE"
    message = f"Send at most {_LONGEST_BODY} bytes."
    status = 413


class GraphQLEndpoint(GraphQL[Context, None]):
    """The endpoint, an ASGI application for exactly one path."""

    def __init__(
        self,
        *,
        services: Services,
        authenticator: Authenticator,
        guard: MutationGuard,
        open_to_developers: bool = False,
        trusted: TrustedDocuments | None = None,
    ) -> None:
        schema = build_schema(guard, open_to_developers=open_to_developers, trusted=trusted)
        super().__init__(schema, graphql_ide=None)
        self._services = services
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing but an HTTP response ever leaves."""
        if scope["type"] != "http":
            await WebSocket(scope, receive=receive, send=send).close()
            return
        request = Request(scope, receive=_Limited(receive=receive))
        request_id = _request_id(request.headers.get(REQUEST_ID_HEADER))
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = await self._answer(request, request_id)
        response.headers[REQUEST_ID_HEADER] = request_id
        response.headers["Cache-Control"] = "no-store"
        await response(scope, receive, send)

    async def _answer(self, request: Request, request_id: str) -> Response:
        media_type = JSON
        try:
            request.state.media_type = media_type = answer_type(request.headers.get("accept"))
            context = Context(
                services=self._services,
                tokens=self._authenticator.tokens,
                caller=await self._authenticator.caller(request.headers),
                request_id=request_id,
                idempotency_key=request.headers.get(KEY_HEADER),
            )
            request.state.context = context
            with asked_by(_actor(context), request_id=request_id):
                response: Response = await self.run(request, context=context)
        except HTTPException as error:
            return _refused(_from_strawberry(error), media_type)
        except RequestError as error:
            return _refused(error, media_type)
        response.headers["Content-Type"] = f"{media_type}; charset=utf-8"
        response.status_code = context.response.status or response.status_code
        response.headers.update(context.response.headers)
        return response

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """The body, with every error explained; the first that has a status gives it to the answer.

        A request that came to nothing has no data, and is a 400 to those who know that media type.
        """
        context: Context = request.state.context
        errors = result.errors or []
        explained = [(error, explain(error, request_id=context.request_id)) for error in errors]
        for _, told in explained:
            if told.status is not None and context.response.status is None:
                context.response.status = told.status
                context.response.headers.update(told.headers)
        body: dict[str, Any] = {"data": result.data}
        if result.data is None and errors and not any(error.path for error in errors):
            body.clear()
            if request.state.media_type == GRAPHQL_JSON:
                context.response.status = context.response.status or 400
        if explained:
            body["errors"] = [format_error(error, told) for error, told in explained]
        return cast("GraphQLHTTPResponse", body)

    def should_render_graphql_ide(self, request: object) -> bool:
        """Never: the page with GraphiQL is another path's."""
        del request
        return False

    async def parse_http_body(
        self, request: AsyncHTTPRequestAdapter
    ) -> GraphQLRequestData | list[GraphQLRequestData]:
        """The request's parts, each of its right kind."""
        if request.method == "GET":
            given = self.parse_query_params(request.query_params)
        else:
            check_body_type(request.content_type)
            given = self.parse_json(await request.get_body())
        parts = {name: given.get(name) for name in ("query", "operationName", "variables")}
        parts["extensions"] = named_in(given)
        if request.method == "GET":
            parts = {name: value if value != "" else None for name, value in parts.items()}
        for name, value in parts.items():
            kind, told = _KINDS[name]
            if value is not None and not isinstance(value, kind):
                raise BadRequest(f"{name} must be {told} or null.")
        return GraphQLRequestData(
            query=parts["query"] or "",
            variables=parts["variables"],
            operation_name=parts["operationName"] or None,  # empty is as good as absent
            extensions=parts["extensions"],
            protocol="http",
        )

    def decode_json(self, data: str | bytes) -> dict[str, Any] | None:
        """A JSON object, as the GraphQL over HTTP specification asks for; also of the parameters of a GET."""
        try:
            text = data if isinstance(data, str) else data.decode()
            value = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
            if _SUSPECT_ESCAPES.search(text):
                _check_text(value)
        except (ValueError, RecursionError) as error:
            raise BadRequest("The body must be valid JSON, in UTF-8, of Unicode text without NUL.") from error
        if isinstance(value, list):
            raise BadRequest("Send one operation a request; batches are refused.")
        if not isinstance(value, dict):
            raise BadRequest("The body must be a JSON object.")
        return value


@dataclass(kw_only=True)
class _Limited:
    """A body that ends in BodyTooLarge rather than in memory."""

    receive: Receive
    seen: int = 0

    async def __call__(self) -> Message:
        message = await self.receive()
        self.seen += len(message.get("body", b""))
        if self.seen > _LONGEST_BODY:
            raise BodyTooLarge
        return message


def _request_id(given: str | None) -> str:
    """The caller's own id, if it can stand in a log; else a fresh one."""
    return given if given and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _actor(context: Context) -> str:
    """Whom the audit of upstream calls names."""
    return context.caller.principal.key if context.caller else "anonymous"


def _refused(error: RequestError, media_type: str) -> Response:
    return JSONResponse(
        request_error_body(error),
        status_code=error.status,
        headers={**error.headers, "Content-Type": f"{media_type}; charset=utf-8"},
    )


def _from_strawberry(error: HTTPException) -> RequestError:
    """Strawberry's own refusals of a request, in our form."""
    told = BadRequest(error.reason)
    told.status = error.status_code
    if isinstance(error.__cause__, CannotGetOperationTypeError):  # its reason repeats what was sent
        told.message = "operationName names no operation of the document."
    if isinstance(error.__cause__, InvalidOperationTypeError):  # a mutation by GET
        told.status = 405
    if told.status == 405:  # noqa: PLR2004
        told.headers = {"Allow": "POST"} if error.__cause__ else {"Allow": "GET, POST"}
    return told


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _check_text(value: object) -> None:
    """Refuse lone surrogates and NUL anywhere in the values."""
    match value:
        case str():
            if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
                raise ValueError("text that no database could keep")
        case Mapping():
            for name, one in value.items():
                _check_text(name)
                _check_text(one)
        case list():
            for one in value:
                _check_text(one)
