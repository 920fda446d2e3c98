"""Recognises the refusal of a request whose API key lacks a permission.

Healthie's guide on error handling names no form for this. `FORMS` are the forms that its documentation shows elsewhere, and the
codes that can mean nothing else; any other text leaves a mutation's outcome unknown. A refusal counts only when it is the whole
response: every error and every message is one, and no record stands beside them. An error below a mutation's own field is of a
record that was made, and may not be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Place(StrEnum):
    """The part of a response that holds the text of a refusal."""

    CODE = "errors[].extensions.code"
    ERROR = "errors[].message"
    MESSAGE = "messages[].message"


@dataclass(frozen=True, kw_only=True)
class RefusalForm:
    """One form of the refusal: the whole text, without regard to case, kind of apostrophe and a final full stop."""

    place: Place
    text: str
    source: str


_CLAIMS = "Healthie's guide on locked CMS 1500 claims: in `errors` and in `messages`"
_SENTENCE = (
    "You don't have permission to perform this operation. Please reach out to support if the problem persists"
)

FORMS = (
    RefusalForm(place=Place.CODE, text="UNAUTHORIZED", source="the usual code of GraphQL servers"),
    RefusalForm(place=Place.CODE, text="FORBIDDEN", source="the usual code of GraphQL servers"),
    RefusalForm(place=Place.ERROR, text="Unauthorized", source="Healthie's guide on insurance payments"),
    RefusalForm(place=Place.ERROR, text=_SENTENCE, source=_CLAIMS),
    RefusalForm(place=Place.MESSAGE, text=_SENTENCE, source=_CLAIMS),
)


def refuses_permission(body: Mapping[str, Any], *, mutation: bool) -> bool:
    """Whether the JSON body of a response is the refusal of a permission, and nothing else."""
    errors, data = body.get("errors") or [], body.get("data")
    if not isinstance(errors, list) or not all(_is_refused(each) for each in errors):
        return False
    if mutation and any(is_within(each) for each in errors):
        return False
    payloads = [each for each in data.values() if each is not None] if isinstance(data, dict) else []
    if payloads:
        return mutation and all(_only_refuses(each) for each in payloads)
    return bool(errors)


def is_within(error: object) -> bool:
    """Whether an error is of a field below the root field, which was executed before it.

    GraphQL makes null of the nearest field that may be null, up to the root field: null there does not tell that nothing was done.
    """
    path = error.get("path") if isinstance(error, dict) else None
    return isinstance(path, list) and len(path) > 1


def _is_refused(error: object) -> bool:
    if not isinstance(error, dict):
        return False
    extensions = error.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    if code is not None:
        return _is_form(Place.CODE, code)
    return _is_form(Place.ERROR, error.get("message"))


def _only_refuses(payload: object) -> bool:
    """Whether a mutation's payload has messages, all of them refusals, and nothing else."""
    if not isinstance(payload, dict):
        return False
    messages = payload.get("messages")
    beside = [value for name, value in payload.items() if name not in {"messages", "__typename"}]
    return (
        isinstance(messages, list)
        and bool(messages)
        and all(isinstance(each, dict) and _is_form(Place.MESSAGE, each.get("message")) for each in messages)
        and not any(beside)
    )


def _is_form(place: Place, said: object) -> bool:
    return isinstance(said, str) and (place, _plain(said)) in _KNOWN


def _plain(text: str) -> str:
    return text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").strip().removesuffix(".").casefold()


_KNOWN = frozenset((form.place, _plain(form.text)) for form in FORMS)
