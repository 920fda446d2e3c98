"""Reads a GraphQL request from HTTP: method, media type, body or query string, and the type of each of its parts."""

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import QueryParams
from starlette.types import Receive

from gateway.graphql_request import GraphQLRequest
from gateway.headers import Headers
from gateway.limits.parse_queue import SMALL, ParseQueue
from gateway.media_types import check_body_type
from gateway.strict_json import read_json
from gateway.trusted_documents import named_in
from schema.errors import RequestError

# Bytes. The largest real document with its variables is some kilobytes.
_LONGEST_BODY = 100_000

_KINDS: Mapping[str, tuple[type, str]] = {
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


class MethodNotAllowed(RequestError):
    """The method is neither GET nor POST."""

    message = "GraphQL only supports GET and POST requests."
    status = 405
    headers: Mapping[str, str] = {"Allow": "GET, POST"}


class ClientGone(Exception):
    """The client disconnected before its body had arrived: there is nobody to answer."""


def read_get(query_string: bytes) -> GraphQLRequest:
    """The request in the query string of a GET. Raises BadRequest."""
    given: dict[str, Any] = dict(QueryParams(query_string))
    for name in ("variables", "extensions"):
        if given.get(name):
            given[name] = _object(given[name])
    parts = _parts(given)
    return _checked({name: None if value == "" else value for name, value in parts.items()})


async def read_post(
    headers: Headers, receive: Receive, *, parse_queue: ParseQueue, sender: str
) -> GraphQLRequest:
    """The request in the body of a POST; a large one waits for the sender's turn to be parsed.

    Raises UnsupportedMediaType, BodyTooLarge, BadRequest, TooManyRequests, ClientGone.
    """
    check_body_type(headers.get("content-type"))
    body = await _body(receive)
    if len(body) <= SMALL:
        return _checked(_parts(_object(body)))
    async with parse_queue.turn(sender):
        return _checked(_parts(_object(body)))


async def _body(receive: Receive) -> bytes:
    """The whole body. Raises BodyTooLarge before more is held in memory."""
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = message.get("body", b"")
        length += len(part)
        if length > _LONGEST_BODY:
            raise BodyTooLarge
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _object(data: str | bytes) -> dict[str, Any]:
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


def _parts(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "query": given.get("query"),
        "operationName": given.get("operationName"),
        "variables": given.get("variables"),
        "extensions": named_in(given),
    }


def _checked(parts: Mapping[str, Any]) -> GraphQLRequest:
    """The request of these parts. Raises BadRequest for one of another type."""
    for name, value in parts.items():
        kind, expected = _KINDS[name]
        if value is not None and not isinstance(value, kind):
            raise BadRequest(f"{name} must be {expected} or null.")
    return GraphQLRequest(
        query=parts["query"],
        operation_name=parts["operationName"] or None,  # an empty name counts as absent
        variables=parts["variables"] or {},
        extensions=parts["extensions"] or {},
    )
