"""GraphQL over HTTP: parses the request, executes it, and answers with the status and headers of the specification.

One operation per request; batches and subscriptions are refused. WebSockets on the same path go to `gateway.sockets`. A query whose
client disconnects is cancelled, a mutation is finished. Answers are never cached (`Cache-Control: no-store`).
"""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from booking.services import Services
from gateway.callers.authentication import Authenticator
from gateway.client_disconnect import Client
from gateway.errors import as_request_error, explain, format_error, request_error_body
from gateway.graphql import build_schema
from gateway.idempotency.guard import MutationGuard
from gateway.idempotency.keys import KEY_HEADER
from gateway.json_text import read_json
from gateway.limits.parse_queue import sender
from gateway.media_types import GRAPHQL_JSON, JSON, answer_type, check_body_type
from gateway.rates import OperationRates
from gateway.requests import REQUEST_ID_HEADER, Requests, request_id_of
from gateway.sockets import SocketEndpoint, SocketRules
from gateway.trusted_documents import TrustedDocuments, named_in
from schema.context import Context, Course
from schema.errors import RequestError

# Bytes. The largest real document with its variables is some kilobytes.
_LONGEST_BODY = 100_000


_KINDS = {
    "query": (str, "a string"),
    "operationName": (str, "a string"),
    "variables": (dict, "an object"),
    "extensions": (dict, "an object"),
}


class BadRequest(RequestError):
    """The request is not a GraphQL request."""


class BodyTooLarge(RequestError):
    """The body is longer than any real request."""

    code = "BODY_TOO_LARGE"
    message = f"Send at most {_LONGEST_BODY} bytes."
    status = 413


