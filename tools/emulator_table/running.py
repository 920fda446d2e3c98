"""Runs operations against an emulator in this process: each on a practice that is made anew, with the owner's key."""

import dataclasses
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

import httpx2
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, print_ast, validate

from integrations.healthie_emulator import app, dialect
from integrations.healthie_emulator.emulator import Emulator
from integrations.healthie_emulator.seed import described
from tools.emulator_table.prepared import MISPRINTED, OF_CLINICIANS, PREPARED
from tools.emulator_table.reading import Operation, roots
from tools.emulator_table.samples import Samples
from tools.emulator_table.values import chosen

CONTRACT, BASELINE = "2026-01-01", "2024-06-01"

STILL = "2026-11-30T15:00:00+00:00"  # a Monday on which every published version is answered


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one operation."""

    page: str
    name: str
    version: str = ""  # in which it is valid; none: in neither
    ran: bool = False
    deviation: str = ""  # why it is not valid, or did not run
    in_scope: bool = True


async def run(
    operations: Iterable[Operation], overrides: Mapping[tuple[str, str], Mapping[str, Any]]
) -> AsyncIterator[Result]:
    """Run operations. `overrides` are variables by page and name that the values' names and types do not tell."""
    emulator = Emulator()
    transport = httpx2.ASGITransport(app=app.create_app(emulator))
    async with httpx2.AsyncClient(transport=transport, base_url="http://emulator.invalid") as client:
        for each in operations:
            yield await _run(each, _Practice(emulator, client), overrides.get((each.page, each.name), {}))


class _Practice:
    """An emulated practice with one record of most kinds."""

    def __init__(self, emulator: Emulator, client: httpx2.AsyncClient) -> None:
        self.emulator = emulator
        self._client = client

    async def begin(self) -> Samples:
        """Make it anew."""
        await self._client.post("/_control/reset", json={"clock": STILL, "stopped": True})
        samples = Samples(self.emulator.world)
        for document, variables in PREPARED:
            await self.send(document, {name: samples.of(kind) for name, kind in variables.items()}, CONTRACT)
        await self._client.post("/_control/clock", json={"advance": 60})
        await self._client.post("/_control/deliver")  # what is done in the background is done
        return samples

    async def send(self, document: str, variables: Mapping[str, Any], version: str) -> dict[str, Any]:
        """Send one request with the owner's key, or a clinician's where only that will do."""
        people = described(self.emulator.world)
        concerned = any(re.search(rf"\b{root}\b", document) for root in OF_CLINICIANS)
        key = people["clinicians"][0]["key"] if concerned else people["owner"]["key"]
        headers = {
            "Authorization": f"Basic {key}",
            "AuthorizationSource": "API",
            "Healthie-GraphQL-API-Version": "" if version == BASELINE else version,
        }
        body = {"query": document, "variables": variables}
        files = dict(_files(variables, "variables"))
        if not files:
            response = await self._client.post("/graphql", json=body, headers=headers)
        else:  # as GraphQL clients send files: the operation, where its files belong, and the files
            given = {
                "operations": json.dumps(body, default=lambda _: None),
                "map": json.dumps({str(number): [place] for number, place in enumerate(files)}),
            }
            parts = {str(number): ("sample.txt", content) for number, content in enumerate(files.values())}
            response = await self._client.post("/graphql", data=given, files=parts, headers=headers)
        answer: dict[str, Any] = response.json()
        return answer


def _files(value: Any, place: str) -> Iterator[tuple[str, bytes]]:
    """The files in variables, each with the path to its place."""
    if isinstance(value, bytes):
        yield place, value
    for name, inner in value.items() if isinstance(value, Mapping) else ():
        yield from _files(inner, f"{place}.{name}")


async def _run(operation: Operation, practice: _Practice, given: Mapping[str, Any]) -> Result:
    result = Result(page=operation.page, name=operation.name)
    if operation.document is None:
        return dataclasses.replace(result, deviation=f"misprinted: {operation.fault}")
    version, wrong = _version(operation.document)
    if not version:
        missing = _missing_roots(operation.document)
        out = f"out of scope: {', '.join(f'`{each}`' for each in missing)}"
        return dataclasses.replace(
            result, deviation=out if missing else f"misprinted: {wrong}", in_scope=not missing
        )
    document, variables = chosen(app.schema(version), operation.document, await practice.begin(), given)
    answer = await practice.send(print_ast(document), variables, version)
    deviation = _deviation(answer)
    if deviation and (operation.page, operation.name) in MISPRINTED:
        deviation = f"misprinted: {MISPRINTED[operation.page, operation.name]}"
    return dataclasses.replace(result, version=version, ran=not deviation, deviation=deviation)


def _version(operation: DocumentNode) -> tuple[str, str]:
    """The version in which an operation is valid; none, and the first fault of the nearest."""
    faults = {version: _faults(operation, version) for version in (CONTRACT, BASELINE)}
    for version, found in faults.items():
        if not found:
            return version, ""
    return "", min(faults.values(), key=len)[0].message.split(" Did you mean")[0]


def _faults(document: DocumentNode, version: str) -> list[GraphQLError]:
    schema = app.schema(version)
    if dialect.is_spoken_in(version):
        document, _ = dialect.translated(schema, document, {})
    return validate(schema, document)


def _missing_roots(operation: DocumentNode) -> list[str]:
    """The root fields that neither version has."""
    missing = []
    for each in operation.definitions:
        if isinstance(each, OperationDefinitionNode):
            types = [app.schema(version).get_root_type(each.operation) for version in (CONTRACT, BASELINE)]
            known = {name for type_ in types if type_ for name in type_.fields} | {"__typename", "__schema"}
            missing += [name for name in roots(each) if name not in known]
    return missing


def _deviation(answer: Mapping[str, Any]) -> str:
    """Why an answer is no success; empty if it is one."""
    for error in answer.get("errors", ()):
        return f"error: {error['message']}"
    for payload in (answer.get("data") or {}).values():
        for message in (payload.get("messages") if isinstance(payload, dict) else None) or ():
            return f"refused: {message.get('message')}"
    return ""
