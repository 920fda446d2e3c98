"""Base: the base class of the generated client. Turns an operation into a request and decodes the response.

Audit, rate limit, circuit breakers and retries come from `integrations.upstream.calls`.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from typing import Protocol, TypeVar

import structlog
from pydantic_core import to_jsonable_python

from integrations.healthie.decoding import decode
from integrations.healthie.errors import UnsupportedVersion
from integrations.healthie.generated.base_model import UNSET, BaseModel
from integrations.healthie.operation_kinds import kind_of
from integrations.healthie.subjects import is_public, patient_in
from integrations.healthie.transport import Acting, Connection, GraphQLRequest
from integrations.upstream.audit import CallAudit
from integrations.upstream.calls import KeyedCaller
from integrations.upstream.errors import NotPermitted, NotSent
from integrations.upstream.gate import Gate
from integrations.upstream.transport import MUTATION_TIMEOUT, READ_TIMEOUT, SLOW_READ_TIMEOUT

log = structlog.get_logger(__name__)

M = TypeVar("M", bound=BaseModel)

# Called with every refusal of a permission.
ToldRefusal = Callable[[NotPermitted], Awaitable[None]]

SLOW_READS = frozenset({"AvailableSlots", "AvailableDays", "IntrospectionQuery"})

# Seconds for all attempts at a read together. For a checkout this includes the wait in the send queue: a step of a checkout is one
# mutation and up to three reads (the key's owner, the state before, the read-back), and must end within its own budget.
READ_BUDGET = 12.0
SLOW_READ_BUDGET = 18.0


# Seconds after which a call is not sent again on another version: the lease of its checkout is not made for a second one, and who
# comes after it may already send the same. What was spent until then is taken from the time of the second.
REPLACED_WITHIN = 5.0


class TagForbidden(Exception):
    """The document or its variables name a tag.

    Practices connect tags to billing, so applying one can charge a patient.
    """


_NAME = re.compile(r"[A-Za-z_]\w*")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@lru_cache(maxsize=4096)  # of names, which are few; the bound is for a mistake
def _names_a_tag(name: str) -> bool:
    words = {word.lower() for word in _WORD.findall(name)}
    return bool(words & {"tag", "tags", "tagged", "tagging"}) or name.lower() == "bulkapply"


@cache
def forbid_tags(document: str) -> None:
    """Raise TagForbidden when a GraphQL document names a tag mutation, field or argument.

    Cached: documents are constants.
    """
    if any(_names_a_tag(name) for name in _NAME.findall(document)):
        raise TagForbidden("a document names a tag")


def _forbid_tags_in(value: object) -> None:
    if isinstance(value, Mapping):
        if any(_names_a_tag(str(key)) for key in value):
            raise TagForbidden("a variable names a tag")
        for inner in value.values():
            _forbid_tags_in(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for inner in value:
            _forbid_tags_in(inner)


class Versions(Protocol):
    """Which version of Healthie's API to ask for (`version_choice`)."""

    @property
    def used(self) -> str:
        """The version in use."""

    async def replace(self, refused: str) -> bool:
        """Choose again because a version was refused. Returns whether another one is in use."""


class Base:
    """Makes calls with one API key. Cheap to create: it holds no connection of its own."""

    def __init__(
        self,
        *,
        connection: Connection,
        acting: Acting,
        audit: CallAudit,
        versions: Versions,
        gate: Gate | None = None,
        not_permitted: ToldRefusal | None = None,
    ) -> None:
        """`not_permitted` is called with every refusal of a permission, before it is raised."""
        self._not_permitted = not_permitted
        self._connection = connection
        self._versions = versions
        self._acting = acting
        self._caller = KeyedCaller(acting=acting.name, key=acting.key, audit=audit, gate=gate)

    async def execute(
        self,
        result: type[M],
        *,
        query: str,
        operation_name: str,
        mutation: bool,
        variables: dict[str, object],
        version: str | None = None,
    ) -> M:
        """Send an operation and decode the response. A mutation is sent once, a read up to three times.

        With `version` it is sent on that API version. Without, on the one in use; if Healthie refuses that, which it does before
        it executes anything, another is chosen and the operation is sent on it, unless choosing took too long (NotSent).
        Raises CallError, and TagForbidden before anything is sent.
        """
        forbid_tags(query)
        sent = {name: to_jsonable_python(value) for name, value in variables.items() if value is not UNSET}
        _forbid_tags_in(sent)
        request = GraphQLRequest(
            operation=operation_name,
            mutation=mutation,
            kind=kind_of(operation_name, mutation=mutation),
            public=is_public(operation_name),
            patient_id=patient_in(operation_name, sent),
            document=query,
            variables=sent,
            timeout=_timeout(operation_name, mutation=mutation),
            budget=SLOW_READ_BUDGET if operation_name in SLOW_READS else READ_BUDGET,
            version=version or self._versions.used,
        )
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await self._call(result, request)
        except UnsupportedVersion:
            if version is not None or not await self._versions.replace(request.version):
                raise
        spent = loop.time() - began
        if spent > REPLACED_WITHIN:
            raise NotSent(operation_name, "version_replaced_late")
        return await self._call(result, on_version(request, self._versions.used, spent=spent))

    async def _call(self, result: type[M], request: GraphQLRequest) -> M:
        try:
            return await self._caller.call(
                request,
                send=partial(self._connection.send, request, self._acting),
                decode=partial(decode, result, request),
            )
        except NotPermitted as error:
            await self._tell(error)
            raise

    async def _tell(self, error: NotPermitted) -> None:
        log.error(
            "healthie.not_permitted",
            operation=error.operation,
            permission=error.permission,
            acting=error.acting,
        )
        if self._not_permitted is not None:
            await self._not_permitted(error)


def on_version(request: GraphQLRequest, version: str, *, spent: float) -> GraphQLRequest:
    """The request on another version, in what is left of its time (seconds)."""
    return replace(request, version=version, timeout=request.timeout - spent, budget=request.budget - spent)


def _timeout(operation: str, *, mutation: bool) -> float:
    if mutation:
        return MUTATION_TIMEOUT
    return SLOW_READ_TIMEOUT if operation in SLOW_READS else READ_TIMEOUT
