"""GraphQL over HTTP: reads the request, has it executed, and answers with the status and headers of the specification.

One operation per request; batches and subscriptions are refused. WebSockets on the same path go to `gateway.sockets`. A query whose
client disconnects is cancelled, a mutation is finished. Answers are never cached (`Cache-Control: no-store`).
"""

import asyncio
from collections.abc import Mapping

from graphql import OperationType
from starlette.types import Receive, Scope, Send

from booking.services import Services
from gateway.callers.authentication import Authenticator
from gateway.client_disconnect import Client
from gateway.document_policies import DocumentPolicies
from gateway.errors import as_request_error
from gateway.execution import Executed
from gateway.graphql import build_schema
from gateway.headers import RequestHeaders
from gateway.http_answer import Answer, answer, refusal
from gateway.http_request import ClientGone, MethodNotAllowed, read_get, read_post
from gateway.idempotency.guard import MutationGuard
from gateway.idempotency.keys import KEY_HEADER
from gateway.limits.parse_queue import ParseQueue
from gateway.media_types import JSON, answer_type
from gateway.pipeline import Pipeline
from gateway.rates import OperationRates
from gateway.requests import REQUEST_ID_HEADER, InLogs, Requests, request_id_of
from gateway.sockets import SocketEndpoint, SocketRules
from gateway.trusted_documents import TrustedDocuments
from schema.context import Context, Course
from schema.errors import RequestError
from schema.executable import executable


class SubscriptionOverHttp(RequestError):
    """A subscription was sent over HTTP."""

    message = "Subscriptions run over a WebSocket: open one at this address, by graphql-transport-ws."


class MutationByGet(RequestError):
    """A mutation was sent by GET, which must not change anything."""

    message = "Send mutations by POST: a GET changes nothing."
    status = 405
    headers: Mapping[str, str] = {"Allow": "POST"}


class GraphQLEndpoint:
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
        schema = build_schema(guard)
        self.parse_queue = ParseQueue()
        policies = DocumentPolicies(
            executable(schema),
            parse_queue=self.parse_queue,
            trusted=trusted,
            open_to_developers=open_to_developers,
            open_to_operators=open_to_operators,
        )
        self._pipeline = Pipeline(schema, policies=policies, rates=rates)
        self._requests = Requests(services=services, authenticator=authenticator, rates=rates)
        self._sockets = SocketEndpoint(
            pipeline=self._pipeline, requests=self._requests, rules=sockets, parse_queue=self.parse_queue
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or serve one WebSocket until it closes."""
        if scope["type"] != "http":
            await self._sockets(scope, receive, send)
            return
        headers = RequestHeaders(scope["headers"])
        request_id = request_id_of(headers.get(REQUEST_ID_HEADER))
        course = Course()
        client = Client(receive, may_be_given_up=lambda: not course.changing)
        try:
            found = await self._answer(scope, headers, client, request_id, course)
            client.answered()
            await found.send(send, request_id=request_id)
        except ClientGone:
            pass
        except asyncio.CancelledError:
            if not client.was_given_up():
                raise
        finally:
            client.answered()

    async def _answer(
        self, scope: Scope, headers: RequestHeaders, client: Client, request_id: str, course: Course
    ) -> Answer:
        media_type = JSON
        try:
            media_type = answer_type(headers.get("accept"))
            with InLogs(request_id):
                key = headers.get(KEY_HEADER)
                context = await self._requests.context(headers, request_id=request_id, key=key, course=course)
                executed = await self._executed(scope, headers, client, context)
            return answer(executed, context, media_type)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001  # such as a failure to authenticate the caller
            return refusal(as_request_error(error, request_id=request_id), media_type)

    async def _executed(
        self, scope: Scope, headers: RequestHeaders, client: Client, context: Context
    ) -> Executed:
        method = scope["method"]
        if method == "POST":
            request = await read_post(
                headers, client.receive, parse_queue=self.parse_queue, sender=context.sender
            )
            return await self._pipeline.execute(request, context, check_kind=_by_post)
        if method == "GET":
            client.listen()  # a GET has no body, so a disconnect can be awaited at once
            request = read_get(scope["query_string"])
            return await self._pipeline.execute(request, context, check_kind=_by_get)
        raise MethodNotAllowed


def _by_post(kind: OperationType) -> None:
    if kind is OperationType.SUBSCRIPTION:
        raise SubscriptionOverHttp


def _by_get(kind: OperationType) -> None:
    _by_post(kind)
    if kind is OperationType.MUTATION:
        raise MutationByGet
