import json
import logging
from collections.abc import AsyncIterator

import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.contextvars import merge_contextvars

from booking.errors import UpstreamUnavailable
from gateway.callers.tokens import DevelopmentTokens
from gateway.graphql import build_schema
from tests.doubles.booking_world import a_slot
from tests.integration.graphql_world import GUEST, HOLD, START, Api, api_on

CANARY = "canary.patient@example.com"
PLANS = "query Plans { plans { totalCount } }"


@pytest.fixture
async def api(sqlite_engine: AsyncEngine) -> AsyncIterator[Api]:
    async with api_on(sqlite_engine) as one:
        yield one


async def post(api: Api, content: bytes, content_type: str = "application/json") -> tuple[int, str]:
    answer = await api.http.post("/graphql", content=content, headers={"Content-Type": content_type})
    (error,) = answer.json()["errors"]
    return answer.status_code, error["extensions"]["code"]


async def test_a_subscription_is_shown_the_way(api: Api) -> None:
    answer = await api.ask('subscription { checkoutChanged(id: "chk_1") { id } }')
    assert (answer.http.status_code, answer.code) == (400, "BAD_REQUEST")
    assert "WebSocket" in answer.body["errors"][0]["message"]


class TestRequests:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"null",
            b"7",
            b'"text"',
            b"{",
            b"{}",
            b'{"query": 7}',
            b'{"query": null}',
            b'{"query": ""}',
            b'{"query": "{ me { id } }", "query": "{ me { id } }"}',
            b'{"query": "{ me { id } }", "variables": []}',
            b'{"query": "{ me { id } }", "variables": {"a": NaN}}',
            b'{"query": "{ me { id } }", "operationName": 7}',
            b'{"query": "query A { me { id } }", "operationName": "B"}',
            b'{"query": "{ me { id } }", "extensions": "x"}',
            b'{"query": "{ plan(id: $id) { id } }", "variables": {"id": "\\ud800"}}',
            b'{"query": "{ me { id } }", "variables": {"id": "a\\u0000"}}',
            b'{"query": "\xff"}',
            '{"query": "{ me { id } }"}'.encode("utf-16"),
            b'{"query": "{ me { id } }", "variables": {"a": '
            + b"[" * 900
            + b'"\\ud800"'
            + b"]" * 900
            + b"}}",
            b"[" * 90_000,
            b'{"a":' * 18_000,
        ],
        ids=range(22),
    )
    async def test_what_is_no_request_is_refused_and_breaks_nothing(self, api: Api, content: bytes) -> None:
        status, code = await post(api, content)
        assert (status, code) == (400, "BAD_REQUEST")

    async def test_batches_are_refused(self, api: Api) -> None:
        one = {"query": PLANS}
        assert await post(api, json.dumps([one, one]).encode()) == (400, "BAD_REQUEST")

    async def test_a_large_body_is_refused(self, api: Api) -> None:
        content = json.dumps({"query": PLANS + " " * 100_000}).encode()
        assert await post(api, content) == (413, "BODY_TOO_LARGE")

    async def test_a_document_of_many_words_is_refused_before_it_is_validated(self, api: Api) -> None:
        """Comparing every field with every other one takes seconds of everybody's time."""
        body = json.dumps({"query": "{" + " me { id }" * 500 + "}"})
        assert await post(api, body.encode()) == (400, "DOCUMENT_TOO_COMPLEX")

    async def test_an_operation_that_is_not_there_is_not_repeated(self, api: Api) -> None:
        body = {"query": "query A { me { id } }", "operationName": CANARY}
        answer = await api.http.post("/graphql", json=body)
        assert answer.status_code == 400
        assert CANARY not in answer.text

    async def test_a_form_is_refused(self, api: Api) -> None:
        kind = "application/x-www-form-urlencoded"
        assert await post(api, b"query=x", kind) == (415, "UNSUPPORTED_MEDIA_TYPE")

    async def test_a_query_may_be_sent_by_get(self, api: Api) -> None:
        answer = await api.http.get("/graphql", params={"query": PLANS})
        assert answer.json() == {"data": {"plans": {"totalCount": 4}}}

    async def test_a_mutation_may_not_be_sent_by_get(self, api: Api) -> None:
        document = 'mutation { releaseHold(input: {holdId: "h"}) { __typename } }'
        headers = {**api.visitor().headers, "Idempotency-Key": "k"}
        answer = await api.http.get("/graphql", params={"query": document}, headers=headers)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")

    async def test_other_methods_are_refused(self, api: Api) -> None:
        answer = await api.http.put("/graphql", json={"query": PLANS})
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")

    async def test_a_bad_bearer_is_told_nothing_but_to_sign_in(self, api: Api) -> None:
        answer = await api.bearer("eyJ.not.ours").ask(PLANS)
        assert answer.http.status_code == 401
        assert answer.http.headers["WWW-Authenticate"] == "Bearer"
        assert answer.body == {
            "errors": [
                {
                    "message": "Please sign in again.",
                    "extensions": {"code": "UNAUTHENTICATED", "retryable": False},
                }
            ]
        }

    @pytest.mark.parametrize("header", ["eyJ.not.ours", "Basic abc", "Bearer"])
    async def test_a_header_without_the_word_bearer_is_told_its_form(self, api: Api, header: str) -> None:
        answer = await api.ask(PLANS, headers={"Authorization": header})
        (error,) = answer.body["errors"]
        assert (answer.http.status_code, error["extensions"]["code"]) == (401, "UNAUTHENTICATED")
        assert "Authorization: Bearer" in error["message"]

    async def test_a_stale_visitor_token_does_not_stop_browsing(self, api: Api) -> None:
        assert (await api.ask(PLANS, headers={"Frontdoor-Visitor": "fdv_old.mac"})).data == {"totalCount": 4}

    async def test_an_answer_carries_its_request_id_and_is_not_kept(self, api: Api) -> None:
        given = await api.ask(PLANS, headers={"X-Request-Id": "sample-1"})
        made = await api.ask(PLANS, headers={"X-Request-Id": "not an id"})
        assert given.http.headers["X-Request-Id"] == "sample-1"
        assert len(made.http.headers["X-Request-Id"]) == 32
        assert given.http.headers["Cache-Control"] == "no-store"


