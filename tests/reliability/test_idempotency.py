"""One key, many senders, processes that die: the mutation runs once, and everybody learns what came of it."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from sqlalchemy import Table, func, select

from booking.checkout.timing import LEASE
from gateway.app import create_app
from gateway.callers.tokens import GatewayTokens
from gateway.development.demo import documents
from gateway.idempotency.guard import IN_FLIGHT
from integrations.database.engine import reading
from integrations.database.tables.checkouts import checkouts
from integrations.database.tables.slots import holds
from tests.reliability.practice import (
    PATIENCE_SECONDS,
    SECOND,
    SECRET,
    ZONE,
    AheadClock,
    Patient,
    Peer,
    Practice,
)
from tests.reliability.proxy import Side

SENDERS = 200
KEY = "one-attempt"
REPLAYED = "Idempotent-Replayed"

PLAN = "First Visit"
COMPLETION = {"table": "idempotency_keys", "when": "NEW.completed AND NOT OLD.completed"}


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One mutation of one sender, to be sent again and again."""

    document: str
    given: dict[str, Any]
    headers: dict[str, str]

    async def send(self, http: httpx2.AsyncClient, url: str = "") -> httpx2.Response:
        body = {"query": self.document, "variables": {"input": self.given}}
        headers = {**self.headers, "Idempotency-Key": KEY}
        return await http.post(f"{url}/graphql", json=body, headers=headers)

    async def lost(self, http: httpx2.AsyncClient, url: str) -> None:
        """Send it to a process that will be killed before it answers."""
        with pytest.raises(httpx2.HTTPError):
            await self.send(http, url)


def result(answer: httpx2.Response) -> Any:
    body = answer.json()
    assert "errors" not in body, body["errors"]
    (one,) = body["data"].values()
    return one


def code(answer: httpx2.Response) -> str:
    (error,) = answer.json()["errors"]
    return str(error["extensions"]["code"])


def confirming(patient: Patient) -> Attempt:
    return Attempt(
        document=documents.CONFIRM,
        given={**patient.accepting, "cardToken": "tok_visa"},
        headers={"Authorization": f"Bearer {patient.token}"},
    )


async def holding(peer: Peer) -> Attempt:
    return Attempt(
        document=documents.HOLD,
        given={"slotId": (await peer.slots("Initial Visit"))[0].id, "timeZone": ZONE},
        headers={"Frontdoor-Visitor": GatewayTokens(secret=SECRET).visitor()},
    )


async def starting(peer: Peer) -> Attempt:
    """Start on a hold that stands already."""
    held = await holding(peer)
    async with later(peer.practice) as http:
        hold_id = result(await held.send(http))["hold"]["id"]
    guest = {"email": "guest.1@example.com", "firstName": "Sample", "lastName": "Guest"}
    plan = peer.practice.seed["plans"][PLAN]
    given = {"holdId": hold_id, "planId": plan, "guest": guest}
    return Attempt(document=documents.START, given=given, headers=held.headers)


@contextlib.asynccontextmanager
async def later(practice: Practice) -> AsyncIterator[httpx2.AsyncClient]:
    """A gateway for which every claim and every lease of a dead process has run out."""
    clock = AheadClock()
    clock.ahead = max(LEASE, IN_FLIGHT) + SECOND
    app = create_app(practice.settings, clock=clock)
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://gateway.invalid", timeout=60) as http,
    ):
        yield http


@dataclass(kw_only=True)
class Seen:
    """What the senders of one attempt were told."""

    answers: list[Any] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)


async def sent_by_everybody(practice: Practice, attempt: Attempt) -> Seen:
    gateways = await asyncio.gather(practice.gateway(), practice.gateway())
    seen = Seen()

    async def one(number: int) -> None:
        answer = await attempt.send(http, gateways[number % len(gateways)].url)
        if answer.status_code == 409:
            assert code(answer) == "IDEMPOTENCY_CONCURRENT_REQUEST"
            seen.told["busy"] += 1
            return
        seen.answers.append(result(answer))
        seen.told["replayed" if REPLAYED in answer.headers else "first"] += 1

    limits = httpx2.Limits(max_connections=SENDERS)
    async with httpx2.AsyncClient(limits=limits, timeout=60) as http:
        await asyncio.gather(*(one(number) for number in range(SENDERS)))
        again = await attempt.send(http, gateways[0].url)
    assert again.headers[REPLAYED] == "true"
    seen.answers.append(result(again))
    return seen


