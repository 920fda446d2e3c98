"""What browsers and balancers meet: CORS, health, GraphiQL, and GraphQL over HTTP."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from integrations.database.migrations import ready
from tests.acceptance import documents
from tests.plugins.stack import Stack, Stacks

ORIGIN = "https://app.example.com"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type, idempotency-key, frontdoor-visitor, authorization",
}


class TestBrowsersOfOtherOrigins:
    async def test_are_allowed_nothing_by_default(self, stack: Stack) -> None:
        preflight = await stack.http.options("/graphql", headers=PREFLIGHT)
        answer = await stack.http.post(
            "/graphql", json={"query": "{ __typename }"}, headers={"Origin": ORIGIN}
        )
        for each in (preflight, answer):
            assert not [name for name in each.headers if name.startswith("access-control-")]

    async def test_are_allowed_what_an_app_needs_when_named(self, stacks: Stacks) -> None:
        stack = await stacks.start(cors_origins=(ORIGIN,))
        preflight = await stack.http.options("/graphql", headers=PREFLIGHT)
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
        allowed = preflight.headers["Access-Control-Allow-Headers"].casefold()
        assert all(name in allowed for name in ("idempotency-key", "frontdoor-visitor", "authorization"))
        assert "Access-Control-Allow-Credentials" not in preflight.headers
        app = await stack.visitor()
        slot = await stack.slot()
        variables = {"input": {"slotId": slot["id"], "timeZone": "UTC"}}
        for _ in range(2):
            answer = await app.post(documents.HOLD, variables, key="1", Origin=ORIGIN)
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        exposed = answer.headers["Access-Control-Expose-Headers"].casefold()
        assert "idempotent-replayed" in exposed
        assert answer.headers["Idempotent-Replayed"] == "true"

    async def test_that_are_not_named_are_allowed_nothing(self, stacks: Stacks) -> None:
        stack = await stacks.start(cors_origins=(ORIGIN,))
        stranger = {**PREFLIGHT, "Origin": "https://elsewhere.example.com"}
        answer = await stack.http.options("/graphql", headers=stranger)
        assert answer.status_code == 400
        assert "Access-Control-Allow-Origin" not in answer.headers


class TestHealth:
    async def test_lives_and_is_ready(self, stack: Stack) -> None:
        for path in ("/healthz", "/readyz"):
            assert (await stack.http.get(path)).status_code == 200

    async def test_is_asked_of_the_database_once_however_many_want_to_know(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Anybody may ask, and nobody is counted."""
        asked: list[AsyncEngine] = []

        async def counted(engine: AsyncEngine) -> bool:
            asked.append(engine)
            return await ready(engine)

        monkeypatch.setattr("gateway.app.ready", counted)
        answers = await asyncio.gather(*(stack.http.get("/readyz") for _ in range(50)))
        assert {answer.status_code for answer in answers} == {200}
        assert len(asked) == 1

    async def test_is_not_ready_without_its_tables_and_lives_all_the_same(self, stack: Stack) -> None:
        def forget() -> None:
            with sqlite3.connect(stack.settings.database_url.removeprefix("sqlite:///")) as connection:
                connection.execute("DELETE FROM alembic_version")
            connection.close()

        # In a thread: what the gateway still writes after its start must be able to end meanwhile.
        await asyncio.to_thread(forget)
        answer = await stack.http.get("/readyz")
        assert (answer.status_code, "frontdoor migrate" in answer.text) == (503, True)
        assert (await stack.http.get("/healthz")).status_code == 200


class TestNetworksThatAreNotToldApart:
    """In production, behind a proxy that was not asked to name its clients, no bound of a network holds."""

    async def started(self, stacks: Stacks, **settings: Any) -> tuple[str, list[str]]:
        """What readiness says, and what was logged of it at the start."""
        with structlog.testing.capture_logs() as logs:
            stack = await stacks.start(**settings)
            answer = await stack.http.get("/readyz")
        assert answer.status_code == 200
        return answer.text, [one["log_level"] for one in logs if one["event"] == "networks.not_told_apart"]

    async def test_are_told_at_the_start_and_by_readiness(self, stacks: Stacks) -> None:
        said, logged = await self.started(stacks, environment="production")
        assert said.startswith("ready")
        assert "FRONTDOOR_CLIENT_ADDRESS_HEADER" in said
        assert logged == ["warning"]

    @pytest.mark.parametrize(
        "settings",
        [
            {"environment": "production", "client_address_header": "X-Forwarded-For"},
            {"environment": "development"},
        ],
        ids=["a header is named", "development"],
    )
    async def test_are_no_matter_otherwise(self, stacks: Stacks, settings: dict[str, str]) -> None:
        assert await self.started(stacks, **settings) == ("ready", [])