class GraphQLEndpoint(GraphQL[Context, None]):
    """The ASGI application of `/graphql`, for HTTP and WebSocket."""

    def __init__(
        self,
        *,
        services: Services,
        authenticator: Authenticator,
        guard: MutationGuard,
        sockets: SocketRules,
        rates: OperationRates,
        open_to_developers: bool = False,
        open_to_operators: bool = False,
        trusted: TrustedDocuments | None = None,
    ) -> None:
        schema = build_schema(
            guard,
            open_to_developers=open_to_developers,
            open_to_operators=open_to_operators,
            trusted=trusted,
            rates=rates,
        )
        super().__init__(schema, graphql_ide=None)
        self._parse_queue = schema.parse_queue
        self._requests = Requests(services=services, authenticator=authenticator, rates=rates)
        self._sockets = SocketEndpoint(
            schema=schema, requests=self._requests, rules=sockets, parse_queue=self._parse_queue
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or serve one WebSocket until it closes."""
        if scope["type"] != "http":
            await self._sockets(scope, receive, send)
            return
        course = Course()
        client = Client(receive, may_be_given_up=lambda: not course.changing)
        request = Request(scope, receive=_Limited(receive=client))
        if request.method == "GET":
            client.listen()  # a GET has no body, so a disconnect can be awaited at once
        request_id = request_id_of(request.headers.get(REQUEST_ID_HEADER))
        try:
            response = await self._answer(request, request_id, course)
            client.answered()
            response.headers[REQUEST_ID_HEADER] = request_id
            response.headers["Cache-Control"] = "no-store"
            await response(scope, receive, send)
        except asyncio.CancelledError:
            if not client.was_given_up():
                raise
        finally:
            client.answered()

    async def _answer(self, request: Request, request_id: str, course: Course) -> Response:
        media_type, key = JSON, request.headers.get(KEY_HEADER)
        try:
            request.state.media_type = media_type = answer_type(request.headers.get("accept"))
            async with self._requests.opened(
                request.headers, request_id=request_id, key=key, course=course
            ) as context:
                request.state.context = context
                response: Response = await self.run(request, context=context)
        except HTTPException as error:
            return _refused(_from_strawberry(error), media_type)
        except Exception as error:  # noqa: BLE001  # such as a failure to authenticate the caller
            return _refused(as_request_error(error, request_id=request_id), media_type)
        response.headers["Content-Type"] = f"{media_type}; charset=utf-8"
        response.status_code = context.response.status or response.status_code
        response.headers.update(context.response.headers)
        return response

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """The response body with every error explained; the first error with a status sets that of the response.

        A request that was not executed has no `data`; it is a 400 for `application/graphql-response+json` (GraphQL over HTTP).
        """
        context: Context = request.state.context
        errors = result.errors or []
        explained = [(error, explain(error, request_id=context.request_id)) for error in errors]
        for _, one in explained:
            if one.status is not None and context.response.status is None:
                context.response.status = one.status
                context.response.headers.update(one.headers)
        body: dict[str, Any] = {"data": result.data}
        if result.data is None and errors and not any(error.path for error in errors):
            body.clear()
            if request.state.media_type == GRAPHQL_JSON:
                context.response.status = context.response.status or 400
        if explained:
            body["errors"] = [format_error(error, one) for error, one in explained]
        return cast("GraphQLHTTPResponse", body)

    def should_render_graphql_ide(self, request: object) -> bool:
        """Never: GraphiQL has a path of its own."""
        del request
        return False

    async def parse_http_body(
        self, request: AsyncHTTPRequestAdapter
    ) -> GraphQLRequestData | list[GraphQLRequestData]:
        """The parameters of the request, each checked for its type. Raises BadRequest, BodyTooLarge, TooManyRequests."""
        if request.method == "GET":
            given = self.parse_query_params(request.query_params)
        else:
            check_body_type(request.content_type)
            body = await request.get_body()
            async with self._parse_queue.reading(body, sender()):
                given = self.parse_json(body)
        parts = {name: given.get(name) for name in ("query", "operationName", "variables")}
        parts["extensions"] = named_in(given)
        if request.method == "GET":
            parts = {name: value if value != "" else None for name, value in parts.items()}
        for name, value in parts.items():
            kind, expected = _KINDS[name]
            if value is not None and not isinstance(value, kind):
                raise BadRequest(f"{name} must be {expected} or null.")
        return GraphQLRequestData(
            query=parts["query"] or "",
            variables=parts["variables"],
            operation_name=parts["operationName"] or None,  # an empty name counts as absent
            extensions=parts["extensions"],
            protocol="http",
        )

    def decode_json(self, data: str | bytes) -> dict[str, Any] | None:
        """Parse a JSON object: the body, or a parameter of a GET. Raises BadRequest."""
        try:
            value = read_json(data)
        except ValueError as error:
            raise BadRequest("The body must be valid JSON, in UTF-8, of Unicode text without NUL.") from error
        if isinstance(value, list):
            raise BadRequest("Send one operation a request; batches are refused.")
        if not isinstance(value, dict):
            raise BadRequest("The body must be a JSON object.")
        return value


@dataclass(kw_only=True)
class _Limited:
    """Counts the bytes of the body as they arrive. Raises BodyTooLarge before more are held in memory."""

    receive: Receive
    seen: int = 0

    async def __call__(self) -> Message:
        message = await self.receive()
        self.seen += len(message.get("body", b""))
        if self.seen > _LONGEST_BODY:
            raise BodyTooLarge
        return message


def _refused(error: RequestError, media_type: str) -> Response:
    return JSONResponse(
        request_error_body(error),
        status_code=error.status,
        headers={**error.headers, "Content-Type": f"{media_type}; charset=utf-8"},
    )


def _from_strawberry(error: HTTPException) -> RequestError:
    """Translate Strawberry's refusal of a request, without what it repeats of the request."""
    refused = BadRequest(error.reason)
    refused.status = error.status_code
    if isinstance(error.__cause__, CannotGetOperationTypeError):  # its reason repeats what was sent
        refused.message = "operationName names no operation of the document."
    if isinstance(error.__cause__, InvalidOperationTypeError):
        if error.__cause__.operation_type is OperationType.SUBSCRIPTION:
            refused.message = (
                "Subscriptions run over a WebSocket: open one at this address, by graphql-transport-ws."
            )
        else:  # a mutation by GET
            refused.status = 405
    if refused.status == 405:  # noqa: PLR2004
        refused.headers = {"Allow": "POST"} if error.__cause__ else {"Allow": "GET, POST"}
    return refused
