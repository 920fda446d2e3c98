"""GraphQL over HTTP in full: media types, methods, statuses, and documents by name."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.media_types import GRAPHQL_JSON, JSON
from gateway.settings.api import TrustedDocumentsMode
from gateway.trusted_documents import TrustedDocuments, by_every_name, sha_256
from tests.integration.graphql_world import RELEASE, Api, api_on
from tests.integration.socket_client import served

PLANS = "query Plans { plans { totalCount } }"


@pytest.fixture
async def api(sqlite_engine: AsyncEngine) -> AsyncIterator[Api]:
    async with api_on(sqlite_engine) as one:
        yield one


async def test_all_audits_of_graphql_http_pass(sqlite_engine: AsyncEngine, audits: Path) -> None:
    async with api_on(sqlite_engine, open_to_developers=True) as api, served(api.endpoint) as url:
        process = await asyncio.create_subprocess_exec(
            shutil.which("node") or "node",
            "run.mjs",
            url.replace("ws:", "http:"),
            cwd=audits,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
    results = json.loads(output)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == 61


async def send(api: Api, body: Any, accept: str = GRAPHQL_JSON, **headers: str) -> httpx2.Response:
    return await api.http.post("/graphql", json=body, headers={"Accept": accept, **headers})


class TestAnswers:
    @pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
    async def test_have_the_media_type_that_is_wanted(self, api: Api, accept: str) -> None:
        for body in ({"query": PLANS}, {"query": "{"}, {"query": 7}):
            answer = await send(api, body, accept)
            assert answer.headers["Content-Type"] == f"{accept}; charset=utf-8"

    async def test_are_refused_where_none_is_wanted(self, api: Api) -> None:
        answer = await send(api, {"query": PLANS}, "text/html")
        assert answer.status_code == 406
        assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
            ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
            (
                {"query": "query ($n: Int!) { plans(first: $n) { totalCount } }", "variables": {"n": "x"}},
                "BAD_USER_INPUT",
            ),
            (
                {"query": "query ($n: Int!) { plans(first: $n) { totalCount } }", "variables": {"n": 101}},
                "BAD_USER_INPUT",
            ),
        ],
    )
    async def test_to_what_came_to_nothing_have_no_data_and_a_status_of_their_own(
        self, api: Api, body: dict[str, Any], code: str
    ) -> None:
        for accept, status in ((GRAPHQL_JSON, 400), (JSON, 200)):
            answer = await send(api, body, accept)
            assert answer.status_code == status
            assert list(answer.json()) == ["errors"]
            assert answer.json()["errors"][0]["extensions"]["code"] == code

    async def test_with_a_failed_field_are_answers(self, api: Api) -> None:
        answer = await send(api, {"query": 'query { me { id } plans(after: "x") { totalCount } }'})
        assert answer.status_code == 200
        assert answer.json()["data"] is None
        assert answer.json()["errors"][0]["path"] == ["plans"]


class TestMethods:
    async def test_get_carries_variables_and_names(self, api: Api) -> None:
        document = "query A { me { id } } query B($n: Int!) { plans(first: $n) { totalCount } }"
        params = {"query": document, "operationName": "B", "variables": '{"n": 1}', "extensions": ""}
        answer = await api.http.get("/graphql", params=params)
        assert answer.json() == {"data": {"plans": {"totalCount": 4}}}

    @pytest.mark.parametrize("parameter", ["variables", "extensions"])
    @pytest.mark.parametrize("value", ["[]", "7", "{", '{"a":1,"a":2}'])
    async def test_get_with_no_object_is_refused(self, api: Api, parameter: str, value: str) -> None:
        answer = await api.http.get("/graphql", params={"query": PLANS, parameter: value})
        assert answer.status_code == 400

    async def test_get_of_nothing_is_refused(self, api: Api) -> None:
        assert (await api.http.get("/graphql")).status_code == 400

    async def test_a_mutation_by_get_is_refused_whatever_it_is_named(self, api: Api) -> None:
        params = {"query": f"{PLANS} {RELEASE}", "operationName": "Release"}
        answer = await api.visitor().http.get("/graphql", params=params)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")

    async def test_an_operation_of_several_must_be_named(self, api: Api) -> None:
        body = {"query": "query A { me { id } } query B { visitTypes { id } }"}
        for accept in (JSON, GRAPHQL_JSON):
            for name in ({}, {"operationName": None}, {"operationName": ""}):
                answer = await send(api, {**body, **name}, accept)
                assert answer.status_code == 400
                assert answer.json()["errors"][0]["extensions"]["code"] == "OPERATION_NAME_REQUIRED"


class TestTrustedDocuments:
    @pytest.fixture
    async def api(self, sqlite_engine: AsyncEngine) -> AsyncIterator[Api]:
        documents = by_every_name({"relay-name": PLANS, "release": RELEASE})
        trusted = TrustedDocuments(mode=TrustedDocumentsMode.REQUIRE, texts=documents)
        async with api_on(sqlite_engine, trusted=trusted) as one:
            yield one

    @pytest.mark.parametrize(
        "body",
        [
            {"documentId": f"sha256:{sha_256(PLANS)}"},
            {"id": "relay-name", "query": None},
            {"doc_id": "relay-name"},
            {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha_256(PLANS)}}},
            {"query": PLANS},
        ],
    )
    async def test_are_answered_by_name(self, api: Api, body: dict[str, Any]) -> None:
        assert (await send(api, body)).json() == {"data": {"plans": {"totalCount": 4}}}

    async def test_are_answered_by_get(self, api: Api) -> None:
        answer = await api.http.get("/graphql", params={"documentId": f"sha256:{sha_256(PLANS)}"})
        assert answer.json() == {"data": {"plans": {"totalCount": 4}}}

    async def test_by_get_are_no_mutations(self, api: Api) -> None:
        assert (await api.http.get("/graphql", params={"documentId": "release"})).status_code == 405

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"documentId": "none"}, "PERSISTED_DOCUMENT_NOT_FOUND"),
            ({"query": "{ me { id } }"}, "PERSISTED_DOCUMENT_REQUIRED"),
            ({"documentId": 7}, "BAD_REQUEST"),
            ({}, "BAD_REQUEST"),
        ],
    )
    async def test_are_all_there_is(self, api: Api, body: dict[str, Any], code: str) -> None:
        answer = await send(api, body)
        assert answer.status_code == 400
        assert [error["extensions"]["code"] for error in answer.json()["errors"]] == [code]
