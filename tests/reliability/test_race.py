"""A thousand callers at once, over two gateways: one of them has the time, whatever keeps the holds."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from booking.slots import Slot
from gateway.callers.tokens import GatewayTokens
from gateway.development.demo import documents
from gateway.development.demo.api import App
from tests.plugins.server_process import TemporaryServer
from tests.reliability.conftest import Open
from tests.reliability.database import Database
from tests.reliability.practice import PATIENCE_SECONDS, SECRET, ZONE, Practice
from tests.reliability.processes import Running
from tests.reliability.proxy import Side, Stop

FULL = pytest.mark.full

CALLERS = 1_000

# What a visit of each kind is bought with, by the practice's seed.
PLANS = {"Initial Visit": "First Visit", "Follow-up Visit": "Starter Plan", "Single Visit": None}


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Somebody who holds a time and has started to buy it."""

    app: App
    accepting: dict[str, str]  # the checkout and its quote, as the API names them

    async def pay(self) -> str:
        """Confirm; answers the kind of the result."""
        result = await self.app.do(documents.CONFIRM, **self.accepting, cardToken="tok_visa")
        return str(result["__typename"])


@dataclass(kw_only=True)
class Crowd:
    """The callers, each a visitor of their own, spread over the gateways and the slots."""

    practice: Practice
    gateways: Sequence[Running]
    slots: Sequence[tuple[Slot, str | None]]  # and the id of the plan that each is bought with
    http: httpx2.AsyncClient
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    answers: Counter[str] = field(default_factory=Counter)

    async def rush(self, callers: int) -> list[Holder]:
        """Let them all ask for a time at once; answers those who hold one."""
        answers = await asyncio.gather(*(self._call(next(self.numbers)) for _ in range(callers)))
        return [holder for holder in answers if holder]

    async def _call(self, number: int) -> Holder | None:
        gateway = self.gateways[number % len(self.gateways)]
        slot, plan = self.slots[number // len(self.gateways) % len(self.slots)]
        visitor = GatewayTokens(secret=SECRET).visitor()
        app = App(http=self.http, graphql=f"{gateway.url}/graphql", headers={"Frontdoor-Visitor": visitor})
        held = await app.do(documents.HOLD, slotId=slot.id, timeZone=ZONE)
        self.answers[held["__typename"]] += 1
        if held["__typename"] != "HoldSlotSuccess":
            return None
        guest = {"email": f"guest.{number}@example.com", "firstName": "Sample", "lastName": "Guest"}
        started = await app.do(documents.START, holdId=held["hold"]["id"], planId=plan, guest=guest)
        assert started["__typename"] == "StartCheckoutSuccess", started
        app.become_guest(started["guestToken"])
        checkout = started["checkout"]
        return Holder(app=app, accepting={"checkoutId": checkout["id"], "quoteId": checkout["quote"]["id"]})


Summon = Callable[[Practice], Any]


# A crowd that wants one slot is part of every crowd that wants overlapping ones.
@pytest.fixture(params=[pytest.param("one_slot", marks=FULL), "overlapping_slots"])
def summon(request: pytest.FixtureRequest) -> Summon:
    """Calls a crowd together that wants one slot, or slots of different lengths that all overlap."""
    return lambda practice: a_crowd(practice, overlapping=request.param == "overlapping_slots")


async def a_crowd(practice: Practice, *, overlapping: bool) -> Crowd:
    # Each on a line of their own.
    limits = httpx2.Limits(max_connections=CALLERS, max_keepalive_connections=0)
    slots = await overlapping_slots(practice)
    gateways = await asyncio.gather(practice.gateway(), practice.gateway())
    return Crowd(
        practice=practice,
        gateways=gateways,
        slots=slots if overlapping else slots[:1],
        http=httpx2.AsyncClient(limits=limits, timeout=httpx2.Timeout(60)),
    )


async def overlapping_slots(practice: Practice) -> list[tuple[Slot, str | None]]:
    """Slots of all lengths that contain one moment, so that any two of them overlap."""
    async with practice.peer() as peer:
        offered = [
            (slot, practice.seed["plans"][plan] if plan else None)
            for visit, plan in PLANS.items()
            for slot in await peer.slots(visit)
        ]
    moments = {slot.start for slot, _ in offered}
    chosen = max(
        ([one for one in offered if one[0].start <= at < one[0].end] for at in sorted(moments)), key=len
    )
    assert len({slot.minutes for slot, _ in chosen}) > 1
    assert len({slot.start for slot, _ in chosen}) > 1
    return chosen


async def assert_one_visit_and_one_charge(practice: Practice) -> None:
    books = await practice.books()
    assert len(books["charges"]) == 1
    assert len(books["appointments"]) == 1
    assert books["refunds"] == []
    assert await practice.claims() == 0


class TestOneWins:
    @FULL
    async def test_with_holds_in_sqlite(
        self, practice_on: Open, sqlite_database: Database, summon: Summon
    ) -> None:
        await self.assert_one_wins(await practice_on(sqlite_database), summon)

    @pytest.mark.postgres
    async def test_with_holds_in_postgresql(
        self, practice_on: Open, postgresql_database: Database, summon: Summon
    ) -> None:
        await self.assert_one_wins(await practice_on(postgresql_database), summon)

    @pytest.mark.postgres
    @pytest.mark.redis
    async def test_with_holds_in_redis(
        self,
        practice_on: Open,
        postgresql_database: Database,
        summon: Summon,
        temporary_redis: Callable[[], TemporaryServer],
    ) -> None:
        redis = await asyncio.to_thread(temporary_redis)
        practice = await practice_on(postgresql_database, FRONTDOOR_REDIS_URL=redis.url)
        await self.assert_one_wins(practice, summon)

    async def assert_one_wins(self, practice: Practice, summon: Summon) -> None:
        crowd = await summon(practice)
        async with crowd.http:
            holders = await crowd.rush(CALLERS)
            assert crowd.answers == {"HoldSlotSuccess": 1, "SlotTaken": CALLERS - 1}
            assert [await holder.pay() for holder in holders] == ["ConfirmCheckoutSuccess"]
        await assert_one_visit_and_one_charge(practice)


@pytest.mark.postgres
@pytest.mark.redis
async def test_one_wins_when_redis_is_emptied_again_and_again(
    practice_on: Open,
    postgresql_database: Database,
    summon: Summon,
    temporary_redis: Callable[[], TemporaryServer],
) -> None:
    """Two then hold the time, each pays, and no hold is in either's way: the claim decides before money moves."""
    redis = await asyncio.to_thread(temporary_redis)
    practice = await practice_on(postgresql_database, FRONTDOOR_REDIS_URL=redis.url)
    crowd = await summon(practice)
    async with crowd.http, Redis.from_url(redis.url) as client, asyncio.timeout(2 * PATIENCE_SECONDS):
        (first,) = await crowd.rush(CALLERS // 2)
        first_card, first_paying = await pays_as_far_as(practice, first, "AttachCard", Side.AFTER)
        await client.flushall()
        (second,) = await crowd.rush(CALLERS - CALLERS // 2)
        second_card, second_paying = await pays_as_far_as(practice, second, "AttachCard", Side.AFTER)
        await client.flushall()
        charge = practice.proxy.stop("Charge", Side.BEFORE)
        first_card.let_go.set()
        await charge.reached.wait()
        await client.flushall()
        second_card.let_go.set()
        assert await second_paying == "SlotTaken"
        charge.let_go.set()
        assert await first_paying == "ConfirmCheckoutSuccess"
        assert crowd.answers == {"HoldSlotSuccess": 2, "SlotTaken": CALLERS - 2}
    await assert_one_visit_and_one_charge(practice)


async def pays_as_far_as(
    practice: Practice, holder: Holder, operation: str, side: Side
) -> tuple[Stop, "asyncio.Task[str]"]:
    """Let the holder pay until the call stands still."""
    stop = practice.proxy.stop(operation, side)
    paying = asyncio.create_task(holder.pay())
    await stop.reached.wait()
    return stop, paying
