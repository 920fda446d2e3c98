"""Content negotiation: the media types of requests and responses (GraphQL over HTTP, sections 4 and 6)."""

from functools import lru_cache

from schema.errors import RequestError

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"

# The first wins when both are wanted alike. A wildcard means the second, which older clients expect.
_ANSWERS = (GRAPHQL_JSON, JSON)
_WILDCARDS = {"*/*": JSON, "application/*": JSON}

# Values of headers whose meaning is remembered: clients send a handful.
_REMEMBERED = 64

_UTF_8 = {"utf-8", "utf8"}


class NotAcceptable(RequestError):
    """The client accepts neither media type of a response."""

    code = "NOT_ACCEPTABLE"
    message = f"Accept {GRAPHQL_JSON} or {JSON}."
    status = 406


class UnsupportedMediaType(RequestError):
    """The body is not JSON. Forms and plain text are refused, since pages of other sites may send those without a preflight."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    message = f"Send the request as {JSON} in UTF-8."
    status = 415


@lru_cache(maxsize=_REMEMBERED)
def answer_type(accept: str | None) -> str:
    """The media type of the response to a request with this Accept header. Raises NotAcceptable."""
    if accept is None or not accept.strip():
        return JSON
    wanted = {answer: _preference(accept, answer) for answer in _ANSWERS}
    best = max(_ANSWERS, key=wanted.__getitem__)
    if wanted[best] <= 0:
        raise NotAcceptable
    return best


@lru_cache(maxsize=_REMEMBERED)
def check_body_type(content_type: str | None) -> None:
    """Raises UnsupportedMediaType unless the body is JSON in UTF-8."""
    name, parameters = _parts(content_type or "")
    if name != JSON or parameters.get("charset", "utf-8").lower() not in _UTF_8:
        raise UnsupportedMediaType


def _preference(accept: str, answer: str) -> float:
    """The quality of a media type, 0 to 1. A named type takes precedence over a wildcard (RFC 9110, section 12.5.1)."""
    named: float | None = None
    wild = 0.0
    for entry in accept.split(","):
        name, parameters = _parts(entry)
        if name == answer:
            named = max(named or 0.0, _quality(parameters))
        elif _WILDCARDS.get(name) == answer:
            wild = max(wild, _quality(parameters))
    return wild if named is None else named


def _quality(parameters: dict[str, str]) -> float:
    try:
        return min(1.0, max(0.0, float(parameters.get("q", "1"))))
    except ValueError:
        return 0.0


def _parts(header: str) -> tuple[str, dict[str, str]]:
    """A media type's name and its parameters; both names in lower case."""
    name, *rest = header.split(";")
    pairs = (one.partition("=") for one in rest)
    return name.strip().lower(), {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
