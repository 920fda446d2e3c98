"""What serves any system of record, under a REST back end that is none of ours."""

import ast
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

import integrations.upstream
from booking.audit.model import AuditKind
from booking.local_pacer import LocalPacer
from booking.pacing import Pace
from integrations.healthie.subjects import OF_PATIENTS, PUBLIC
from integrations.upstream.audit import AuditedCalls, LoggedCalls
from integrations.upstream.breaker import FAILURES, Breakers
from integrations.upstream.calls import KeyedCaller
from integrations.upstream.errors import (
    CallError,
    HeldBack,
    NoAnswer,
    RateLimited,
    Unauthorized,
    UnknownOutcome,
)
from integrations.upstream.gate import Gate
from integrations.upstream.transport import (
    HttpAnswer,
    HttpPool,
    Message,
    Reply,
    Request,
    refused_by,
    unusable,
)
from tests.doubles.audit_trail import MemoryTrail
from tests.doubles.httpx_wire import HttpxWire

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class StillClock:
    def now(self) -> datetime:
        return NOW


@dataclass
class Server:
    """Answers one after another, the last for ever."""

    answers: list[httpx2.Response]
    sent: list[httpx2.Request] = field(default_factory=list)

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Rest:
    """The smallest family of adapters: a resource is read with GET and written with PUT."""

    def __init__(self, server: Server, trail: MemoryTrail) -> None:
        self.pool = HttpPool(wire=HttpxWire(httpx2.MockTransport(server)))
        audit = AuditedCalls(inner=LoggedCalls(), trail=trail, clock=StillClock(), key=b"sample")
        pacer = LocalPacer(Pace(per_second=1000, burst=1000))
        gate = Gate(pacer=pacer, breakers=Breakers())
        self._caller = KeyedCaller(acting="organization", key="sample-key", audit=audit, gate=gate)

    async def read(self, what: str) -> Any:
        return await self._call("Read", "GET", what, body=None)

    async def write(self, what: str) -> Any:
        return await self._call("Write", "PUT", what, body={"note": "CanaryNote"})

    async def _call(self, operation: str, method: str, what: str, *, body: Any) -> Any:
        request = Request(
            operation=operation,
            mutation=method != "GET",
            kind="resources",
            patient_id="501",
            variables={"what": what, "body": body},
            timeout=1,
            budget=5,
        )
        message = Message(
            url=f"https://rest.invalid/{what}",
            method=method,
            headers={"authorization": "Bearer sample"},
            body=body,
        )

        async def send() -> Reply:
            answer = await self.pool.send(request, message)
            return _judged(request, answer) if isinstance(answer, HttpAnswer) else answer

        return await self._caller.call(request, send=send, decode=_decoded)


def _judged(request: Request, answer: HttpAnswer) -> Reply:
    if refused := refused_by(request, answer.status):
        return answer.failed(refused)
    return (
        answer.brought(answer.body)
        if answer.status == 200
        else answer.failed(unusable(request, answer.status))
    )


def _decoded(reply: Reply) -> Any:
    return reply.error or reply.data


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.upstream.calls.FIRST_WAIT", 0.0)


@pytest.fixture
def server() -> Server:
    return Server(answers=[httpx2.Response(200, json={"id": "1"}, headers={"x-request-id": "sample-7"})])


@pytest.fixture
def trail() -> MemoryTrail:
    return MemoryTrail()


@pytest.fixture
async def rest(server: Server, trail: MemoryTrail) -> AsyncIterator[Rest]:
    made = Rest(server, trail)
    yield made
    await made.pool.aclose()


async def test_a_request_is_sent_as_the_family_writes_it(rest: Rest, server: Server) -> None:
    assert await rest.read("visits/1") == {"id": "1"}
    await rest.write("visits/1")

    got, put = server.sent
    assert (got.method, str(got.url), got.content) == ("GET", "https://rest.invalid/visits/1", b"")
    assert (put.method, put.headers["authorization"]) == ("PUT", "Bearer sample")
    assert put.content == b'{"note":"CanaryNote"}'


async def test_a_read_is_repeated_and_a_change_is_not(rest: Rest, server: Server) -> None:
    server.answers = [httpx2.Response(502)]
    with pytest.raises(NoAnswer):
        await rest.read("visits/1")
    assert len(server.sent) == 3
    with pytest.raises(UnknownOutcome) as caught:
        await rest.write("visits/1")
    assert len(server.sent) == 4
    assert caught.value.code == "http_502"


@pytest.mark.parametrize(("status", "error"), [(401, Unauthorized), (403, Unauthorized), (429, RateLimited)])
@pytest.mark.parametrize("call", [Rest.read, Rest.write])
async def test_a_status_that_refuses_is_certain(
    rest: Rest, server: Server, status: int, error: type[CallError], call: Callable[[Rest, str], Any]
) -> None:
    server.answers = [httpx2.Response(status)]
    with pytest.raises(error):
        await call(rest, "visits/1")
    assert len(server.sent) == 1


async def test_a_key_that_asked_too_often_falls_silent(rest: Rest, server: Server) -> None:
    server.answers = [httpx2.Response(429)]
    with pytest.raises(RateLimited):
        await rest.read("visits/1")
    with pytest.raises(HeldBack):
        await rest.read("visits/1")
    assert len(server.sent) == 1


async def test_a_kind_that_keeps_failing_is_not_asked(rest: Rest, server: Server) -> None:
    server.answers = [httpx2.Response(503)]
    for _ in range(FAILURES):
        with pytest.raises(UnknownOutcome):
            await rest.write("visits/1")
    with pytest.raises(HeldBack):
        await rest.write("visits/1")
    assert len(server.sent) == FAILURES


async def test_every_attempt_is_on_record_without_a_value(rest: Rest, trail: MemoryTrail) -> None:
    await rest.write("visits/1")

    before, after = trail.entries
    assert (before.kind, after.kind) == (AuditKind.ATTEMPTED, AuditKind.ANSWERED)
    assert (before.operation, before.operation_kind, before.patient) == ("Write", "mutation", "501")
    assert before.shape == {"body": {"note": "string"}, "what": "string"}
    assert (after.status, after.error, after.upstream_request_id) == (200, None, "sample-7")
    assert "Canary" not in repr(trail.entries)


def test_it_names_no_operation_of_a_family() -> None:
    """That it imports none is a contract of the import linter."""
    files = list(Path(integrations.upstream.__file__).parent.glob("*.py"))
    texts = {
        node.value
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert "authorization" not in {each.lower() for each in texts}
    assert not texts & (PUBLIC | OF_PATIENTS.keys())
    assert len(files) > 5
