"""The answer to a GraphQL request over HTTP: status, headers and JSON text, as GraphQL over HTTP says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import Send

from gateway.errors import explain, format_error, request_error_body
from gateway.execution import Executed
from gateway.media_types import GRAPHQL_JSON, JSON
from gateway.requests import REQUEST_ID_HEADER
from schema.context import Context
from schema.errors import RequestError

_CONTENT_TYPES = {
    media_type: (b"content-type", f"{media_type}; charset=utf-8".encode())
    for media_type in (JSON, GRAPHQL_JSON)
}
_REQUEST_ID = REQUEST_ID_HEADER.encode()
_NOT_CACHED = (b"cache-control", b"no-store")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One response, still without the headers that every response has."""

    status: int
    media_type: str
    headers: Mapping[str, str]
    body: bytes

    async def send(self, send: Send, *, request_id: str) -> None:
        """Send it as ASGI messages."""
        headers = [
            (b"content-length", str(len(self.body)).encode()),
            _CONTENT_TYPES[self.media_type],
            (_REQUEST_ID, request_id.encode()),
            _NOT_CACHED,
        ]
        for name, value in self.headers.items():
            headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def answer(executed: Executed, context: Context, media_type: str) -> Answer:
    """The response to an operation, executed or refused by the pipeline."""
    if executed.errors or executed.data is None:
        return _with_errors(executed, context, media_type)
    notes = context.response
    return Answer(
        status=notes.status or 200,
        media_type=media_type,
        headers=notes.headers,
        body=b'{"data":%b}' % executed.data,
    )


def refusal(error: RequestError, media_type: str) -> Answer:
    """The response to a request of which no operation was read."""
    return Answer(
        status=error.status,
        media_type=media_type,
        headers=error.headers,
        body=_json(request_error_body(error)),
    )


def _with_errors(executed: Executed, context: Context, media_type: str) -> Answer:
    """Every error explained; the first one with a status sets that of the response.

    A request that was not executed has no `data`; it is a 400 for `application/graphql-response+json` (GraphQL over HTTP).
    """
    notes = context.response
    explained = [(error, explain(error, request_id=context.request_id)) for error in executed.errors]
    status, headers = notes.status, dict(notes.headers)
    for _, one in explained:
        if one.status is not None and status is None:
            status = one.status
            headers.update(one.headers)
    errors = _json([format_error(error, one) for error, one in explained])
    if executed.data is not None:
        body = b'{"data":%b,"errors":%b}' % (executed.data, errors)
    else:
        body = b'{"errors":%b}' % errors
        if media_type == GRAPHQL_JSON:
            status = status or 400
    return Answer(status=status or 200, media_type=media_type, headers=headers, body=body)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