class TestSentByTwoHundredAtOnceToTwoGateways:
    async def test_a_hold_is_taken_once(self, practice: Practice) -> None:
        async with practice.peer() as peer:
            attempt = await holding(peer)
        practice.proxy.calls.clear()
        seen = await sent_by_everybody(practice, attempt)
        assert seen.told["first"] == 1
        assert seen.told.total() == SENDERS
        assert all(answer == seen.answers[0] for answer in seen.answers)
        assert practice.proxy.calls.count("AvailableSlots") == 1
        assert await rows(practice, holds) == 1

    async def test_a_checkout_is_paid_and_booked_once(self, practice: Practice) -> None:
        async with practice.peer() as peer:
            patient = await peer.a_patient(PLAN, (await peer.slots("Initial Visit"))[0])
        seen = await sent_by_everybody(practice, confirming(patient))
        assert seen.told["first"] == 1
        assert seen.told.total() == SENDERS
        assert {answer["__typename"] for answer in seen.answers} == {"ConfirmCheckoutSuccess"}
        assert all(answer == seen.answers[0] for answer in seen.answers)
        await assert_paid_and_booked_once(practice)


class TestKilledBetweenClaimAndResult:
    """Another gateway says that it is being answered, and soon afterwards goes on where the dead one stood."""

    @pytest.mark.parametrize("side", list(Side))
    @pytest.mark.parametrize("effect", ["Charge", pytest.param("Book", marks=pytest.mark.full)])
    async def test_a_confirm_has_the_one_true_result(
        self, practice: Practice, effect: str, side: Side
    ) -> None:
        async with practice.peer() as peer:
            patient = await peer.a_patient(PLAN, (await peer.slots("Initial Visit"))[0])
        attempt = confirming(patient)
        stop = practice.proxy.stop(effect, side)
        first, second = await asyncio.gather(practice.gateway(), practice.gateway())
        sent = asyncio.create_task(attempt.lost(practice.http, first.url))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await stop.reached.wait()
        first.kill()
        await sent
        assert code(await attempt.send(practice.http, second.url)) == "IDEMPOTENCY_CONCURRENT_REQUEST"
        async with later(practice) as http:
            resumed = await attempt.send(http)
        assert REPLAYED not in resumed.headers
        assert result(resumed)["__typename"] == "ConfirmCheckoutSuccess"
        calls = list(practice.proxy.calls)
        again = await attempt.send(practice.http, second.url)
        assert again.headers[REPLAYED] == "true"
        assert result(again) == result(resumed)
        assert set(practice.proxy.calls[len(calls) :]) <= {"PublicCatalog"}
        await assert_paid_and_booked_once(practice)

    async def test_a_hold_that_was_taken_and_not_noted_is_the_same_hold(self, practice: Practice) -> None:
        async with practice.peer() as peer:
            await self.assert_done_once(practice, await holding(peer), holds)

    async def test_a_checkout_that_was_started_and_not_noted_is_the_same_checkout(
        self, practice: Practice
    ) -> None:
        async with practice.peer() as peer:
            await self.assert_done_once(practice, await starting(peer), checkouts)

    async def assert_done_once(self, practice: Practice, attempt: Attempt, table: Table) -> None:
        """Kill a gateway that has done it and cannot write down that it has."""
        assert await rows(practice, table) == 0
        gateway = await practice.gateway()
        async with practice.database.stands_still_before(**COMPLETION):
            sent = asyncio.create_task(attempt.lost(practice.http, gateway.url))
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (await rows(practice, table) and await practice.database.is_waited_in()):  # noqa: ASYNC110 - a database tells nobody
                    await asyncio.sleep(0.01)
            gateway.kill()
            await sent
        async with later(practice) as http:
            resumed = await attempt.send(http)
            again = await attempt.send(http)
        assert REPLAYED not in resumed.headers
        assert again.headers[REPLAYED] == "true"
        assert result(again) == result(resumed)
        assert await rows(practice, table) == 1


async def rows(practice: Practice, table: Table) -> int:
    async with reading(practice.database.engine) as connection:  # waits for no writer that stands still
        return int(await connection.scalar(select(func.count()).select_from(table)) or 0)


async def assert_paid_and_booked_once(practice: Practice) -> None:
    books = await practice.books()
    assert [(charge["amount"], charge["refunded"]) for charge in books["charges"]] == [(149_00, 0)]
    assert len(books["appointments"]) == 1
    assert len(books["patients"]) == 1
    assert await practice.claims() == 0
