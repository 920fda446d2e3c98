"""Too often is refused before execution, over HTTP and over sockets alike, with the time after which to come again."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.rates import Counts, OperationRates
from gateway.rates.table import FIELDS, FREE_TIME, REQUESTS
from tests.doubles.booking_ports import FakeClock
from tests.doubles.booking_world import a_slot
from tests.integration.graphql_world import HOLD, Api, api_on
from tests.integration.socket_client import connected, served

PLANS = "{ plans { totalCount } }"
WATCH = """subscription ($from: Date!, $until: Date!) {
  slotsChanged(filter: {visitTypeId: "v-priced", timeZone: "America/New_York"}, from: $from, until: $until) { date }
}"""
_OF = 'filter: {visitTypeId: "v-priced", timeZone: "UTC"}'
MONTH = f"query ($from: Date!, $until: Date!) {{ slots({_OF}, from: $from, until: $until) {{ date }} }}"
WEEK = f"""query ($from: Date!, $until: Date! = "2026-06-03") {{
  availableDays({_OF}, month: $from)
  ...More
}}
fragment More on Query {{ slots({_OF}, from: $from, until: $until) {{ date }} }}"""
TOKEN = "{ newVisitorToken }"

# So that the table's figures are reached soon: two holds in ten minutes, sixteen requests of one caller in a minute.
FACTOR = 16 / 300

FROM_ELSEWHERE = {"X-Forwarded-For": "198.51.100.7"}


@pytest.fixture
async def api(sqlite_engine: AsyncEngine) -> AsyncIterator[Api]:
    counts = Counts(clock=FakeClock(), key=b"only for tests")
    async with api_on(sqlite_engine, rates=OperationRates(counts=counts, factor=FACTOR)) as one:
        yield one


def located(api: Api, address: str = "203.0.113.9") -> Api:
    """The same app, at an address that the proxy knows."""
    return dataclasses.replace(api, headers={**api.headers, "X-Forwarded-For": address})


class TestOverHttp:
    async def test_one_caller_is_refused_with_429_and_a_time_and_others_go_on(self, api: Api) -> None:
        flooding = api.visitor()
        for _ in range(round((REQUESTS.caller or 0) * FACTOR)):
            assert (await flooding.ask(PLANS)).http.status_code == 200
        refused = await flooding.ask(PLANS)
        assert (refused.http.status_code, refused.code) == (429, "RATE_LIMITED")
        assert refused.http.headers["Retry-After"] == "60"
        assert refused.body["errors"][0]["extensions"]["retryAfter"] == 60
        assert "data" not in refused.body
        assert (await api.visitor().ask(PLANS)).http.status_code == 200

    async def test_one_network_is_refused_whoever_asks_and_whatever_it_sends(self, api: Api) -> None:
        for _ in range(round((REQUESTS.network or 0) * FACTOR)):
            assert (await located(api).ask("{ no such document")).http.status_code == 200
        forged = located(api.bearer("forged"))
        assert (await forged.ask(PLANS)).http.status_code == 429  # not 401: the token was not looked at
        assert (await located(api.visitor()).ask(PLANS)).http.status_code == 429
        assert (await located(api, "198.51.100.7").ask(PLANS)).http.status_code == 200

    async def test_what_a_field_asks_for_is_refused_before_anything_is_done(self, api: Api) -> None:
        app = api.visitor()
        most = round((FIELDS["holdSlot"].caller or 0) * FACTOR)
        for hours in (24, 24.5)[:most]:
            assert (await app.hold(a_slot(hours=hours).id)).data["__typename"] == "HoldSlotSuccess"
        slot = a_slot(hours=48).id
        refused = await app.hold(slot, key="one-attempt")
        assert (refused.http.status_code, refused.code) == (429, "RATE_LIMITED")
        assert int(refused.http.headers["Retry-After"]) <= 600
        assert (await api.visitor().hold(slot)).data["__typename"] == "HoldSlotSuccess"

    async def test_aliases_and_fragments_count_as_often_as_they_stand_there(self, api: Api) -> None:
        many = f"{{ {' '.join(f't{n}: newVisitorToken' for n in range(4))} ...More }} fragment More on Query {{ newVisitorToken }}"
        assert (await located(api).ask(TOKEN)).http.status_code == 200
        assert (await located(api).ask(many)).http.status_code == 429
        # Where addresses are not known nobody is told apart.
        assert (await api.ask(many)).http.status_code == 200

    @pytest.mark.parametrize(
        ("document", "until", "let_through"),
        [(MONTH, "2026-07-02", 2), (WEEK, "2026-06-08", 6)],
        ids=["a month costs sixteen", "a week and the days of its month five"],
    )
    async def test_free_time_is_counted_by_what_it_asks_of_the_practices_system(
        self, sqlite_engine: AsyncEngine, document: str, until: str, let_through: int
    ) -> None:
        rates = OperationRates(counts=Counts(clock=FakeClock(), key=b"only for tests"), factor=1 / 3)
        assert FREE_TIME.caller == 96
        async with api_on(sqlite_engine, rates=rates) as api:
            app, given = api.visitor(), {"from": "2026-06-02", "until": until}
            for _ in range(let_through):
                assert (await app.ask(document, given)).http.status_code == 200
            refused = await app.ask(document, given)
            assert (refused.http.status_code, refused.code) == (429, "RATE_LIMITED")
            assert (await api.visitor().ask(document, given)).http.status_code == 200

    async def test_a_mutation_that_is_refused_for_itself_is_told_why(self, api: Api) -> None:
        app = api.visitor()
        for _ in range(5):
            document = {"input": {"slotId": a_slot().id, "timeZone": "UTC"}}
            assert (await app.ask(HOLD, document)).code == "IDEMPOTENCY_KEY_REQUIRED"


class TestOverSockets:
    async def test_an_operation_is_refused_and_the_socket_lives_on(self, api: Api) -> None:
        visitor = api.visitor()
        async with served(api.endpoint) as url, connected(url, headers=visitor.headers) as one:
            await one.open()
            for _ in range(round((REQUESTS.caller or 0) * FACTOR)):
                assert (await one.ask(PLANS))["data"]
            name = await one.subscribe(PLANS)
            (error,) = (heard := await one.hear())["payload"]
            assert (heard["type"], heard["id"]) == ("error", name)
            assert (error["extensions"]["code"], error["extensions"]["retryAfter"]) == ("RATE_LIMITED", 60)
            await one.say({"type": "ping"})
            assert await one.hear() == {"type": "pong"}

    async def test_both_transports_count_together(self, api: Api) -> None:
        visitor = api.visitor()
        for _ in range(round((REQUESTS.caller or 0) * FACTOR)):
            await visitor.ask(PLANS)
        async with served(api.endpoint) as url, connected(url, headers=visitor.headers) as one:
            await one.open()
            await one.subscribe(PLANS)
            assert (await one.hear())["payload"][0]["extensions"]["code"] == "RATE_LIMITED"

    async def test_fields_are_counted_there_too(self, api: Api) -> None:
        headers = {**api.visitor().headers, **FROM_ELSEWHERE}
        async with served(api.endpoint) as url, connected(url, headers=headers) as one:
            await one.open()
            for _ in range(round((FIELDS["newVisitorToken"].network or 0) * FACTOR)):
                assert (await one.ask(TOKEN))["data"]
            await one.subscribe(TOKEN)
            assert (await one.hear())["payload"][0]["extensions"]["code"] == "RATE_LIMITED"

    async def test_live_queries_of_free_times_are_not_begun_more_often_than_they_may_be_asked_for(
        self, api: Api
    ) -> None:
        """Each question of its own costs as much upstream, however soon it is given up."""
        day = a_slot().start.date()
        async with served(api.endpoint) as url, connected(url) as one:
            await one.open(api.visitor().headers)
            told = []
            for ahead in range(4):
                until = (day + timedelta(days=ahead)).isoformat()
                name = await one.subscribe(WATCH, {"from": day.isoformat(), "until": until})
                told.append(await one.hear())
                await one.say({"id": name, "type": "complete"})
        assert [each["type"] for each in told] == ["next", "next", "next", "error"], told
        assert told[-1]["payload"][0]["extensions"]["code"] == "RATE_LIMITED"

    async def test_who_opens_sockets_without_end_is_closed_before_their_token_is_looked_at(
        self, api: Api
    ) -> None:
        most = round((REQUESTS.network or 0) * FACTOR)
        for _ in range(most):
            await located(api).ask(PLANS)
        async with served(api.endpoint) as url, connected(url, headers=located(api).headers) as one:
            await one.say({"type": "connection_init", "payload": {"Authorization": "Bearer forged"}})
            assert await one.closed() == (1013, "Too many requests")
