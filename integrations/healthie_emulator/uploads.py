"""Files in a request: `multipart/form-data` as GraphQL clients send it, with `operations`, `map` and the files."""

import dataclasses
import email
import email.policy
import json
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

from graphql import GraphQLError


@dataclasses.dataclass(frozen=True, kw_only=True)
class UploadedFile:
    """A file that came with a request, in the place of the null that `map` named."""

    filename: str
    content_type: str
    content: bytes = dataclasses.field(repr=False)


def read_multipart(body: bytes, content_type: str, load: Callable[[bytes], Any]) -> Any:
    """Return what `operations` holds, read by `load`, with each file where `map` puts it. Raises GraphQLError."""
    parts = _parts(body, content_type)
    if "operations" not in parts:
        raise GraphQLError("A multipart request needs the field operations")
    given = load(_content(parts["operations"]))
    try:
        for field, paths in json.loads(_content(parts["map"]) if "map" in parts else b"{}").items():
            for path in paths:
                _put(given, path.split("."), _uploaded(field, parts[field]))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise GraphQLError("The map of a multipart request does not fit its files") from None
    return given


def _uploaded(field: str, part: EmailMessage) -> UploadedFile:
    return UploadedFile(
        filename=part.get_filename() or field, content_type=part.get_content_type(), content=_content(part)
    )


def _content(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def check_upload(value: Any) -> None:
    """Refuse what is no file: the scalar `Upload` takes nothing that JSON could carry."""
    if not isinstance(value, UploadedFile):
        raise GraphQLError("An Upload must be a file of a multipart request")


def _parts(body: bytes, content_type: str) -> dict[str, EmailMessage]:
    header = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(header + body, policy=email.policy.HTTP)
    if not message.is_multipart():
        raise GraphQLError("The body is not multipart/form-data")
    found: dict[str, EmailMessage] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if isinstance(part, EmailMessage) and isinstance(name, str):
            found[name] = part
    return found


def _put(given: Any, path: list[str], file: UploadedFile) -> None:
    *steps, last = path
    for step in steps:
        given = given[int(step)] if isinstance(given, list) else given[step]
    if isinstance(given, list):
        given[int(last)] = file
    else:
        given[last] = file
