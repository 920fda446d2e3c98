"""The HTTP routes beside GraphQL, as FastAPI serves them: nothing about itself, nothing of what was sent, nothing recorded."""

import asyncio
import subprocess
import sys
from typing import Annotated, Any, Literal

import httpx2
import pytest
import structlog
from fastapi import FastAPI, Query, WebSocket
from pydantic import BaseModel, Field, field_validator

from gateway.openapi import new_application
from tests.plugins.stack import Stack, Stacks

CANARY = "canary.patient@example.com"


class Card(BaseModel):
    kind: Literal["card"]


class Bank(BaseModel):
    kind: Literal["bank"]


class Form(BaseModel, extra="forbid"):
    """A body whose messages of pydantic's quote the input in several ways."""

    method: Annotated[Card | Bank, Field(discriminator="kind")]
    minutes: int
    word: str = ""

    @field_validator("word")
    @classmethod
    def quoted(cls, value: str) -> str:
        if value:
            raise ValueError(f"{value} is none")
        return value


@pytest.fixture
def app() -> FastAPI:
    """The application with routes that validate, as a later one may; none of today's does."""
    app = new_application()

    @app.post("/sample")
    async def sample(form: Form, page: Annotated[int, Query()] = 1) -> None:
        """Take it."""

    @app.websocket("/sample")
    async def socket(websocket: WebSocket, page: Annotated[int, Query()]) -> None:
        """Take it."""

    return app


@pytest.mark.parametrize(
    "body",
    [
        {"method": {"kind": CANARY}, "minutes": CANARY, "word": CANARY, CANARY: CANARY},
        {"method": CANARY},
        CANARY,
        [CANARY],
    ],
)
async def test_a_request_that_is_invalid_is_told_so_and_never_repeated(app: FastAPI, body: Any) -> None:
    transport = httpx2.ASGITransport(app=app)
    with structlog.testing.capture_logs() as logs:
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway.invalid") as http:
            answer = await http.post("/sample", params={"page": CANARY}, json=body)
    assert answer.status_code == 422
    assert {"where": "query", "kind": "int_parsing"} in answer.json()["problems"]
    assert any(problem["where"] == "body" for problem in answer.json()["problems"])
    assert "canary" not in answer.text + str(answer.headers) + str(logs)


async def test_a_socket_that_is_invalid_is_closed_without_a_word(app: FastAPI) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/sample", "headers": [], "query_string": f"page={CANARY}".encode()}
    await app(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": ""}]


@pytest.mark.parametrize("environment", ["development", "production"])
async def test_no_document_and_no_page_about_the_routes_is_served(stacks: Stacks, environment: str) -> None:
    stack = await stacks.start(environment=environment)
    for path in ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"):
        assert (await stack.http.get(path)).status_code == 404


async def test_probes_may_send_head_and_nothing_else(stack: Stack) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await stack.http.head(path)).status_code == 200
        refused = await stack.http.post(path)
        assert refused.status_code == 405
        assert set(refused.headers["Allow"].split(", ")) == {"GET", "HEAD"}
        assert refused.text == "Method Not Allowed"


class TestWebhooks:
    PATH = "/webhooks/healthie"

    async def test_are_no_route_where_they_are_not_set_up(self, stack: Stack) -> None:
        assert (await stack.http.post(self.PATH)).status_code == 404

    async def test_meet_the_endpoint_itself_by_whatever_method_and_are_never_parsed_before(
        self, stacks: Stacks
    ) -> None:
        stack = await stacks.start(healthie_webhook_url=f"http://gateway.invalid{self.PATH}")
        with structlog.testing.capture_logs() as logs:
            forged = await stack.http.post(
                self.PATH, content=b"{", headers={"Content-Type": "application/json"}
            )
            others = [await stack.http.request(method, self.PATH) for method in ("GET", "PUT", "PROPFIND")]
        assert (forged.status_code, forged.content) == (401, b"")
        assert {other.status_code for other in others} == {405}
        assert {one.headers["Cache-Control"] for one in (forged, *others)} == {"no-store"}
        refused = [one["why"] for one in logs if one["event"] == "webhook.refused"]
        assert refused == ["no signature", "method", "method", "method"]


RECORDED = """
import asyncio, sys
from opentelemetry import _logs, metrics, trace

recorded = []

class Spans(trace.TracerProvider):
    def get_tracer(self, *arguments, **more):
        recorded.append("a tracer")
        return trace.NoOpTracer()

class Meters(metrics.MeterProvider):
    def get_meter(self, *arguments, **more):
        recorded.append("a meter")
        return metrics.NoOpMeter("none")

class Logs(_logs.LoggerProvider):
    def get_logger(self, *arguments, **more):
        recorded.append("a logger")
        return _logs.NoOpLogger("none")

trace.set_tracer_provider(Spans())
metrics.set_meter_provider(Meters())
_logs.set_logger_provider(Logs())

from gateway.openapi import new_application

async def receive():
    return {"type": "http.request", "body": b""}

async def send(message):
    if message["type"] == "http.response.start":
        print(message["status"])

scope = {"type": "http", "method": "GET", "path": "/healthz", "query_string": b"query=canary", "headers": []}
asyncio.run(new_application()(scope, receive, send))
print(recorded)
"""


async def test_fastapi_records_nothing_where_telemetry_is_set_up() -> None:
    """Its spans have the query of the URL, and its logs the text of exceptions."""
    command = (sys.executable, "-c", RECORDED)
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert ended.stdout.split("\n")[:2] == ["200", "[]"]
