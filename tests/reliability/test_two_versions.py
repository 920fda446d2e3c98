"""Two versions on one database, as in every deployment: the version before reads leniently, goes on, and erases nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from booking.checkout.model import CheckoutState as S
from booking.models import CardChoice
from booking.slots import Slot
from gateway.callers.tokens import GatewayTokens
from gateway.command_line import main
from gateway.development.demo import documents
from gateway.development.demo.api import App
from integrations.database.tables.checkouts import checkouts
from integrations.database.tables.events import practice_events
from tests.doubles import next_version as tomorrow
from tests.integration.socket_client import Socket, connected
from tests.reliability.nursery import NEXT_VERSION
from tests.reliability.practice import PATIENCE_SECONDS, SECRET, ZONE, Patient, Peer, Practice
from tests.reliability.processes import Running

WATCH_CHECKOUT = "subscription Watch($id: ID!) { checkoutChanged(id: $id) { status endReason } }"
WATCH_SLOTS = """subscription Watch($filter: SlotFilter!, $from: Date!, $until: Date!) {
  slotsChanged(filter: $filter, from: $from, until: $until) { date slots { id } } }"""
LOOK = "query Look($id: ID!) { checkout(id: $id) { status endReason quote { dueToday { amount } } } }"


def app_of(gateway: Running, http: httpx2.AsyncClient, token: str) -> App:
    return App(http=http, graphql=f"{gateway.url}/graphql", headers={"Authorization": f"Bearer {token}"})


async def both_versions(practice: Practice) -> tuple[Running, Running]:
    """A gateway of this version, which is the one before, and one of the next."""
    coming = practice.nursery.gateway(practice.environment, program=NEXT_VERSION)
    before, after = await asyncio.gather(practice.gateway(), coming)
    return before, after


@dataclass(frozen=True, kw_only=True)
class LiveQuery:
    """The only one on its socket."""

    socket: Socket
    name: str

    async def next_state(self) -> Any:
        """The next state that it sends."""
        message = await self.socket.hear()
        assert (message["id"], message["type"]) == (self.name, "next"), message
        (told,) = message["payload"]["data"].values()
        return told


async def live_query(socket: Socket, document: str, variables: dict[str, Any]) -> LiveQuery:
    return LiveQuery(socket=socket, name=await socket.subscribe(document, variables))


def free_on(days: Any) -> set[str]:
    """The ids of what is free on the only day of the live query."""
    (day,) = days
    return {each["id"] for each in day["slots"]}


async def stored(practice: Practice, patient: Patient) -> dict[str, Any]:
    return await row_of(practice, patient.checkout_id)


async def row_of(practice: Practice, checkout_id: str) -> dict[str, Any]:
    async with practice.database.engine.connect() as connection:
        query = select(checkouts).where(checkouts.c.id == checkout_id)
        return dict((await connection.execute(query)).mappings().one())


async def until_stored(practice: Practice, patient: Patient, state: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (row := await stored(practice, patient))["state"] != state or row["lease_owner"] is not None:  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.02)
    return row


async def left_by_a_gateway(versions: "TwoVersions", patient: Patient) -> None:
    """Let the patient have confirmed, and nobody have gone on with it."""
    now = versions.peer.clock.now()
    row = await versions.practice.row(patient)
    async with versions.peer.system.units() as unit:
        accepted = row.changed(
            attempt=1,
            card=CardChoice(token="tok_visa"),
            confirm_deadline=now + timedelta(minutes=15),
            updated_at=now,
            due_at=now,
        )
        await unit.checkouts.save(accepted, was=row)
        await unit.commit()


def apart(slots: list[Slot]) -> list[Slot]:
    """Those of the slots that do not overlap."""
    chosen: list[Slot] = []
    for slot in slots:
        if not any(slot.interval.overlaps(one.interval) for one in chosen):
            chosen.append(slot)
    return chosen


async def operator(practice: Practice, *arguments: str) -> str:
    """What the version before says."""
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments, env=practice.environment)
    assert result.exit_code == 0, result.output
    return result.output


def days_of(practice: Practice, slot: Slot) -> dict[str, object]:
    seed, day = practice.seed, slot.start.date()
    sought = {
        "visitTypeId": seed["visit_types"]["Initial Visit"],
        "clinicianIds": [seed["clinicians"][0]["id"]],
        "timeZone": ZONE,
    }
    return {"filter": sought, "from": str(day), "until": str(day)}


@dataclass(frozen=True, kw_only=True)
class TwoVersions:
    """A practice with a gateway of either version, and the live queries of two patients at the one of the version before."""

    practice: Practice
    peer: Peer  # of the version before
    before: Running
    after: Running
    slots: list[Slot]
    strange: Patient  # whose checkout the next version takes on
    checkout: LiveQuery  # theirs
    days: LiveQuery
    visitor: dict[str, str]  # the headers of the visitor whose live query of the days it is


@pytest.fixture
async def versions(practice: Practice) -> AsyncIterator[TwoVersions]:
    before, after = await both_versions(practice)
    address = f"{before.url.replace('http', 'ws', 1)}/graphql"
    async with practice.peer() as peer, connected(address) as one, connected(address) as other:
        slots = apart(await peer.slots("Initial Visit"))
        strange = await peer.a_patient("First Visit", slots[0])
        await one.open({"Authorization": f"Bearer {strange.token}"})
        visitor = {"Frontdoor-Visitor": GatewayTokens(secret=SECRET).visitor()}
        await other.open(visitor)
        yield TwoVersions(
            practice=practice,
            peer=peer,
            before=before,
            after=after,
            slots=slots,
            strange=strange,
            checkout=await live_query(one, WATCH_CHECKOUT, {"id": strange.checkout_id}),
            days=await live_query(other, WATCH_SLOTS, days_of(practice, slots[0])),
            visitor=visitor,
        )


async def test_the_version_before_goes_on_beside_the_next_and_erases_nothing(versions: TwoVersions) -> None:
    practice, strange = versions.practice, versions.strange
    assert (await versions.checkout.next_state())["status"] == "OPEN"
    free = free_on(await versions.days.next_state())
    parked = await taken_on_by_the_next_version(versions)
    assert (await versions.checkout.next_state())["status"] == "PROCESSING"
    guest = app_of(versions.before, practice.http, strange.token)
    looked = (await guest.ask(LOOK, id=strange.checkout_id))["checkout"]
    assert (looked["status"], looked["endReason"]) == ("PROCESSING", None)
    assert (await strange.confirm(versions.before, practice.http))["__typename"] == "CheckoutProcessing"

    # An event that is known comes after the one that is not.
    wanted = next(shown for slot in versions.slots[3:] if (shown := slot.id_in(ZONE)) in free)
    somebody = App(http=practice.http, graphql=f"{versions.after.url}/graphql", headers=versions.visitor)
    assert (await somebody.do(documents.HOLD, slotId=wanted, timeZone=ZONE))[
        "__typename"
    ] == "HoldSlotSuccess"
    assert wanted in free - free_on(await versions.days.next_state())

    # The worker drives what it knows, and leaves the rest.
    ours = await versions.peer.a_patient("First Visit", versions.slots[1], number=2)
    await practice.make_due(strange)
    await left_by_a_gateway(versions, ours)
    worker = practice.worker()
    await until_stored(practice, ours, S.CONFIRMED)
    assert await stored(practice, strange) == parked | {"due_at": (await stored(practice, strange))["due_at"]}
    assert strange.checkout_id in await operator(practice, "checkouts", "list", "--attention")
    shown = await operator(practice, "checkouts", "show", strange.checkout_id)
    assert f"started -> {tomorrow.UNDER_REVIEW}" in shown
    assert tomorrow.WANTS_A_LOOK in shown

    # A worker of the next version takes it from there; the version before is beside it all the time.
    environment = {**practice.environment, tomorrow.REVIEWS: "1"}
    practice.nursery.worker(environment, program=NEXT_VERSION)
    ended = await until_stored(practice, strange, S.CONFIRMED)
    while (status := (await versions.checkout.next_state())["status"]) != "CONFIRMED":
        assert status == "PROCESSING"
    assert worker.is_alive()
    assert ended["attention"] == tomorrow.WANTS_A_LOOK
    books = await practice.books()
    assert len(books["appointments"]) == len(books["charges"]) == 2


async def taken_on_by_the_next_version(versions: TwoVersions) -> dict[str, Any]:
    """Let it take the checkout to a state, a reason and an event of its own; answers the row."""
    practice, strange = versions.practice, versions.strange
    answer = await strange.confirm(versions.after, practice.http)
    assert answer == {"__typename": "CheckoutProcessing", "checkout": {"status": "PROCESSING"}}
    parked = await until_stored(practice, strange, tomorrow.UNDER_REVIEW)
    assert parked["attention"] == tomorrow.WANTS_A_LOOK
    events = [tomorrow.UNDER_REVIEW_EVENT, "checkout.needs_attention"]
    assert await events_of(practice, strange) == events
    return parked


async def test_what_the_next_version_ended_for_a_reason_of_its_own_has_ended(practice: Practice) -> None:
    before, after = await both_versions(practice)
    async with practice.peer() as peer:
        leaver = await peer.a_patient("First Visit", (await peer.slots("Initial Visit"))[0])
    await leaver.cancel(after, practice.http)
    assert (await stored(practice, leaver))["end_reason"] == tomorrow.LEFT_BY_TELEPHONE
    gone = await app_of(before, practice.http, leaver.token).ask(LOOK, id=leaver.checkout_id)
    assert (gone["checkout"]["status"], gone["checkout"]["endReason"]) == ("CANCELLED", None)


async def test_what_the_next_version_quoted_the_version_before_sells_and_keeps_whole(
    practice: Practice,
) -> None:
    before, after = await both_versions(practice)
    async with practice.peer() as peer:
        slot = (await peer.slots("Initial Visit"))[0]
    app = App(http=practice.http, graphql=f"{after.url}/graphql")
    await app.open()
    hold = (await app.do(documents.HOLD, slotId=slot.id, timeZone=ZONE))["hold"]
    guest = {"email": "guest.1@example.com", "firstName": "Sample", "lastName": "Guest"}
    given = {"holdId": hold["id"], "planId": practice.seed["plans"]["First Visit"], "guest": guest}
    started = await app.do(documents.START, **given)
    checkout = started["checkout"]
    quoted = await row_of(practice, checkout["id"])
    assert quoted["quote"].items() >= tomorrow.PARTS.items()

    buying = app_of(before, practice.http, started["guestToken"])
    paid = await buying.do(
        documents.CONFIRM, checkoutId=checkout["id"], quoteId=checkout["quote"]["id"], cardToken="tok_visa"
    )
    assert paid["__typename"] == "ConfirmCheckoutSuccess"
    sold = await row_of(practice, checkout["id"])
    assert (sold["state"], sold["quote"]) == (S.CONFIRMED, quoted["quote"])


async def events_of(practice: Practice, patient: Patient) -> list[str]:
    async with practice.database.engine.connect() as connection:
        e = practice_events.c
        query = select(e.name).where(e.resource_id == patient.checkout_id).order_by(e.sequence)
        return list((await connection.scalars(query)).all())
