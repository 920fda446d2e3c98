"""Whether Healthie is still what the contract says, and for how long the version that we ask for is answered."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLSchema,
    IntrospectionQuery,
    build_client_schema,
    get_introspection_query,
)
from pydantic import Field

from integrations.healthie.drift import Finding, Severity, contract_schema, differences, operations
from integrations.healthie.errors import (
    ContractBroken,
    GraphQLErrors,
    InvalidRequest,
    UnsupportedVersion,
    reading,
)
from integrations.healthie.generated.base_model import BaseModel
from integrations.healthie.generated.client import Client

OPERATION = "IntrospectionQuery"

# Enough to take the next version: read what changed, mend the contract, test in the sandbox, and wait for a quiet week.
SUNSET_NEAR = 60  # days


class Introspection(BaseModel):
    """The schema as Healthie tells it."""

    told: Any = Field(alias="__schema")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a check found."""

    version: str | None  # asked for; None: a schema from a file
    sunset: date | None  # when that version stops answering, as far as Healthie says
    days_left: int | None
    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Severity | None:
        """The gravest of the findings; None when there is none."""
        found = {each.severity for each in self.findings}
        return next((each for each in Severity if each in found), None)


def compare(present: GraphQLSchema) -> Report:
    """Hold a schema against the contract: a second of computing. Raises ValueError for what nobody can query."""
    if present.query_type is None:
        raise ValueError("a schema without queries")
    found = differences(contract_schema(), operations(), present)
    return Report(version=None, sunset=None, days_left=None, findings=tuple(found))


class UpstreamCheck:
    """Asks the configured Healthie. `warnings` are those of its answers, by code."""

    def __init__(self, *, client: Client, version: str, warnings: Mapping[str, Mapping[str, Any]]) -> None:
        self._client = client
        self._version = version
        self._warnings = warnings

    async def check(self, today: date) -> Report:
        """Compare Healthie's present schema with the contract. Raises UpstreamUnavailable."""
        with reading():
            try:
                told = await self._introspect()
            except UnsupportedVersion:
                return self._report([_gone(self._version)], today)
            try:
                # Beside the event loop: the schema has more than a thousand types.
                report = await asyncio.to_thread(lambda: compare(build_client_schema(told)))
            except (GraphQLError, TypeError, ValueError, KeyError) as error:
                raise ContractBroken(OPERATION, "no_schema") from error
        return self._report(report.findings, today)

    async def _introspect(self) -> IntrospectionQuery:
        """The schema, with deprecated arguments where the server can tell of them."""
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
        return {"__schema": answer.told}

    def _report(self, findings: Any, today: date) -> Report:
        sunset = _day(self._warnings.get("API_VERSION_SUNSET_WARNING", {}).get("sunset_date"))
        days = (sunset - today).days if sunset else None
        near = [_near(self._version, sunset)] if days is not None and days < SUNSET_NEAR else []
        return Report(
            version=self._version,
            sunset=sunset,
            days_left=days,
            findings=tuple(sorted([*findings, *near], key=lambda each: list(Severity).index(each.severity))),
        )


def _gone(version: str) -> Finding:
    return Finding(severity=Severity.BREAKING, what=f"API version {version} is not answered.")


def _near(version: str, sunset: date | None) -> Finding:
    """Without the number of days: it is the same finding every day."""
    return Finding(severity=Severity.WARNING, what=f"API version {version} stops being answered on {sunset}.")


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
