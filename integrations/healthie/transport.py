"""The connection to Healthie: one pool, the headers of every request, and what one attempt brought back."""

from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2
import structlog

from integrations.healthie.answers import record_id
from integrations.healthie.errors import (
    ContractBroken,
    GraphQLErrors,
    HealthieError,
    InvalidRequest,
    NoAnswer,
    NotSent,
    RateLimited,
    Unauthorized,
    UnknownOutcome,
    UnreadableAnswer,
    UnsupportedVersion,
)

log = structlog.get_logger(__name__)

# Healthie answers catalogue and record reads well within this; a patient waits for them.
READ_TIMEOUT = 10.0
# Availability is computed over calendars and is known to be slow.
SLOW_READ_TIMEOUT = 15.0
# Charges and bookings reach a card processor and calendars; one and the reads around it fit into a step's minute.
MUTATION_TIMEOUT = 20.0
# A host that does not accept a connection within this is not there; nothing has been sent yet.
CONNECT_TIMEOUT = 5.0
# More at once would only queue at Healthie, which locks out callers of some forty rapid requests.
MAX_CONNECTIONS = 20

# These refusals come before a request is executed, whatever the operation. Anything else may have come after.
_BEFORE_EXECUTION: dict[str, type[HealthieError]] = {
    "TOO_MANY_REQUESTS": RateLimited,
    "UNSUPPORTED_API_VERSION": UnsupportedVersion,
    "UNAUTHENTICATED": Unauthorized,
    "UNAUTHORIZED": Unauthorized,
    "FORBIDDEN": Unauthorized,
    "GRAPHQL_PARSE_FAILED": InvalidRequest,
    "GRAPHQL_VALIDATION_FAILED": InvalidRequest,
}
_STATUS_REFUSALS: dict[int, type[HealthieError]] = {401: Unauthorized, 403: Unauthorized, 429: RateLimited}


@dataclass(frozen=True, kw_only=True)
class Acting:
    """On whose key a call is made."""

    user_id: str | None  # a clinician's id; None: the organisation's own account
    key: str = field(repr=False)

    @property
    def name(self) -> str:
        """What logs call it."""
        return self.user_id or "organization"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One operation, ready to be sent."""

    operation: str
    mutation: bool
    document: str
    variables: dict[str, Any] = field(repr=False)
    timeout: float  # seconds, for the whole answer to begin and between its parts


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What one attempt brought back: data to decode, or what went wrong."""

    status: int | None = None
    request_id: str | None = None
    data: Any = field(default=None, repr=False)
    error: HealthieError | None = None


class Connection:
    """One pooled HTTP client per process. `transport` replaces the network (tests, other HTTP stacks)."""

    def __init__(
        self, *, url: str, version: str, shard: str | None, transport: httpx2.AsyncBaseTransport | None
    ) -> None:
        self._url = url
        self._headers = {"AuthorizationSource": "API", "Healthie-GraphQL-API-Version": version}
        if shard:
            self._headers["AuthorizationShard"] = shard
        self._client = httpx2.AsyncClient(
            transport=transport,
            limits=httpx2.Limits(max_connections=MAX_CONNECTIONS),
            # All keys share this client: a session that one was given must not be sent with another's.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )
        self.warnings: dict[str, dict[str, Any]] = {}  # Healthie's, by code; the latest of each

    async def aclose(self) -> None:
        """Close the pool."""
        await self._client.aclose()

    async def send(self, request: Request, acting: Acting) -> Reply:
        """Make one attempt. Never raises for what Healthie or the network does: the reply says it."""
        lost = UnknownOutcome if request.mutation else NoAnswer
        try:
            response = await self._client.post(
                self._url,
                json={
                    "query": request.document,
                    "operationName": request.operation,
                    "variables": request.variables,
                },
                headers={**self._headers, "Authorization": f"Basic {acting.key}"},
                timeout=httpx2.Timeout(request.timeout, connect=CONNECT_TIMEOUT),
            )
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol):
            return Reply(error=NotSent(request.operation))
        except httpx2.TimeoutException:
            return Reply(error=lost(request.operation, "timeout"))
        except httpx2.HTTPError:
            return Reply(error=lost(request.operation, "connection_lost"))
        return self._read(request, response, lost)

    def _read(self, request: Request, response: httpx2.Response, lost: type[HealthieError]) -> Reply:
        """Judge an HTTP answer. Some refusals are not GraphQL at all."""
        reply = Reply(status=response.status_code, request_id=response.headers.get("x-request-id"))
        body = _json_object(response)
        refused = _STATUS_REFUSALS.get(response.status_code)
        if refused is not None and not (body and body.get("data")):
            return _failed(reply, refused(request.operation))
        if body is None or response.is_server_error:
            return _failed(reply, lost(request.operation, _unusable(response)))
        self._note_warnings(body)
        data = body.get("data")
        if body.get("errors") or not isinstance(data, dict):
            return _failed(reply, _graphql_error(request, body))
        return Reply(status=reply.status, request_id=reply.request_id, data=data)

    def _note_warnings(self, body: dict[str, Any]) -> None:
        """Keep what Healthie warns of, and say each code once per process."""
        extensions = body.get("extensions")
        warnings = extensions.get("warnings") if isinstance(extensions, dict) else None
        for warning in warnings if isinstance(warnings, list) else []:
            if not isinstance(warning, dict):
                continue
            code = str(warning.get("code"))
            if code not in self.warnings:
                log.warning("healthie.api_warning", code=code, sunset_date=warning.get("sunset_date"))
            self.warnings[code] = warning


def _json_object(response: httpx2.Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _unusable(response: httpx2.Response) -> str:
    return f"http_{response.status_code}" if response.is_error else "unreadable_answer"


def _failed(reply: Reply, error: HealthieError) -> Reply:
    return Reply(status=reply.status, request_id=reply.request_id, error=error)


def _graphql_error(request: Request, body: dict[str, Any]) -> HealthieError:
    """One error for a GraphQL answer without usable data. A known refusal counts only if nothing was answered beside it."""
    errors = body.get("errors")
    codes = {_code_of(error) for error in errors} if isinstance(errors, list) else set()
    data = body.get("data")
    if not (isinstance(data, dict) and any(value is not None for value in data.values())):
        for code, kind in _BEFORE_EXECUTION.items():
            if code in codes:
                return kind(request.operation)
    elif request.mutation:
        return UnreadableAnswer(request.operation, "errors_beside_data", record_id=record_id(data))
    if request.mutation:
        return UnknownOutcome(request.operation, "graphql_errors" if codes else "no_data")
    return GraphQLErrors(request.operation) if codes else ContractBroken(request.operation, "no_data")


def _code_of(error: object) -> str:
    extensions = error.get("extensions") if isinstance(error, dict) else None
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return str(code or "").upper()
