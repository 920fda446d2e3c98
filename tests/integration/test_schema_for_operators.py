"""Where GraphiQL is for operators, the schema tells of itself to them and to nobody else, whatever the transport."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from graphql import get_introspection_query
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.principals import PrincipalKind, guest_of
from gateway.settings.api import TrustedDocumentsMode
from gateway.trusted_documents import TrustedDocuments, by_every_name
from tests.integration.graphql_world import Api, api_on
from tests.integration.socket_client import connected, served

SCHEMA = '{ __type(name: "Query") { name } }'
PLANS = "{ plans { totalCount } }"
MISSPELT = "{ planz { totalCount } }"


@pytest.fixture
async def api(sqlite_engine: AsyncEngine) -> AsyncIterator[Api]:
    trusted = TrustedDocuments(mode=TrustedDocumentsMode.REQUIRE, texts=by_every_name({"plans": PLANS}))
    async with api_on(sqlite_engine, open_to_operators=True, trusted=trusted) as one:
        yield one


@pytest.fixture
async def open_api(sqlite_engine: AsyncEngine) -> AsyncIterator[Api]:
    async with api_on(sqlite_engine, open_to_operators=True) as one:
        yield one


def everybody_else(api: Api) -> dict[str, Api]:
    return {
        "nobody": api,
        "visitor": api.visitor(),
        "guest": api.bearer(api.tokens.guest(guest_of("chk_sample").id)),
        "patient": api.patient(),
        "staff": api.staff(),
    }


async def test_an_operator_reads_the_schema_and_sends_documents_of_their_own(api: Api) -> None:
    operator = api.staff(PrincipalKind.OPERATOR)
    assert (await operator.ask(get_introspection_query())).data["queryType"]["name"] == "Query"
    assert (await operator.ask("{ operations { checkouts { nodes { id } } } }")).data == {
        "checkouts": {"nodes": []}
    }
    named = await operator.http.post("/graphql", json={"documentId": "plans"}, headers=operator.headers)
    assert named.json() == {"data": {"plans": {"totalCount": 4}}}


async def test_an_operator_is_told_what_a_misspelt_name_may_have_meant(open_api: Api) -> None:
    told = (await open_api.staff(PrincipalKind.OPERATOR).ask(MISSPELT)).body["errors"][0]["message"]
    assert "Did you mean" in told
    for api in everybody_else(open_api).values():
        assert "Did you mean" not in (await api.ask(MISSPELT)).body["errors"][0]["message"]


@pytest.mark.parametrize("first", ["operator", "others"])
async def test_nobody_else_reads_it_whoever_asked_first(open_api: Api, first: str) -> None:
    operator = open_api.staff(PrincipalKind.OPERATOR)
    if first == "operator":
        assert (await operator.ask(SCHEMA)).data
    for name, api in everybody_else(open_api).items():
        assert (await api.ask(SCHEMA)).code == "GRAPHQL_VALIDATION_FAILED", name
    assert (await operator.ask(SCHEMA)).data


async def test_nobody_else_sends_what_is_not_in_the_manifest(api: Api) -> None:
    for name, one in everybody_else(api).items():
        assert (await one.ask(SCHEMA)).code == "PERSISTED_DOCUMENT_REQUIRED", name


async def test_over_a_socket_it_is_the_same(open_api: Api) -> None:
    async def asked(api: Api) -> Any:
        async with served(open_api.endpoint) as url, connected(url) as socket:
            await socket.open(api.headers)
            await socket.subscribe(SCHEMA)
            return await socket.hear()

    assert (await asked(open_api.staff(PrincipalKind.OPERATOR)))["payload"]["data"]["__type"]
    assert (await asked(open_api.patient()))["type"] == "error"


async def test_without_the_setting_it_is_for_nobody(sqlite_engine: AsyncEngine) -> None:
    async with api_on(sqlite_engine) as api:
        assert (await api.staff(PrincipalKind.OPERATOR).ask(SCHEMA)).code == "GRAPHQL_VALIDATION_FAILED"
