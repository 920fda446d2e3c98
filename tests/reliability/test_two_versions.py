"""Two versions on one database, as in every deployment: the version before reads leniently, goes on, and erases nothing."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
from click.testing import CliRunner
from sqlalchemy import select

from booking.checkout_row import CheckoutState as S
from booking.models import CardChoice
from booking.slots import Slot
from gateway.command_line import main
from gateway.demo import documents
from gateway.demo.api import App
from gateway.tokens import GatewayTokens
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


async def heard(socket: Socket, name: str) -> Any:
    """The next state that a live query tells; while others tell theirs on the same socket, each has its own."""
    message = await socket.hear()
    assert (message["id"], message["type"]) == (name, "next"), message
    return message["payload"]["data"]


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


async def left_by_a_gateway(practice: Practice, peer: Peer, patient: Patient) -> None:
    """Let the patient have confirmed, and nobody have gone on with it."""
    now = peer.clock.now()
    row = await practice.row(patient)
    async with peer.system.units() as unit:
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


def watched_days(practice: Practice, slot: Slot) -> dict[str, object]:
    seed, day = practice.seed, slot.start.date()
    sought = {
        "visitTypeId": seed["visit_types"]["Initial Visit"],
        "clinicianIds": [seed["clinicians"][0]["id"]],
        "timeZone": ZONE,
    }
    return {"filter": sought, "from": str(day), "until": str(day)}


async def test_the_version_before_goes_on_beside_the_next_and_erases_nothing(practice: Practice) -> None:
    environment = practice.environment
    before, after = await asyncio.gather(
        practice.gateway(), practice.nursery.gateway(environment, program=NEXT_VERSION)
    )
    async with practice.peer() as peer:
        slots = apart(await peer.slots("Initial Visit"))
        strange, ours, leaver = [
            await peer.a_patient("First Visit", slot, number=number)
            for number, slot in enumerate(slots[:3])
        ]
        address = f"{before.url.replace('http', 'ws', 1)}/graphql"
        async with connected(address) as one, connected(address) as other:
            await one.open({"Authorization": f"Bearer {strange.token}"})
            checkout = await one.subscribe(WATCH_CHECKOUT, {"id": strange.checkout_id})
            assert (await heard(one, checkout))["checkoutChanged"]["status"] == "OPEN"
            visitor = {"Frontdoor-Visitor": GatewayTokens(secret=SECRET).visitor()}
            await other.open(visitor)
            days = await other.subscribe(WATCH_SLOTS, watched_days(practice, slots[0]))
            free = {each["id"] for each in (await heard(other, days))["slotsChanged"][0]["slots"]}

            # The next version takes the checkout to a state, a reason and an event of its own.
            answer = await strange.confirm(after, practice.http)
            assert answer == {"__typename": "CheckoutProcessing", "checkout": {"status": "PROCESSING"}}
            parked = await until_stored(practice, strange, tomorrow.UNDER_REVIEW)
            assert parked["attention"] == tomorrow.WANTS_A_LOOK
            assert await events_of(practice, strange) == [
                tomorrow.UNDER_REVIEW_EVENT,
                "checkout.needs_attention",
            ]
            assert (await heard(one, checkout))["checkoutChanged"]["status"] == "PROCESSING"

            # The version before looks, and its live queries hear of what comes after that event.
            guest = app_of(before, practice.http, strange.token)
            looked = (await guest.ask(LOOK, id=strange.checkout_id))["checkout"]
            assert (looked["status"], looked["endReason"]) == ("PROCESSING", None)
            assert (await strange.confirm(before, practice.http)) == answer
            wanted = next(slot.id for slot in slots[3:] if slot.id in free)
            visitor_app = App(http=practice.http, graphql=f"{after.url}/graphql", headers=visitor)
            held = await visitor_app.do(documents.HOLD, slotId=wanted, timeZone=ZONE)
            assert held["__typename"] == "HoldSlotSuccess"
            told = (await heard(other, days))["slotsChanged"][0]["slots"]
            assert wanted in free - {each["id"] for each in told}

            # Its worker drives its own rows, and leaves that one.
            await practice.make_due(strange)
            left = await stored(practice, strange)
            await left_by_a_gateway(practice, peer, ours)
            worker = practice.worker()
            assert (await until_stored(practice, ours, S.CONFIRMED))["state"] == S.CONFIRMED
            assert await stored(practice, strange) == left
            assert strange.checkout_id in await operator(practice, "checkouts", "list", "--attention")
            shown = await operator(practice, "checkouts", "show", strange.checkout_id)
            assert f"started -> {tomorrow.UNDER_REVIEW}" in shown
            assert tomorrow.WANTS_A_LOOK in shown

            # What the next version ended for a reason of its own has ended.
            await leaver.cancel(after, practice.http)
            assert (await stored(practice, leaver))["end_reason"] == tomorrow.LEFT_BY_TELEPHONE
            gone = await app_of(before, practice.http, leaver.token).ask(LOOK, id=leaver.checkout_id)
            assert (gone["checkout"]["status"], gone["checkout"]["endReason"]) == ("CANCELLED", None)

            # The next version's worker comes, and takes it from there; the version before is beside it all the time.
            practice.nursery.worker({**environment, tomorrow.REVIEWS: "1"}, program=NEXT_VERSION)
            ended = await until_stored(practice, strange, S.CONFIRMED)
            while (status := (await heard(one, checkout))["checkoutChanged"]["status"]) != "CONFIRMED":
                assert status == "PROCESSING"
            assert worker.is_alive()
            assert tomorrow.WANTS_A_LOOK in ended["attention"]
    books = await practice.books()
    assert len(books["appointments"]) == len(books["charges"]) == 2


async def test_what_the_next_version_quoted_the_version_before_sells_and_keeps_whole(
    practice: Practice,
) -> None:
    before, after = await asyncio.gather(
        practice.gateway(), practice.nursery.gateway(practice.environment, program=NEXT_VERSION)
    )
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
