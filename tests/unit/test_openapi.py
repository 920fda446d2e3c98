"""The OpenAPI document is that of the application, and tells a reader everything; what is not a typed route is not in it."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route, WebSocketRoute

from gateway.app import create_app
from gateway.openapi import openapi_document
from gateway.settings import Settings

DOCUMENT = Path("docs/openapi.json")
PAGE = Path("docs/http.md")


def application(**settings: Any) -> Any:
    """An application that has not started; its document needs no system."""
    return create_app(
        Settings(
            environment="development",
            secret_key="only-for-tests-of-the-openapi-document-0123456789",
            database_url="sqlite:///unused",
            healthie_url="http://127.0.0.1:1/graphql",
            healthie_organization_key="synthetic-organization-key",
            healthie_keys={"101": "synthetic-clinician-key"},
            **settings,
        )
    )


# Path, method and operation of everything in the committed document.
OPERATIONS: list[tuple[str, str, dict[str, Any]]] = [
    (path, method, operation)
    for path, methods in json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"].items()
    for method, operation in methods.items()
]


def test_the_committed_document_is_what_the_command_writes() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == openapi_document(), (
        "A route changed. If that is meant, write it anew with `frontdoor openapi > docs/openapi.json`."
    )


def test_the_committed_document_is_the_one_of_the_application_that_is_served() -> None:
    app = application(healthie_webhook_url="https://gateway.example.invalid/webhooks/healthie")
    assert app.openapi() == json.loads(DOCUMENT.read_text(encoding="utf-8"))


def test_a_gateway_without_webhooks_has_no_route_for_them() -> None:
    assert sorted(application().openapi()["paths"]) == [
        "/calendar/{token}.ics",
        "/healthz",
        "/readyz",
    ]


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_graphql_is_reached_past_the_router_and_what_fastapi_puts_around_it(kind: str) -> None:
    """So that no request of a patient pays for what FastAPI does for its typed routes."""
    app = application()
    assert [type(one) for one in app.routes[:2]] == [Route, WebSocketRoute]
    scope = {"type": kind, "scheme": "http", "method": "POST", "path": "/graphql", "headers": []}

    async def ignored(*_: Any) -> Any:
        return {"type": "ignored"}

    with pytest.raises(AssertionError, match="has not started"):  # the endpoint's own word
        await app(scope, ignored, ignored)
    assert not scope.keys() & {"app", "router", "route", "fastapi", "fastapi_middleware_astack"}


@pytest.mark.parametrize(
    "operation", [operation for _, _, operation in OPERATIONS], ids=lambda one: str(one["operationId"])
)
def test_every_operation_says_what_it_is_for_and_what_each_answer_means(operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    assert operation["operationId"].isidentifier()
    assert any(status.startswith("2") for status in operation["responses"])
    assert all(answer["description"] for answer in operation["responses"].values())
    assert "422" not in operation["responses"]  # FastAPI adds one that returns the input


def test_the_page_names_every_operation_and_every_answer() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for path, method, operation in OPERATIONS:
        section = page.partition(f"## `{method.upper()} {path}`")[2].partition("\n## ")[0]
        assert section, path
        for status in operation["responses"]:
            assert f"| {status} |" in section, f"{path}: {status}"
