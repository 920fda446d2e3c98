"""One call: its headers, audit, retries, and what becomes of every kind of trouble."""

import asyncio
import json
import logging
import traceback
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from booking.checkout.timing import CREATE_PATIENT_BUDGET, LEASE, SETTLE, STEP_BUDGET
from booking.errors import OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from integrations.database.audit import PATIENCE_SECONDS
from integrations.healthie import base
from integrations.healthie.base import TagForbidden
from integrations.healthie.errors import GraphQLErrors, UnsupportedVersion
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.who_am_i import WhoAmI, WhoAmICurrentUser
from integrations.healthie.keys import KeyStore
from integrations.healthie.transport import Acting, Connection
from integrations.upstream import calls, gate, transport, wire
from integrations.upstream.audit import Call, LoggedCalls, fingerprint
from integrations.upstream.errors import (
    CallError,
    ContractBroken,
    InvalidRequest,
    NoAnswer,
    NotSent,
    RateLimited,
    Unauthorized,
    UnknownOutcome,
    changing,
    reading,
)
from tests.doubles.healthie_script import PinnedVersion, RecordedCalls, Script, errors
from tests.doubles.httpx_wire import HttpxWire

GOOD = {"currentUser": {"id": "11"}}
PATIENT: dict[str, Any] = {
    "dietitian_id": "11",
    "email": "sample.patient@example.com",
    "first_name": "Sample",
    "last_name": "Patient",
}
MADE = {
    "createClient": {
        "user": {
            "id": "501",
            "email": PATIENT["email"],
            "first_name": "Sample",
            "last_name": "Patient",
            "metadata": None,
        },
        "messages": None,
    }
}


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.upstream.calls.FIRST_WAIT", 0.0)
    monkeypatch.setattr("integrations.upstream.calls.LONGEST_WAIT", 0.0)


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def audit() -> RecordedCalls:
    return RecordedCalls()


@pytest.fixture
async def connection(script: Script) -> Any:
    made = Connection(
        url="https://healthie.invalid/graphql",
        shard="7",
        wire=HttpxWire(httpx2.MockTransport(script)),
    )
    yield made
    await made.aclose()


@pytest.fixture
def client(connection: Connection, audit: RecordedCalls) -> Client:
    return Client(
        connection=connection,
        acting=Acting(user_id="11", key="sample-key-of-11"),
        audit=audit,
        versions=PinnedVersion(),
    )


BROKEN = {
    "timeout": (httpx2.ReadTimeout("sample"), "timeout"),
    "reset": (httpx2.RemoteProtocolError("sample"), "connection_lost"),
    "read error": (httpx2.ReadError("sample"), "connection_lost"),
    "write error": (httpx2.WriteError("sample"), "connection_lost"),
    "503 in HTML": (httpx2.Response(503, html="<p>Sample Patient</p>"), "http_503"),
    "500 in JSON": (httpx2.Response(500, json={"data": None}), "http_500"),
    "404 in text": (httpx2.Response(404, text="Not Found"), "http_404"),
    "not JSON": (httpx2.Response(200, text="Sample Patient"), "unreadable_answer"),
    "truncated": (httpx2.Response(200, text='{"data": {"createClient": {"us'), "unreadable_answer"),
    "a list": (httpx2.Response(200, json=[1]), "unreadable_answer"),
    "too deep": (httpx2.Response(200, text="[" * 100_000), "unreadable_answer"),
}
REFUSED = {
    "rate limited": (errors("TOO_MANY_REQUESTS"), RateLimited),
    "rate limited by status": (httpx2.Response(429, text="slow down"), RateLimited),
    "version": (errors("UNSUPPORTED_API_VERSION"), UnsupportedVersion),
    "unknown key": (errors("UNAUTHENTICATED"), Unauthorized),
    "not allowed": (errors("UNAUTHORIZED"), Unauthorized),
    "401": (httpx2.Response(401, text="no"), Unauthorized),
    "401 in JSON": (httpx2.Response(401, json={"errors": [{"message": "no"}]}), Unauthorized),
    "no connection": (httpx2.ConnectError("sample"), NotSent),
    "connect timeout": (httpx2.ConnectTimeout("sample"), NotSent),
    "pool timeout": (httpx2.PoolTimeout("sample"), NotSent),
}


