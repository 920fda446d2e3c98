"""Patients who sign in with the practice's own provider: a real one on a port, its tokens, and what they open."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.acceptance import documents
from tests.acceptance.app import App
from tests.doubles.sign_in_provider import AUDIENCE, Provider
from tests.plugins.stack import Stack, Stacks

MERGE = """mutation Merge($merged: [ID], $left: ID) {
  mergeClients(input: {ids: $merged, target_user_id: $left}) { messages { message } } }"""
RENAME = """mutation Rename($id: ID!, $email: String, $first: String, $last: String) {
  updateClient(input: {id: $id, email: $email, first_name: $first, last_name: $last}) { messages { message } } }"""


@contextmanager
def published(documents_of: dict[str, object]) -> Iterator[str]:
    """Serve the provider's documents on a port of their own; answers its issuer."""
    listener = socket.create_server(("127.0.0.1", 0))
    issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def answer(request: Request) -> Response:
        told = documents_of[request.url.path]
        return JSONResponse(
            {"issuer": issuer, "jwks_uri": f"{issuer}/keys"} if told is None else {"keys": told}
        )

    app = Starlette(routes=[Route(path, answer) for path in documents_of])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


class SignIn:
    def __init__(self, stack: Stack, issuer: str) -> None:
        self.stack = stack
        self._issuer = issuer
        self._provider = Provider(clock=stack.clock)

    def token(self, **claims: object) -> str:
        given: dict[str, Any] = {"iss": self._issuer, "healthie_patient_id": None, **claims}
        return self._provider.token(**given)

    def app(self, **claims: object) -> App:
        return App(http=self.stack.http).bearer(self.token(**claims))


@pytest.fixture
async def sign_in(stacks: Stacks) -> object:
    """A gateway whose patients sign in with a provider."""
    keys = Provider(clock=None).keys  # type: ignore[arg-type]  # its tokens are another's
    with published({"/.well-known/openid-configuration": None, "/keys": keys}) as issuer:
        yield SignIn(await stacks.start(oidc_issuer=issuer, oidc_audience=AUDIENCE), issuer)


async def test_a_patient_whom_the_provider_knows_reads_their_own_record(sign_in: SignIn) -> None:
    patient = sign_in.stack.practice["patients"][0]
    me = (await sign_in.app(healthie_patient_id=patient["id"]).ask(documents.ME))["me"]
    assert me["id"] == patient["id"]


async def test_a_patient_is_found_by_their_verified_email_once(sign_in: SignIn) -> None:
    patient = sign_in.stack.practice["patients"][0]
    known = (await sign_in.app(healthie_patient_id=patient["id"], sub="known").ask(documents.ME))["me"]
    who = {"email": known["email"], "given_name": known["firstName"], "family_name": known["lastName"]}
    for _ in range(3):
        me = (await sign_in.app(**who, email_verified=True).ask(documents.ME))["me"]
        assert me["id"] == patient["id"]
    assert (await sign_in.stack.upstream()).count("PatientsByEmail") == 1, "once, the archived included"


async def test_a_patient_whose_record_was_merged_signs_in_to_the_one_that_is_left(
    sign_in: SignIn, stacks: Stacks
) -> None:
    stack = sign_in.stack
    merged, left = (patient["id"] for patient in stack.practice["patients"][:2])
    known = (await sign_in.app(healthie_patient_id=merged, sub="known").ask(documents.ME))["me"]
    who = {"email": known["email"], "given_name": known["firstName"], "family_name": known["lastName"]}
    gateways = [stack, await stacks.another(stack)]

    async def signed_in() -> list[str]:
        token = sign_in.token(**who, email_verified=True)
        apps = [App(http=gateway.http).bearer(token) for gateway in gateways]
        return [(await app.ask(documents.ME))["me"]["id"] for app in apps]

    assert await signed_in() == [merged, merged]
    await stack.emulator.ask(MERGE, merged=[merged], left=left)
    await stack.emulator.ask(
        RENAME, id=left, email=who["email"], first=known["firstName"], last=known["lastName"]
    )
    await stack.pass_time(timedelta(minutes=10))
    assert await signed_in() == [left, left]


@pytest.mark.parametrize("email", ["nobody@example.com", None])
async def test_somebody_without_a_record_is_told_so(sign_in: SignIn, email: str | None) -> None:
    app = sign_in.app(email=email, email_verified=True, given_name="Sample", family_name="Nobody", sub="n")
    answer = await app.post(documents.ME)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"]["code"] == "NO_PATIENT_RECORD"


async def test_somebody_who_cannot_be_looked_up_now_is_told_to_come_again(sign_in: SignIn) -> None:
    patient = sign_in.stack.practice["patients"][0]
    known = (await sign_in.app(healthie_patient_id=patient["id"], sub="known").ask(documents.ME))["me"]
    who = {"email": known["email"], "given_name": known["firstName"], "family_name": known["lastName"]}
    app = sign_in.app(**who, email_verified=True)
    await sign_in.stack.fault("http_5xx", "PatientsByEmail", count=20)
    refused = await app.post(documents.ME)
    assert refused.status_code == 503
    assert refused.json()["errors"][0]["extensions"] == {"code": "UPSTREAM_UNAVAILABLE", "retryable": True}
    well = await sign_in.stack.http.get("/healthz")
    for header in ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"):
        assert refused.headers[header] == well.headers[header]
    assert refused.headers["Cache-Control"] == "no-store"
    assert refused.headers["X-Request-Id"]


async def test_every_bad_token_gets_the_same_answer_and_reaches_nobody(sign_in: SignIn) -> None:
    now = int(sign_in.stack.clock.now().timestamp())
    bad = [
        sign_in.token(aud="another-program", healthie_patient_id="p"),
        sign_in.token(iss="https://elsewhere.example.com", healthie_patient_id="p"),
        sign_in.token(iat=now - 900, exp=now - 300, healthie_patient_id="p"),
        sign_in.token(exp=now + 7200, healthie_patient_id="p"),
        sign_in.token(healthie_patient_id="p")[:-8] + "AAAAAAAA",
        "not-a-token",
    ]
    before = await sign_in.stack.upstream()
    answers = [await App(http=sign_in.stack.http).bearer(token).post(documents.ME) for token in bad]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert await sign_in.stack.upstream() == before


async def test_development_tokens_are_worth_nothing_beside_a_provider(sign_in: SignIn) -> None:
    patient = sign_in.stack.practice["patients"][0]
    assert (await sign_in.stack.patient(patient["id"]).post(documents.ME)).status_code == 401