class TestErrors:
    async def test_a_fault_is_masked_and_logged_without_its_text(
        self, api: Api, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def fail() -> None:
            raise RuntimeError(CANARY)

        api.world.offer.during_slots = fail
        with structlog.testing.capture_logs() as logs, caplog.at_level(logging.DEBUG):
            answer = await api.visitor().hold(a_slot().id)
        assert answer.code == "INTERNAL"
        assert answer.body["errors"][0]["extensions"]["requestId"] == answer.http.headers["X-Request-Id"]
        assert CANARY not in answer.http.text
        assert [log["event"] for log in logs] == ["graphql.field_failed"]
        assert logs[0]["error"] == "builtins.RuntimeError"
        assert CANARY not in repr(logs) + caplog.text

    async def test_an_upstream_that_does_not_answer_is_no_fault_of_ours(self, api: Api) -> None:
        async def fail() -> None:
            raise UpstreamUnavailable("slots")

        api.world.offer.during_slots = fail
        with structlog.testing.capture_logs() as logs:
            answer = await api.visitor().hold(a_slot().id)
        assert answer.code == "UPSTREAM_UNAVAILABLE"
        assert answer.body["errors"][0]["extensions"]["retryable"] is True
        assert logs == []

    @pytest.mark.parametrize(
        ("fault", "told"),
        [(RuntimeError, (500, "INTERNAL")), (OSError, (503, "UPSTREAM_UNAVAILABLE"))],
        ids=["a mistake of ours", "a database that is gone"],
    )
    async def test_a_fault_before_anything_is_executed_is_masked_and_logged_too(
        self,
        api: Api,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        fault: type[Exception],
        told: tuple[int, str],
    ) -> None:
        async def fail(*_: object) -> None:
            raise fault(CANARY)

        monkeypatch.setattr(DevelopmentTokens, "verify", fail)
        with structlog.testing.capture_logs([merge_contextvars]) as logs, caplog.at_level(logging.DEBUG):
            answer = await api.patient().ask(PLANS)
        request_id = answer.http.headers["X-Request-Id"]
        assert (answer.http.status_code, answer.code) == told
        assert answer.body["errors"][0]["extensions"].get("requestId", request_id) == request_id
        assert answer.http.headers["Cache-Control"] == "no-store"
        logged = [(log["error"], log["request_id"]) for log in logs]
        assert logged == [(f"builtins.{fault.__name__}", request_id)]
        assert CANARY not in answer.http.text + repr(logs) + caplog.text

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"timeZone": "Mars/Olympus"}, "timeZone"),
            ({"visitTypeId": "v-none"}, "visitTypeId"),
            ({"clinicianIds": ["c-none"]}, "clinicianIds"),
            ({"clinicianIds": ["c1"] * 101}, "clinicianIds"),
            ({"contactType": "PHONE"}, "contactType"),
            ({"contactType": "IN_PERSON"}, "locationId"),
            ({"state": "California"}, "state"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_bad_input_names_its_field(self, api: Api, given: dict[str, object], field: str) -> None:
        document = """query ($filter: SlotFilter!) {
          slots(filter: $filter, from: "2026-06-02", until: "2026-06-03") { date } }"""
        sought = {"visitTypeId": "v-priced", "timeZone": "UTC"} | given
        answer = await api.ask(document, {"filter": sought})
        assert answer.code == "BAD_USER_INPUT"
        assert answer.body["errors"][0]["extensions"]["field"] == field
        assert api.world.offer.asked == []

    @pytest.mark.parametrize(
        ("first", "last", "field"),
        [
            ("2026-06-03", "2026-06-02", "until"),
            ("2026-06-02", "2026-07-03", "until"),
            ("2026-05-01", "2026-05-02", "from"),
        ],
    )
    async def test_absurd_ranges_are_refused(self, api: Api, first: str, last: str, field: str) -> None:
        document = """query ($from: Date!, $until: Date!) {
          slots(filter: {visitTypeId: "v-priced", timeZone: "UTC"}, from: $from, until: $until) { date } }"""
        answer = await api.ask(document, {"from": first, "until": last})
        assert answer.body["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": field}

    @pytest.mark.parametrize(
        ("field", "asked"),
        [
            ("from", 'slots(filter: $f, from: "2026-05-01", until: "2026-05-02") { date }'),
            ("month", 'availableDays(filter: $f, month: "2026-05-01")'),
            ("timeZone", 'availableDays(filter: $f, month: "2026-06-01")'),
            ("state", 'slots(filter: $f, from: "2026-06-02", until: "2026-06-02") { date }'),
        ],
    )
    async def test_a_mistake_is_told_while_the_catalog_cannot_be_read(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, field: str, asked: str
    ) -> None:
        async def fail() -> None:
            raise UpstreamUnavailable("catalog")

        monkeypatch.setattr(api.world.offer, "catalog", fail)
        wrong = {"timeZone": {"timeZone": "Mars"}, "state": {"state": "California"}}.get(field, {})
        sought = {"visitTypeId": "v-priced", "timeZone": "UTC"} | wrong
        answer = await api.ask(f"query ($f: SlotFilter!) {{ {asked} }}", {"f": sought})
        assert answer.body["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": field}

    @pytest.mark.parametrize(
        ("document", "variables", "code"),
        [
            (START, {"input": {"holdId": "h", "guest": {**GUEST, "birthDate": CANARY}}}, "BAD_USER_INPUT"),
            (START, {"input": {"holdId": "h", "guest": CANARY}}, "BAD_USER_INPUT"),
            (START, {"input": {"holdId": "h", "guest": {"email": CANARY}}}, "BAD_USER_INPUT"),
            (START, {"input": {"holdId": "h", "guest": {**GUEST, "nickname": CANARY}}}, "BAD_USER_INPUT"),
            (START, {"input": {"holdId": "h", "acceptRecurrence": CANARY}}, "BAD_USER_INPUT"),
            ("query ($n: Int!) { plans(first: $n) { totalCount } }", {"n": CANARY}, "BAD_USER_INPUT"),
            (
                'query ($f: SlotFilter!) { availableDays(filter: $f, month: "2026-06-01") }',
                {"f": {"visitTypeId": "v", "timeZone": "UTC", "contactType": CANARY}},
                "BAD_USER_INPUT",
            ),
            (f'{{ plans(first: "{CANARY}") {{ totalCount }} }}', {}, "GRAPHQL_VALIDATION_FAILED"),
            (f'{{ availableDays(filter: "{CANARY}", month: "{CANARY}") }}', {}, "GRAPHQL_VALIDATION_FAILED"),
            ("{ availableDays(filter: {contactType: canary}, month: 1) }", {}, "GRAPHQL_VALIDATION_FAILED"),
            ("query ($n: Int!) { plans(first: $n) { totalCount } }", {"n": 10**20}, "BAD_USER_INPUT"),
            (
                START,
                {"input": {"holdId": "h", "guest": {**GUEST, f"{CANARY}@example.com": 1}}},
                "BAD_USER_INPUT",
            ),
            (f'{{ plans "{CANARY}" }}', {}, "GRAPHQL_PARSE_FAILED"),
            (f'"{CANARY}', {}, "GRAPHQL_PARSE_FAILED"),
        ],
        ids=range(14),
    )
    async def test_an_error_never_repeats_what_was_sent(
        self,
        api: Api,
        caplog: pytest.LogCaptureFixture,
        document: str,
        variables: dict[str, object],
        code: str,
    ) -> None:
        with structlog.testing.capture_logs() as logs, caplog.at_level(logging.DEBUG):
            answer = await api.visitor().ask(document, variables, {"Idempotency-Key": "k"})
        assert {error["extensions"]["code"] for error in answer.body["errors"]} == {code}
        assert "canary" not in answer.http.text
        assert "canary" not in repr(logs) + caplog.text

    async def test_null_for_a_page_size_is_the_callers_mistake_and_no_fault(self, api: Api) -> None:
        with structlog.testing.capture_logs() as logs:
            answer = await api.ask("query ($n: Int) { plans(first: $n) { totalCount } }", {"n": None})
        assert answer.code == "BAD_USER_INPUT"
        assert "'$n'" in answer.body["errors"][0]["message"]
        assert logs == []

    async def test_a_missing_field_is_named(self, api: Api) -> None:
        answer = await api.visitor().ask(HOLD, {"input": {"slotId": "s"}}, {"Idempotency-Key": "k"})
        assert "required field 'timeZone'" in answer.body["errors"][0]["message"]


class TestPages:
    DOCUMENT = """query Plans($first: Int!, $after: String, $state: String, $keyword: String) {
      plans(first: $first, after: $after, state: $state, keyword: $keyword) {
        totalCount edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage endCursor startCursor }
      } }"""

    async def test_the_pages_together_are_the_list(self, api: Api) -> None:
        seen: list[str] = []
        after = None
        for _ in range(2):
            page = (await api.ask(self.DOCUMENT, {"first": 3, "after": after})).data
            assert page["pageInfo"]["hasPreviousPage"] == bool(seen)
            seen += [plan["id"] for plan in page["nodes"]]
            assert page["pageInfo"]["hasNextPage"] == (len(seen) < 4)
            after = page["pageInfo"]["endCursor"]
        assert seen == ["once", "monthly", "sold-out", "free-month"]

    async def test_an_empty_page_still_counts(self, api: Api) -> None:
        page = (await api.ask(self.DOCUMENT, {"first": 0})).data
        assert page["totalCount"] == 4
        assert page["edges"] == []
        assert page["pageInfo"]["endCursor"] is None

    @pytest.mark.parametrize(
        ("given", "field"),
        [({"first": 101}, "first"), ({"first": -1}, "first"), ({"first": 1, "after": "x"}, "after")],
    )
    async def test_pages_are_bounded(self, api: Api, given: dict[str, object], field: str) -> None:
        answer = await api.ask(self.DOCUMENT, given)
        assert answer.body["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": field}

    async def test_plans_are_found_by_state_and_keyword(self, api: Api) -> None:
        elsewhere = (await api.ask(self.DOCUMENT, {"first": 9, "state": "WY"})).data
        word = (await api.ask(self.DOCUMENT, {"first": 9, "keyword": "MONTH"})).data
        assert elsewhere["totalCount"] == 0
        assert [plan["id"] for plan in word["nodes"]] == ["monthly", "free-month"]


class TestCost:
    async def test_the_fields_of_a_slot_have_no_resolver(self, api: Api) -> None:
        kind = build_schema()._schema.type_map["Slot"]
        assert all(field.resolve._is_default for field in kind.fields.values())  # type: ignore[attr-defined]
