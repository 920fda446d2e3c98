"""Parses and formats the messages of graphql-transport-ws."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gateway.graphql_request import GraphQLRequest
from gateway.strict_json import read_json
from gateway.trusted_documents import named_in

# A close reason has at most 123 bytes (RFC 6455, section 5.5), and may repeat an id.
_LONGEST_ID = 80

_Object: TypeAlias = dict[str, Any] | None


class Close(Exception):
    """Closes the socket with a code and a reason; codes 44xx are the protocol's own."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(code, reason)


class Malformed(Close):
    """The message has no type or form that the protocol defines (4400)."""

    def __init__(self, reason: str) -> None:
        super().__init__(4400, reason)


@dataclass(frozen=True, kw_only=True)
class Init:
    """`connection_init`: the caller's credentials."""

    payload: _Object = None


@dataclass(frozen=True, kw_only=True)
class Ping:
    """`ping`: is answered with a pong."""

    payload: _Object = None


@dataclass(frozen=True, kw_only=True)
class Pong:
    """`pong`: is not answered."""


@dataclass(frozen=True, kw_only=True)
class Subscribe:
    """`subscribe`: runs an operation of any kind, queries and mutations included."""

    id: str  # the client's name for it
    request: GraphQLRequest


@dataclass(frozen=True, kw_only=True)
class Complete:
    """`complete`: the client cancels an operation."""

    id: str


Message: TypeAlias = Init | Ping | Pong | Subscribe | Complete


def read_message(text: str) -> Message:
    """Parses a client's message. Raises Malformed, whose reason quotes nothing of the message."""
    try:
        value = read_json(text)
    except ValueError as error:
        raise Malformed("A message must be valid JSON") from error
    if not isinstance(value, dict):
        raise Malformed("A message must be a JSON object")
    match value.get("type"):
        case "connection_init":
            return Init(payload=_object(value, "payload"))
        case "ping":
            return Ping(payload=_object(value, "payload"))
        case "pong":
            _object(value, "payload")
            return Pong()
        case "subscribe":
            return _subscribe(value)
        case "complete":
            return Complete(id=_id(value))
    raise Malformed("A message must have a type that clients may send")


def ack() -> str:
    """`connection_ack`: accepts the connection."""
    return json.dumps({"type": "connection_ack"})


def pong(ping: Ping) -> str:
    """`pong`: answers a ping with its payload."""
    payload = {"payload": ping.payload} if ping.payload is not None else {}
    return json.dumps({"type": "pong", **payload})


def next_result(name: str, data: bytes, more: Mapping[str, Any]) -> str:
    """`next`: one result of an operation: the JSON text of its `data`, and what else is in the payload."""
    others = "".join(f",{json.dumps(key)}:{json.dumps(value)}" for key, value in more.items())
    return f'{{"id":{json.dumps(name)},"type":"next","payload":{{"data":{data.decode()}{others}}}}}'


def failed(name: str, errors: Sequence[Mapping[str, Any]]) -> str:
    """`error`: the operation was not executed. Ends it."""
    return json.dumps({"id": name, "type": "error", "payload": errors})


def completed(name: str) -> str:
    """`complete`: ends an operation."""
    return json.dumps({"id": name, "type": "complete"})


def _subscribe(value: Mapping[str, Any]) -> Subscribe:
    payload = _object(value, "payload") or {}
    query, operation_name = payload.get("query"), payload.get("operationName")
    _object(payload, "extensions")
    extensions = named_in(payload)
    if not isinstance(query, str | None) or not (query or extensions):
        raise Malformed("payload.query must be a document")
    if not isinstance(operation_name, str | None):
        raise Malformed("payload.operationName must be a string or null")
    return Subscribe(
        id=_id(value),
        request=GraphQLRequest(
            query=query,
            operation_name=operation_name,
            variables=_object(payload, "variables") or {},
            extensions=extensions or {},
        ),
    )


def _id(value: Mapping[str, Any]) -> str:
    name = value.get("id")
    if not isinstance(name, str) or not 0 < len(name.encode()) <= _LONGEST_ID:
        raise Malformed(f"id must be a string of 1 to {_LONGEST_ID} bytes")
    return name


def _object(value: Mapping[str, Any], name: str) -> _Object:
    found = value.get(name)
    if not isinstance(found, dict | None):
        raise Malformed(f"{name} must be an object or null")
    return found