class TestRequest:
    async def test_every_request_carries_key_source_version_and_shard(
        self, client: Client, script: Script
    ) -> None:
        await client.who_am_i()

        headers = script.sent[0].headers
        assert headers["authorization"] == "Basic sample-key-of-11"
        assert headers["authorizationsource"] == "API"
        assert headers["healthie-graphql-api-version"] == "2026-01-01"
        assert headers["authorizationshard"] == "7"

    async def test_an_argument_that_was_not_given_is_not_sent(self, client: Client, script: Script) -> None:
        script.answers["CreatePatient"] = MADE

        await client.create_patient(**PATIENT)

        assert script.sent[0].variables == PATIENT

    @pytest.mark.parametrize(
        ("operation", "kind", "seconds"),
        [
            ("WhoAmI", "query", transport.READ_TIMEOUT),
            ("AvailableSlots", "query", transport.SLOW_READ_TIMEOUT),
            ("Charge", "mutation", transport.MUTATION_TIMEOUT),
        ],
    )
    async def test_each_kind_of_operation_has_its_own_timeout(
        self, client: Client, script: Script, operation: str, kind: str, seconds: float
    ) -> None:
        script.answers[operation] = GOOD
        await client.execute(
            WhoAmI, query="query A { a }", operation_name=operation, mutation=kind == "mutation", variables={}
        )

        assert script.sent[0].timeout["read"] == seconds
        assert script.sent[0].timeout["connect"] == wire.CONNECT_TIMEOUT

    @pytest.mark.parametrize(
        ("document", "variables"),
        [
            ("mutation A { bulkApply(ids: [1]) { id } }", {}),
            (
                "mutation A($input: updateClientInput!) { updateClient(input: $input) { user { id } } }",
                {"input": {"tag_ids": ["1"]}},
            ),
            ("mutation A { a }", {"people": [{"addTags": True}]}),
        ],
    )
    async def test_a_tag_is_refused_before_anything_is_sent(
        self,
        client: Client,
        script: Script,
        audit: RecordedCalls,
        document: str,
        variables: dict[str, object],
    ) -> None:
        with pytest.raises(TagForbidden):
            await client.execute(
                WhoAmI, query=document, operation_name="A", mutation=True, variables=variables
            )
        assert (script.sent, audit.attempts) == ([], [])


