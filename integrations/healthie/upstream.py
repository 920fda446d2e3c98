"""UpstreamCheck: checks Healthie's schema for drift from the contract, and the sunset date of the API version."""

import asyncio
from collections.abc import Mapping
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
from booking.sync.drift import DriftFinding, DriftReport, Severity
from integrations.healthie.drift import contract_schema, differences, operations
from integrations.healthie.errors import GraphQLErrors, UnsupportedVersion
from integrations.healthie.generated.base_model import BaseModel
from integrations.healthie.generated.client import Client
from integrations.healthie.permission_check import PermissionCheck
from integrations.upstream.errors import ContractBroken, InvalidRequest, reading

OPERATION = "IntrospectionQuery"

# Enough time to adopt the next version: read the changes, adapt the contract, test in the sandbox, and wait for a quiet week.
SUNSET_NEAR = 60  # days


class Introspection(BaseModel):
    """The response to an introspection query."""

    content: Any = Field(alias="__schema")


def compare(present: GraphQLSchema) -> DriftReport:
    """Compare a schema with the contract; takes about a second of CPU.

    Raises ValueError for a schema without queries.
    """
    if present.query_type is None:
        raise ValueError("a schema without queries")
    found = differences(contract_schema(), operations(), present)
    return DriftReport(version=None, sunset=None, days_left=None, findings=tuple(found))


def compare_sdl(sdl: str) -> DriftReport:
    """Compare a schema in SDL with the contract. Raises UpstreamUnavailable when the text is not a schema."""
    try:
        return compare(build_schema(sdl))
    except (GraphQLError, TypeError, ValueError) as error:
        raise UpstreamUnavailable(str(error)) from error


class UpstreamCheck:
    """The port DriftCheck, against the configured Healthie. `warnings` are the API warnings of its responses, by code."""

    def __init__(
        self,
        *,
        client: Client,
        version: str,
        warnings: Mapping[str, Mapping[str, Any]],
        permissions: PermissionCheck,
    ) -> None:
        self._client = client
        self.permissions = permissions
        self._version = version
        self._warnings = warnings

    async def check(self, today: date) -> DriftReport:
        """Compare Healthie's present schema with the contract, and the keys' permissions with what they need.

        Raises UpstreamUnavailable when the schema cannot be read.
        """
        with reading():
            try:
                content = await self._introspect()
            except UnsupportedVersion:
                return self._report([_gone(self._version)], today)
            try:
                # In a thread: the schema has more than a thousand types.
                report = await asyncio.to_thread(lambda: compare(build_client_schema(content)))
            except (GraphQLError, TypeError, ValueError, KeyError) as error:
                raise ContractBroken(OPERATION, "no_schema") from error
        return self._report([*report.findings, *await self.permissions.findings()], today)

    async def _introspect(self) -> IntrospectionQuery:
        """The schema, including deprecated arguments if the server supports that."""
        try:
            return await self._ask(input_value_deprecation=True)
        except (InvalidRequest, GraphQLErrors):
            return await self._ask(input_value_deprecation=False)

    async def _ask(self, *, input_value_deprecation: bool) -> IntrospectionQuery:
        answer = await self._client.execute(
            Introspection,
            query=get_introspection_query(
                descriptions=False, input_value_deprecation=input_value_deprecation
            ),
            operation_name=OPERATION,
            mutation=False,
            variables={},
        )
        return {"__schema": answer.content}

    def _report(self, findings: Any, today: date) -> DriftReport:
        sunset = _day(self._warnings.get("API_VERSION_SUNSET_WARNING", {}).get("sunset_date"))
        days = (sunset - today).days if sunset else None
        near = [_near(self._version, sunset)] if days is not None and days < SUNSET_NEAR else []
        return DriftReport(
            version=self._version,
            sunset=sunset,
            days_left=days,
            findings=tuple(sorted([*findings, *near], key=lambda each: list(Severity).index(each.severity))),
        )


def _gone(version: str) -> DriftFinding:
    return DriftFinding(severity=Severity.BREAKING, what=f"API version {version} is not answered.")


def _near(version: str, sunset: date | None) -> DriftFinding:
    """The finding of a near sunset. Without the number of days, so that it is the same finding every day."""
    return DriftFinding(
        severity=Severity.WARNING, what=f"API version {version} stops being answered on {sunset}."
    )


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