class TestSecurityHeaders:
    @pytest.mark.parametrize("path", ["/graphql", "/graphiql", "/", "/healthz", "/readyz", "/nowhere"])
    async def test_no_answer_runs_in_a_page_of_another_site(self, stack: Stack, path: str) -> None:
        headers = (await stack.http.get(path)).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"

    async def test_tls_is_asked_for_again_where_it_is_spoken(self, stack: Stack) -> None:
        name = "Strict-Transport-Security"
        assert name not in (await stack.http.get("/healthz")).headers
        assert name in (await stack.http.get("https://gateway.invalid/healthz")).headers

    async def test_a_preflight_has_them_too(self, stacks: Stacks) -> None:
        stack = await stacks.start(cors_origins=(ORIGIN,))
        preflight = await stack.http.options("/graphql", headers=PREFLIGHT)
        assert preflight.headers["X-Content-Type-Options"] == "nosniff"


class TestProduction:
    async def test_tells_nothing_of_its_schema(self, stacks: Stacks) -> None:
        stack = await stacks.start(environment="production")
        for document in ('{ __type(name: "Query") { name } }', "{ visitTypess { id } }"):
            (error,) = (await stack.http.post("/graphql", json={"query": document})).json()["errors"]
            assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
            assert "Did you mean" not in error["message"]

    async def test_answers_nothing_but_trusted_documents_where_there_is_a_manifest(
        self, stacks: Stacks, tmp_path: Path
    ) -> None:
        manifest = tmp_path / "persisted-documents.json"
        manifest.write_text(json.dumps({"plans": documents.PLANS}))
        stack = await stacks.start(environment="production", trusted_documents=manifest)
        named = (await stack.http.post("/graphql", json={"documentId": "plans"})).json()
        assert named["data"]["plans"]
        (error,) = (await stack.http.post("/graphql", json={"query": "{ me { id } }"})).json()["errors"]
        assert error["extensions"]["code"] == "PERSISTED_DOCUMENT_REQUIRED"


class TestGraphiQL:
    async def test_is_served_in_development(self, stack: Stack) -> None:
        page = await stack.http.get("/graphiql")
        assert page.headers["Content-Type"].startswith("text/html")
        assert (await stack.http.get("/")).headers["Location"] == "/graphiql"

    async def test_is_not_there_in_production(self, stacks: Stacks) -> None:
        stack = await stacks.start(environment="production")
        for path in ("/graphiql", "/"):
            assert (await stack.http.get(path)).status_code == 404
        accepting = await stack.http.get("/graphql", headers={"Accept": "text/html"})
        assert "html" not in accepting.headers["Content-Type"]

    async def test_is_there_in_production_for_operators_and_tells_nobody_else_the_schema(
        self, stacks: Stacks
    ) -> None:
        stack = await stacks.start(environment="production", graphiql_for_operators=True)
        page = await stack.http.get("/graphiql")
        assert (page.status_code, "NeedingAttention" in page.text) == (200, True)
        assert "StartCheckout" not in page.text
        assert (await stack.http.get("/")).status_code == 404
        introspection = '{ __type(name: "Query") { name } }'
        (error,) = (await stack.http.post("/graphql", json={"query": introspection})).json()["errors"]
        assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_a_mutation_by_get_is_refused(stack: Stack) -> None:
    app = await stack.visitor()
    params = {"query": 'mutation { releaseHold(input: {holdId: "1"}) { __typename } }'}
    answer = await stack.http.get("/graphql", params=params, headers={**app.headers, "Idempotency-Key": "1"})
    assert answer.status_code == 405


async def test_answers_are_kept_by_no_cache_and_carry_the_requests_id(stack: Stack) -> None:
    answer = await (await stack.visitor()).post(documents.PLANS, None, **{"X-Request-Id": "abc-1"})
    assert (answer.headers["Cache-Control"], answer.headers["X-Request-Id"]) == ("no-store", "abc-1")
