"""What a request may be written in, and what its answer is written in: GraphQL over HTTP, sections 4 and 6."""

from schema.errors import RequestError

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"

# Of two that are wanted alike the first is taken; a wildcard means the second, as it did before there was the first.
_ANSWERS = (GRAPHQL_JSON, JSON)
_WILDCARDS = {"*/*": JSON, "application/*": JSON}

_UTF_8 = {"utf-8", "utf8"}


class NotAcceptable(RequestError):
    """The client takes no kind of answer that there is."""

    code = "NOT_ACCEPTABLE"
    message = f"Accept {GRAPHQL_JSON} or {JSON}."
    status = 406


class UnsupportedMediaType(RequestError):
    """A body of another kind. Forms and plain text among them: pages of other sites may send those unasked."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    message = f"Send the request as {JSON} in UTF-8."
    status = 415


def answer_type(accept: str | None) -> str:
    """The media type of the answer to a request with this Accept header. Raises NotAcceptable."""
    if accept is None or not accept.strip():
        return JSON
    wanted = {answer: _wish(accept, answer) for answer in _ANSWERS}
    best = max(_ANSWERS, key=wanted.__getitem__)
    if wanted[best] <= 0:
        raise NotAcceptable
    return best


def check_body_type(content_type: str | None) -> None:
    """Raise UnsupportedMediaType unless it is JSON in UTF-8."""
    name, parameters = _parts(content_type or "")
    if name != JSON or parameters.get("charset", "utf-8").lower() not in _UTF_8:
        raise UnsupportedMediaType


def _wish(accept: str, answer: str) -> float:
    """How much the client wants it, 0 to 1; what is named counts before a wildcard (RFC 9110, section 12.5.1)."""
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
    """A media type's name and parameters, names in lower case."""
    name, *rest = header.split(";")
    pairs = (one.partition("=") for one in rest)
    return name.strip().lower(), {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