class TestMutation:
    @pytest.mark.parametrize(("reply", "code"), BROKEN.values(), ids=BROKEN.keys())
    async def test_trouble_after_sending_leaves_the_outcome_unknown_and_is_sent_once(
        self, client: Client, script: Script, reply: Any, code: str
    ) -> None:
        script.answers["CreatePatient"] = reply

        with pytest.raises(UnknownOutcome) as caught:
            await client.create_patient(**PATIENT)

        assert caught.value.code == code
        assert len(script.sent) == 1

    @pytest.mark.parametrize(("reply", "kind"), REFUSED.values(), ids=REFUSED.keys())
    async def test_a_certain_refusal_is_one_and_is_sent_once(
        self, client: Client, script: Script, reply: Any, kind: type[CallError]
    ) -> None:
        script.answers["CreatePatient"] = reply

        with pytest.raises(kind):
            await client.create_patient(**PATIENT)

        assert len(script.sent) == 1

    @pytest.mark.parametrize(
        "reply",
        [
            errors("INTERNAL_SERVER_ERROR"),
            errors("TOO_MANY_REQUESTS", data={"createClient": {"user": {"id": "501"}}}),
            httpx2.Response(200, json={"errors": [{"message": "no code"}]}),
            httpx2.Response(200, json={"data": None}),
            {"createClient": {"user": {"id": "501"}}},
            {"createClient": "Sample Patient"},
        ],
        ids=["unfamiliar code", "answered beside it", "no code", "no data", "missing fields", "wrong type"],
    )
    async def test_errors_that_may_have_come_after_execution_leave_it_unknown(
        self, client: Client, script: Script, reply: Any
    ) -> None:
        script.answers["CreatePatient"] = reply

        with pytest.raises(UnknownOutcome):
            await client.create_patient(**PATIENT)

    async def test_an_answer_that_trickles_in_for_ever_ends_as_unknown(
        self, client: Client, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def never(_: Any) -> Any:
            await asyncio.Event().wait()

        script.answers["CreatePatient"] = never
        monkeypatch.setattr("integrations.healthie.base.MUTATION_TIMEOUT", 0.01)
        monkeypatch.setattr("integrations.upstream.calls.GRACE", 0.0)

        with pytest.raises(UnknownOutcome):
            await client.create_patient(**PATIENT)


class TestRead:
    @pytest.mark.parametrize(("reply", "code"), BROKEN.values(), ids=BROKEN.keys())
    async def test_trouble_is_met_by_at_most_two_more_attempts(
        self, client: Client, script: Script, reply: Any, code: str
    ) -> None:
        script.answers["WhoAmI"] = reply

        with pytest.raises(NoAnswer) as caught:
            await client.who_am_i()

        assert caught.value.code == code
        assert len(script.sent) == 3

    async def test_a_read_that_succeeds_at_the_third_attempt_is_answered(
        self, client: Client, script: Script, audit: RecordedCalls
    ) -> None:
        script.answers["WhoAmI"] = [httpx2.ReadTimeout("sample"), httpx2.Response(502), GOOD]

        assert (await client.who_am_i()).current_user == WhoAmICurrentUser(id="11")
        assert [each.attempt for each in audit.attempts] == [1, 2, 3]

    async def test_a_retry_is_said_in_our_words(self, script: Script) -> None:
        script.answers["WhoAmI"] = [httpx2.Response(502), GOOD]
        with capture_logs() as logs:
            async with script.connected() as healthie:
                assert isinstance(healthie.keys, KeyStore)
                await healthie.keys.clinician("11")

        retries = [each for each in logs if "retr" in each["event"]]
        assert [(each["event"], each["operation"]) for each in retries] == [
            ("upstream.read_retried", "WhoAmI")
        ]
        assert not {"args", "kwargs", "caused_by"} & retries[0].keys()

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            (errors("TOO_MANY_REQUESTS"), RateLimited),
            (errors("UNAUTHENTICATED"), Unauthorized),
            (errors("INTERNAL_SERVER_ERROR"), GraphQLErrors),
            (httpx2.Response(200, json={"data": None}), ContractBroken),
            ({"currentUser": {"id": None}}, ContractBroken),
        ],
        ids=["rate limited", "unknown key", "errors", "no data", "wrong type"],
    )
    async def test_what_asking_again_cannot_help_is_asked_once(
        self, client: Client, script: Script, reply: Any, kind: type[CallError]
    ) -> None:
        script.answers["WhoAmI"] = reply

        with pytest.raises(kind):
            await client.who_am_i()

        assert len(script.sent) == 1

    async def test_fields_that_healthie_adds_break_nothing(self, client: Client, script: Script) -> None:
        script.answers["WhoAmI"] = {"currentUser": {"id": "11", "novelty": 1}, "another": 2}

        assert (await client.who_am_i()).current_user == WhoAmICurrentUser(id="11")

    async def test_all_attempts_together_end_within_the_budget(
        self, client: Client, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def never(_: Any) -> None:
            await asyncio.Event().wait()

        script.answers["WhoAmI"] = [httpx2.Response(502), never]
        monkeypatch.setattr("integrations.healthie.base.READ_BUDGET", 0.01)

        with pytest.raises(NoAnswer) as caught:
            await client.who_am_i()
        assert caught.value.code == "timeout"
        assert len(script.sent) == 2

    def test_a_step_of_a_checkout_ends_before_its_lease_does(self) -> None:
        change = gate.MUTATION_PATIENCE + PATIENCE_SECONDS + transport.MUTATION_TIMEOUT + calls.GRACE
        longest = 3 * base.READ_BUDGET + change

        assert longest <= STEP_BUDGET.total_seconds()
        assert SETTLE.total_seconds() > transport.MUTATION_TIMEOUT + calls.GRACE

    def test_a_patients_record_is_made_before_the_lease_ends(self) -> None:
        """Refused under the names that were given, sent once more with a mark, and read back."""
        change = gate.MUTATION_PATIENCE + PATIENCE_SECONDS + transport.MUTATION_TIMEOUT + calls.GRACE
        longest = 2 * change + base.READ_BUDGET

        assert longest <= CREATE_PATIENT_BUDGET.total_seconds()
        assert CREATE_PATIENT_BUDGET + timedelta(seconds=base.READ_BUDGET) < LEASE


class TestAudit:
    async def test_every_attempt_is_seen_before_and_after(
        self, client: Client, script: Script, audit: RecordedCalls
    ) -> None:
        script.answers["WhoAmI"] = [
            httpx2.Response(502, headers={"x-request-id": "sample-request"}),
            GOOD,
        ]

        await client.who_am_i()

        first, second = audit.attempts
        (_, failed), (_, good) = audit.answers
        assert (first.operation, first.kind, first.acting) == ("WhoAmI", "query", "11")
        assert first.key_fingerprint == fingerprint("sample-key-of-11")
        assert (failed.status, failed.error, failed.request_id) == (502, "http_502", "sample-request")
        assert (second.attempt, good.status, good.error) == (2, 200, None)

    async def test_nothing_is_sent_that_the_audit_could_not_record(
        self, client: Client, script: Script, audit: RecordedCalls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def attempted(_: Call) -> None:
            raise OSError("no room")

        monkeypatch.setattr(audit, "attempted", attempted)
        with pytest.raises(OSError, match="no room"):
            await client.who_am_i()
        assert script.sent == []

    async def test_a_call_that_was_given_up_is_recorded_too(
        self, client: Client, script: Script, audit: RecordedCalls
    ) -> None:
        entered = asyncio.Event()

        async def never(_: Any) -> Any:
            entered.set()
            await asyncio.Event().wait()

        script.answers["CreatePatient"] = never
        call = asyncio.create_task(client.create_patient(**PATIENT))
        await entered.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

        assert audit.answers[-1][1].error == "cancelled"


class TestWarnings:
    async def test_a_warning_is_kept_and_said_once(
        self, client: Client, connection: Connection, script: Script
    ) -> None:
        warning = {"code": "API_VERSION_SUNSET_WARNING", "sunset_date": "2027-01-31"}
        script.answers["WhoAmI"] = httpx2.Response(
            200, json={"data": GOOD, "extensions": {"warnings": [warning]}}
        )

        with capture_logs() as logs:
            await client.who_am_i()
            await client.who_am_i()

        assert connection.warnings == {("2026-01-01", "API_VERSION_SUNSET_WARNING"): warning}
        assert [each["code"] for each in logs if each["event"] == "healthie.api_warning"] == [
            "API_VERSION_SUNSET_WARNING"
        ]


class TestSecrecy:
    """No key, and nothing of a patient, in a log or in an exception."""

    @pytest.mark.parametrize(
        "reply",
        [
            *(reply for reply, _ in BROKEN.values()),
            *(reply for reply, _ in REFUSED.values()),
            {"createClient": {"user": {"id": "501", "email": ["sample.patient@example.com"]}}},
        ],
    )
    async def test_neither_logs_nor_exceptions_hold_them(
        self, client: Client, script: Script, caplog: pytest.LogCaptureFixture, reply: Any
    ) -> None:
        script.answers["CreatePatient"] = reply
        script.answers["PatientsByEmail"] = reply
        caplog.set_level(logging.DEBUG)
        client = Client(
            connection=client._connection,
            acting=client._acting,
            audit=LoggedCalls(),
            versions=PinnedVersion(),
        )
        told = []
        with capture_logs() as logs:
            for call in (
                client.create_patient(**PATIENT),
                client.patients_by_email(keywords=PATIENT["email"]),
            ):
                with pytest.raises(CallError) as caught:
                    await call
                told.append("".join(traceback.format_exception(caught.value)))
        everything = json.dumps([logs, caplog.text, told], default=str)

        assert logs
        for secret in ("sample.patient@", "Sample Patient", "sample-key-of-11"):
            assert secret not in everything

    def test_what_acts_does_not_print_its_key(self) -> None:
        assert "sample" not in repr(Acting(user_id="11", key="sample-key-of-11"))


class TestDomain:
    """What the ports raise."""

    @pytest.mark.parametrize(
        "error", [NoAnswer("A"), RateLimited("A"), ContractBroken("A"), GraphQLErrors("A")]
    )
    def test_a_read_that_failed_is_unavailable(self, error: CallError) -> None:
        with pytest.raises(UpstreamUnavailable), reading():
            raise error

    @pytest.mark.parametrize("error", [Unauthorized("A"), UnsupportedVersion("A"), InvalidRequest("A")])
    def test_a_change_that_was_not_done_is_refused_with_our_code(self, error: CallError) -> None:
        with pytest.raises(UpstreamRefused) as caught, changing():
            raise error
        assert caught.value.reason == error.code

    @pytest.mark.parametrize("error", [NotSent("A"), RateLimited("A")])
    def test_a_change_that_may_work_later_is_unavailable(self, error: CallError) -> None:
        with pytest.raises(UpstreamUnavailable), changing():
            raise error

    @pytest.mark.parametrize(
        "error", [UnknownOutcome("A"), NoAnswer("A"), ContractBroken("A"), GraphQLErrors("A")]
    )
    def test_any_other_change_is_unknown(self, error: CallError) -> None:
        with pytest.raises(OutcomeUnknown), changing():
            raise error
