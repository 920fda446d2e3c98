"""Connection: GraphQL over the shared HTTP pool, with Healthie's headers, and the classification of its responses."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog

from integrations.healthie.answers import record_id
from integrations.healthie.contract import Adapted, adapted
from integrations.healthie.errors import GraphQLErrors, UnsupportedVersion
from integrations.healthie.flat_answers import flat_answer
from integrations.healthie.generated.available_slots import AvailableSlots
from integrations.healthie.permission_refusals import is_within, refuses_permission
from integrations.healthie.permissions import PERMISSION_OF
from integrations.upstream.errors import (
    CallError,
    ContractBroken,
    InvalidRequest,
    NotPermitted,
    RateLimited,
    Unauthorized,
    UnknownOutcome,
    UnreadableAnswer,
)
from integrations.upstream.transport import (
    HttpAnswer,
    HttpPool,
    Message,
    Reply,
    Request,
    refused_by,
    unusable,
)
from integrations.upstream.wire import Wire

log = structlog.get_logger(__name__)

_SERVER_ERRORS = range(500, 600)

# Error codes of refusals that precede the execution of any request. Any other error may come after execution.
_BEFORE_EXECUTION: dict[str, type[CallError]] = {
    "TOO_MANY_REQUESTS": RateLimited,
    "UNSUPPORTED_API_VERSION": UnsupportedVersion,
    "UNAUTHENTICATED": Unauthorized,
    "UNAUTHORIZED": Unauthorized,
    "FORBIDDEN": Unauthorized,
    "GRAPHQL_PARSE_FAILED": InvalidRequest,
    "GRAPHQL_VALIDATION_FAILED": InvalidRequest,
}


@dataclass(frozen=True, kw_only=True)
class Acting:
    """The account that a call is made as."""

    user_id: str | None  # a clinician's id; None: the organisation's own account
    key: str = field(repr=False)

    @property
    def name(self) -> str:
        """The account's name in logs and the audit."""
        return self.user_id or "organization"


@dataclass(frozen=True, kw_only=True)
class GraphQLRequest(Request):
    """An operation with its document, which is written for the contract, and the API version to send it on."""

    document: str
    version: str


class Connection:
    """Healthie's GraphQL endpoint, on one pool per process. `wire` replaces the network (tests)."""

    def __init__(self, *, url: str, shard: str | None, wire: Wire | None) -> None:
        self._url = url
        self._headers = {"AuthorizationSource": "API"}
        if shard:
            self._headers["AuthorizationShard"] = shard
        self._pool = HttpPool(wire=wire)
        # Healthie's API warnings by the version asked for and their code, the latest of each.
        self.warnings: dict[tuple[str, str], dict[str, Any]] = {}

    async def aclose(self) -> None:
        """Close the pool."""
        await self._pool.aclose()

    async def send(self, request: GraphQLRequest, acting: Acting) -> Reply:
        """Make one attempt. Never raises for anything that Healthie or the network does; the reply holds the error."""
        document = adapted(request.document, request.version)
        answer = await self._pool.send(
            request,
            Message(
                url=self._url,
                headers={
                    **self._headers,
                    "Healthie-GraphQL-API-Version": request.version,
                    "Authorization": f"Basic {acting.key}",
                },
                body={
                    "query": document.document,
                    "operationName": request.operation,
                    "variables": request.variables,
                },
            ),
        )
        if not isinstance(answer, HttpAnswer):
            return answer
        flat = self._flat(request, document, answer)
        return answer.brought(flat) if flat else self._read(request, acting, document, answer)

    def _read(self, request: GraphQLRequest, acting: Acting, document: Adapted, answer: HttpAnswer) -> Reply:
        """Classify an HTTP response. Some refusals are not GraphQL at all."""
        body = answer.body if isinstance(answer.body, dict) else None
        refused = refused_by(request, answer.status)
        if refused is not None and not (body and body.get("data")):
            is_forbidden = answer.status == HTTPStatus.FORBIDDEN
            return answer.failed(_not_permitted(request, acting) or refused if is_forbidden else refused)
        if body is None or answer.status in _SERVER_ERRORS:
            return answer.failed(unusable(request, answer.status))
        self._note_warnings(request.version, body.get("extensions"))
        if refuses_permission(body, mutation=request.mutation):
            return answer.failed(_not_permitted(request, acting) or Unauthorized(request.operation))
        try:
            data = document.read(body.get("data"))
        except (TypeError, LookupError, AttributeError, RecursionError):  # of no shape that a reader knows
            return answer.failed(unusable(request, answer.status))
        if body.get("errors") or not isinstance(data, dict):
            return answer.failed(_graphql_error(request, body | {"data": data}))
        return answer.brought(data)

    def _flat(self, request: GraphQLRequest, document: Adapted, answer: HttpAnswer) -> AvailableSlots | None:
        """The decoded data of an answer in its flat form; None for any other answer."""
        if answer.status != HTTPStatus.OK or document.readers:
            return None
        flat = flat_answer(request.operation, answer.content)
        if flat is None:
            return None
        self._note_warnings(request.version, flat.extensions)
        return flat.data

    def _note_warnings(self, version: str, extensions: object) -> None:
        """Store Healthie's API warnings, and log each code once per process and version."""
        warnings = extensions.get("warnings") if isinstance(extensions, dict) else None
        for warning in warnings if isinstance(warnings, list) else []:
            if not isinstance(warning, dict):
                continue
            code = str(warning.get("code"))
            if (version, code) not in self.warnings:
                log.warning(
                    "healthie.api_warning",
                    code=code,
                    version=version,
                    sunset_date=warning.get("sunset_date"),
                )
            self.warnings[version, code] = warning


def _not_permitted(request: Request, acting: Acting) -> NotPermitted | None:
    """The error for a refused permission; None for an operation that needs none: then the key itself is refused."""
    permission = PERMISSION_OF.get(request.operation)
    if permission is None:
        return None
    return NotPermitted(request.operation, permission=permission, acting=acting.name)


def _graphql_error(request: Request, body: dict[str, Any]) -> CallError:
    """The error for a GraphQL response without usable data.

    A known refusal counts only when there is no data beside it, and a mutation's only when it is not of a part of a record.
    """
    errors = body.get("errors")
    codes = {_code_of(error) for error in errors} if isinstance(errors, list) else set()
    data = body.get("data")
    below_root = request.mutation and isinstance(errors, list) and any(map(is_within, errors))
    if not (isinstance(data, dict) and any(value is not None for value in data.values())):
        for code, kind in _BEFORE_EXECUTION.items():
            if code in codes and not below_root:
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
