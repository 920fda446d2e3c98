"""UpstreamCheck: checks Healthie's schema for drift from the contract, the API versions, and what permissions and settings break."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLSchema,
    IntrospectionQuery,
    build_client_schema,
    build_schema,
    get_introspection_query,
)
from pydantic import Field

from booking.errors import UpstreamUnavailable
from booking.sync.drift import ApiVersion, DriftFinding, DriftReport, Severity
from integrations.healthie.charge_check import ChargeCheck
from integrations.healthie.contract import contract_schema, operations
from integrations.healthie.drift import differences
from integrations.healthie.errors import GraphQLErrors
from integrations.healthie.generated.base_model import BaseModel
from integrations.healthie.generated.client import Client
from integrations.healthie.permission_check import PermissionCheck
from integrations.healthie.version_choice import Standing, VersionChoice
from integrations.healthie.versions import CONTRACT, KNOWN
from integrations.upstream.errors import ContractBroken, InvalidRequest, reading

OPERATION = "IntrospectionQuery"

# Enough time to adopt the next version: read the changes, adapt the contract, test in the sandbox, and wait for a quiet week.
SUNSET_NEAR = 60  # days


class Introspection(BaseModel):
    """The response to an introspection query."""

    content: Any = Field(alias="__schema")


def compare(present: GraphQLSchema, version: str = CONTRACT) -> DriftReport:
    """Compare a schema with the contract as it is for the version; takes about a second of CPU.

    Raises ValueError for a schema without queries.
    """
    if present.query_type is None:
        raise ValueError("a schema without queries")
    found = differences(contract_schema(version), operations(version), present)
    return DriftReport(version=None, sunset=None, days_left=None, findings=tuple(found))


def compare_sdl(sdl: str, *, version: str | None = None) -> DriftReport:
    """Compare a schema in SDL with the contract. Raises UpstreamUnavailable when the text is not a schema."""
    try:
        return compare(build_schema(sdl), version or CONTRACT)
    except (GraphQLError, TypeError, ValueError) as error:
        raise UpstreamUnavailable(str(error)) from error


class UpstreamCheck:
    """The port DriftCheck, against the configured Healthie. `warnings` are its API warnings, by version and code."""

    def __init__(
        self,
        *,
        client: Client,
        versions: VersionChoice,
        warnings: Mapping[tuple[str, str], Mapping[str, Any]],
        permissions: PermissionCheck,
        charges: ChargeCheck,
    ) -> None:
        self._client = client
        self.permissions = permissions
        self.charges = charges
        self._versions = versions
        self._warnings = warnings

    async def check(self, today: date) -> DriftReport:
        """Ask which versions are answered, and compare with what is needed: the present schema of the one in use, the keys' permissions, what Healthie charges by itself.

        Raises UpstreamUnavailable when the schema cannot be read.
        """
        with reading():
            standings = await self._versions.standings()
            used = self._versions.used
            if standings[used] is Standing.REFUSED:
                return self._report([_gone(used)], standings, today)
            content = await self._introspect(used)
            try:
                # In a thread: the schema has more than a thousand types.
                report = await asyncio.to_thread(lambda: compare(build_client_schema(content), used))
            except (GraphQLError, TypeError, ValueError, KeyError) as error:
                raise ContractBroken(OPERATION, "no_schema") from error
        found = [*report.findings, *await self.permissions.findings(), *await self.charges.findings()]
        return self._report(found, standings, today)

    async def _introspect(self, version: str) -> IntrospectionQuery:
        """The schema of a version, including deprecated arguments if the server supports that."""
        try:
            return await self._ask(version, input_value_deprecation=True)
        except (InvalidRequest, GraphQLErrors):
            return await self._ask(version, input_value_deprecation=False)

    async def _ask(self, version: str, *, input_value_deprecation: bool) -> IntrospectionQuery:
        answer = await self._client.execute(
            Introspection,
            query=get_introspection_query(
                descriptions=False, input_value_deprecation=input_value_deprecation
            ),
            operation_name=OPERATION,
            mutation=False,
            variables={},
            version=version,
        )
        return {"__schema": answer.content}

    def _report(
        self, findings: Iterable[DriftFinding], standings: Mapping[str, Standing], today: date
    ) -> DriftReport:
        versions = tuple(self._version(name, standing, today) for name, standing in standings.items())
        used = next(each for each in versions if each.used)
        found = [*findings, *_of_versions(versions, used)]
        return DriftReport(
            version=used.name,
            sunset=used.sunset,
            days_left=used.days_left,
            findings=tuple(sorted(found, key=lambda each: list(Severity).index(each.severity))),
            versions=versions,
            pinned=self._versions.is_pinned,
        )

    def _version(self, name: str, standing: Standing, today: date) -> ApiVersion:
        warned = self._warnings.get((name, "API_VERSION_SUNSET_WARNING"), {}).get("sunset_date")
        sunset = _day(warned) or KNOWN.get(name)
        return ApiVersion(
            name=name,
            answered=standing is not Standing.REFUSED,
            usable=standing is Standing.USABLE,
            used=name == self._versions.used,
            sunset=sunset,
            days_left=(sunset - today).days if sunset else None,
        )


def _of_versions(versions: Iterable[ApiVersion], used: ApiVersion) -> Iterator[DriftFinding]:
    """The findings of the versions themselves."""
    if used.answered and used.days_left is not None and used.days_left < SUNSET_NEAR:
        yield _near(used.name, used.sunset)
    for each in versions:
        if each.answered and not each.usable and each.name >= used.name:
            yield _unusable(each.name)


def _gone(version: str) -> DriftFinding:
    return DriftFinding(severity=Severity.BREAKING, what=f"API version {version} is not answered.")


def _near(version: str, sunset: date | None) -> DriftFinding:
    """The finding of a near sunset. Without the number of days, so that it is the same finding every day."""
    return DriftFinding(
        severity=Severity.WARNING, what=f"API version {version} stops being answered on {sunset}."
    )


def _unusable(version: str) -> DriftFinding:
    return DriftFinding(
        severity=Severity.WARNING,
        what=f"API version {version} is answered, and refuses operations that are sent.",
    )


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
