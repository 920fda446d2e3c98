"""Planted words of a patient's, and secrets of the practice's, are looked for wherever the program writes anything down."""

import contextlib
import dataclasses
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from structlog.testing import capture_logs

from booking.audit.chain import entry_of
from booking.audit.model import AuditEntry, AuditKind
from booking.principals import PrincipalKind
from integrations.database.engine import connect_database
from integrations.database.migrations import migrate
from tests.acceptance import documents
from tests.acceptance.app import VISITOR, App
from tests.plugins.emulator import CLINICIAN_1, CLINICIAN_2, CLINICIAN_3, OWNER
from tests.plugins.stack import SECRET, Stack, Stacks, eventually

MARK = uuid4().hex[:8]

PERSON = {
    "email": f"canary.{MARK}@example.com",
    "firstName": f"Canary{MARK}",
    "lastName": f"Yellowbird{MARK}",
    "phone": "555-0177",
    "birthDate": "1979-11-23",
}
GOOD_CARD, BAD_CARD = f"tok_visa_{MARK}", f"tok_chargeCustomerFail_{MARK}"
NO_CODE = f"NOCODE{MARK}".upper()
PROMO = "MINUS25"  # the practice's: the quote that the patient accepted names it, on the checkout's row and nowhere else

ROOM = f"https://video.example/{MARK}"  # the patient's way into the visit: answered, and written down nowhere

_JOIN = "appointment { calendarUrl join { ... on JoinLinks { url } } }"
GUEST_JOINS = f"query Join($id: ID!) {{ checkout(id: $id) {{ {_JOIN} }} }}"
PATIENT_JOINS = f"query Join {{ me {{ appointments(filter: UPCOMING) {{ nodes {_JOIN.removeprefix('appointment ')} }} }} }}"
CONFIRM_JOINS = f"""mutation Confirm($input: ConfirmCheckoutInput!) {{
  confirmCheckout(input: $input) {{ ... on ConfirmCheckoutSuccess {{ checkout {{ {_JOIN} }} }} }} }}"""
OPEN_ROOM = """mutation Open($id: ID, $room: String) {
  updateAppointment(input: { id: $id, external_videochat_url: $room }) { messages { message } } }"""

SECRETS = (OWNER, CLINICIAN_1, CLINICIAN_2, CLINICIAN_3, SECRET)
CANARIES = (*PERSON.values(), MARK, ROOM, GOOD_CARD, BAD_CARD, NO_CODE, PROMO, *SECRETS)

Row = Mapping[str, Any]


WHEN = (
    "while the guest decides",
    "while nothing can be recorded",
    "after a decline",
    "while an outcome is unknown",
    "afterwards",
    "while a change is under way",
    "after the change",
)


@dataclasses.dataclass(kw_only=True)
class Stores:
    """Everything that is written down, place by place."""

    stack: Stack
    found: dict[str, str] = dataclasses.field(default_factory=dict)
    refused: list[str] = dataclasses.field(default_factory=list)

    async def note(self, response: httpx2.Response) -> None:
        """Keep what an answer says when it is no success."""
        await response.aread()
        if response.headers["content-type"].startswith("text/calendar"):
            return
        body = response.json()
        problems = [each for each in (body.get("data") or {}).values() if _is_problem(each)]
        if body.get("errors") or problems:
            self.refused.append(json.dumps([body.get("errors"), problems, dict(response.headers)]))

    async def dump(self, when: str) -> None:
        """Take down every table and every key as they are now."""
        for table, rows in (await tables(str(self.stack.settings.database_url))).items():
            self.found[f"table {table} {when}"] = "\n".join(json.dumps(row, default=str) for row in rows)
        self.found[f"redis {when}"] = "\n".join(await redis_dump(str(self.stack.settings.redis_url)))

    def holding(self, *canaries: str) -> dict[str, list[str]]:
        """The stores that hold any of these, and which."""
        folded = {store: kept.casefold() for store, kept in self.found.items()}
        return {
            store: held
            for store, kept in folded.items()
            if (held := [each for each in canaries if each.casefold() in kept])
        }


def _is_problem(result: object) -> bool:
    return isinstance(result, dict) and "retryable" in result


async def tables(url: str) -> dict[str, list[Row]]:
    """Every row of every table of a PostgreSQL database."""
    engine = connect_database(url)
    try:
        async with engine.connect() as connection:
            names = await connection.scalars(
                text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
            )
            return {
                name: list(await connection.scalars(text(f'SELECT row_to_json(t) FROM "{name}" t')))
                for name in names.all()
            }
    finally:
        await engine.dispose()


async def redis_dump(url: str) -> list[str]:
    """Every key of a Redis with what it holds."""
    read: dict[bytes, Callable[[Redis, bytes], Any]] = {
        b"string": lambda redis, key: redis.get(key),
        b"hash": lambda redis, key: redis.hgetall(key),
        b"zset": lambda redis, key: redis.zrange(key, 0, -1, withscores=True),
        b"set": lambda redis, key: redis.smembers(key),
        b"list": lambda redis, key: redis.lrange(key, 0, -1),
        b"stream": lambda redis, key: redis.xrange(key),
    }
    found = []
    async with Redis.from_url(url) as redis:
        async for key in redis.scan_iter("*"):
            kind = await redis.type(key)
            held = await read[kind](redis, key) if kind in read else None  # none: it has just expired
            found.append(f"{key!r} {held!r}")
    return found


@contextlib.asynccontextmanager
async def without_audit_trail(stack: Stack) -> AsyncIterator[None]:
    """The audit trail cannot be written meanwhile."""
    engine = connect_database(str(stack.settings.database_url))

    async def rename(old: str, new: str) -> None:
        async with engine.begin() as connection:
            await connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

    await rename("audit_records", "audit_records_away")
    try:
        yield
    finally:
        await rename("audit_records_away", "audit_records")
        await engine.dispose()


async def look_at_the_visit(stack: Stack, guest: App, patient: App, checkout_id: str) -> None:
    """The way in, read by whom it is for, and in the answer of a confirm that is sent again; the calendar's entry."""
    (visit,) = await stack.landed()
    await stack.emulator.ask(OPEN_ROOM, id=visit["id"], room=ROOM)
    seen = [
        (await guest.ask(GUEST_JOINS, {"id": checkout_id}))["checkout"]["appointment"],
        *(await patient.ask(PATIENT_JOINS))["me"]["appointments"]["nodes"],
        (await guest.do(CONFIRM_JOINS, **guest.accepting(checkout_id)))["checkout"]["appointment"],
    ]
    assert [each["join"] for each in seen] == [{"url": ROOM}] * 3
    entry = (await stack.http.get(seen[0]["calendarUrl"])).text
    assert "BEGIN:VEVENT" in entry
    assert [each for each in CANARIES if each.casefold() in entry.casefold()] == []


async def journey(stack: Stack, stores: Stores) -> tuple[App, App]:
    """A guest's way with everything that can go wrong on it; answers the guest's app and the patient's."""
    app = await stack.visitor()
    plan = stack.plan("First Visit")
    await app.ask(documents.QUOTE, {"planId": plan, "promoCode": NO_CODE})
    guest, checkout_id = await app.guest_checkout(
        (await stack.slot(ahead=1))["id"], guest=PERSON, planId=plan, promoCode=PROMO
    )
    await stores.dump("while the guest decides")
    async with without_audit_trail(stack):
        unrecorded = await guest.confirm(checkout_id, cardToken=f"tok_{MARK}")
        assert unrecorded["__typename"] == "CheckoutProcessing"
    await stores.dump("while nothing can be recorded")
    await stack.work()
    await guest.confirm(checkout_id, cardToken=BAD_CARD)
    await stores.dump("after a decline")
    await stack.fault("lost_answer", "Charge")
    await stack.fault("truncated", "Book")
    await guest.confirm(checkout_id, cardToken=GOOD_CARD)
    await stores.dump("while an outcome is unknown")
    await stack.work()
    await stack.work()
    assert (await guest.checkout(checkout_id))["status"] == "CONFIRMED"

    patient = stack.patient((await stack.made())["patients"][0]["id"])
    assert (await patient.ask(documents.ME))["me"]["lastName"] == PERSON["lastName"]
    await look_at_the_visit(stack, guest, patient, checkout_id)
    await stack.fault("http_5xx", "Patient", count=3)
    assert (await patient.post(documents.ME)).json()["errors"]
    bad = {**PERSON, "email": f"canary.{MARK} at example.com", "phone": f"phone {MARK}"}
    for number, given in enumerate(({"holdId": "hold_1", "guest": bad}, {"holdId": 1, "guest": PERSON})):
        await app.post(documents.START, {"input": given}, key=f"bad-{number}")
    await app.post(f'mutation {{ holdSlot(input: {{ slotId: "{MARK}" ', key="bad-document")
    await stores.dump("afterwards")
    await change(stack, stores, guest, checkout_id)
    return guest, patient


async def change(stack: Stack, stores: Stores, guest: App, checkout_id: str) -> None:
    """Staff move the visit and say why, then its patient cancels it and says why, which is not known to have worked at first."""
    visit = (await guest.checkout(checkout_id))["appointment"]["id"]
    browser, member = await stack.visitor(), stack.patient("staff-1", kind=PrincipalKind.STAFF)
    hold = await browser.held((await stack.slot(ahead=4))["id"])
    move = (await member.ask(documents.MOVE_QUOTE, {"id": visit}))["rescheduleQuote"]["quote"]["id"]
    moved = await dataclasses.replace(member, headers={**browser.headers, **member.headers}).do(
        documents.MOVE_VISIT, quoteId=move, holdId=hold, note=f"Canary note {MARK}"
    )
    assert moved["__typename"] == "RescheduleAppointmentSuccess", moved
    cancel = (await guest.ask(documents.CANCELLATION_QUOTE, {"id": visit}))["cancellationQuote"]["quote"][
        "id"
    ]
    bad = {"quoteId": cancel, "reason": f"\u0007{MARK}"}
    await guest.post(documents.CANCEL_VISIT, {"input": bad}, key="bad-reason")
    await stack.fault("lost_answer", "CancelVisit")
    given = {"quoteId": cancel, "reason": f"Canary reason {MARK}"}
    assert (await guest.do(documents.CANCEL_VISIT, **given))["__typename"] == "AppointmentChangeProcessing"
    await stores.dump("while a change is under way")
    await stack.work()
    await guest.ask(documents.ME)
    await stores.dump("after the change")


@pytest.mark.postgres
@pytest.mark.redis
async def test_no_word_of_a_patient_and_no_secret_is_written_down_anywhere(
    empty_postgres_url: str,
    redis_url: str,
    stacks: Stacks,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO)
    await migrate(empty_postgres_url)
    with capture_logs() as events:
        stack = await stacks.start(
            database_url=empty_postgres_url, redis_url=redis_url, tenant=f"test-{uuid4().hex}"
        )
        stores = Stores(stack=stack)
        stack.http.event_hooks["response"].append(stores.note)
        guest, patient = await journey(stack, stores)
        requests = await stack.emulator.control.requests()
    stores.found["logs"] = "\n".join([*map(repr, events), caplog.text, *capfd.readouterr()])
    stores.found["refusals"] = "\n".join(stores.refused)
    stores.found["upstream urls"] = "\n".join(request["url"] for request in requests)

    assert len(stores.refused) >= 6
    assert {request["url"] for request in requests} == {f"{stack.emulator.url}/graphql"}
    assert {event["log_level"] for event in events} >= {"debug", "info", "warning", "error"}
    assert {event["event"] for event in events} >= {"checkout.parked", "upstream.call_not_recorded"}
    assert all(stack.settings.tenant in stores.found[f"redis {when}"] for when in WHEN)
    tokens = [app.headers["Authorization"].split()[1] for app in (guest, patient)]
    declared = {f"table checkouts {when}": [PROMO] for when in WHEN}
    assert stores.holding(*CANARIES, *tokens, guest.headers[VISITOR]) == declared


@pytest.mark.postgres
@pytest.mark.redis
async def test_the_trail_tells_who_asked_for_every_call_and_for_whom_it_was_made(
    empty_postgres_url: str, redis_url: str, stacks: Stacks
) -> None:
    await migrate(empty_postgres_url)
    stack = await stacks.start(
        database_url=empty_postgres_url, redis_url=redis_url, tenant=f"test-{uuid4().hex}"
    )
    with capture_logs():  # faults with their traces are much to print
        await journey(stack, Stores(stack=stack))
    asked = [each["operation"] for each in await stack.emulator.control.requests()]
    requests = Counter(each for each in asked if each != "Open")  # the practice opens the room itself

    async def told() -> list[AuditEntry]:
        """All that was recorded, once what is recorded in batches is among it."""
        records = (await tables(empty_postgres_url))["audit_records"]
        entries = [entry_of(each["record"]) for each in records]
        ends = [each.operation for each in entries if each.kind is AuditKind.ANSWERED]
        return entries if len(ends) == requests.total() else []

    entries = await eventually(told)
    assert Counter(each.operation for each in entries if each.kind is AuditKind.ATTEMPTED) == requests
    (row,) = (await tables(empty_postgres_url))["checkouts"]
    who = {each.actor.partition(":")[0] for each in entries}
    assert who == {"system", "anonymous", "visitor", "guest", "patient", "staff", "worker for guest"}
    assert {each.actor for each in entries if each.operation == "MoveVisit"} == {"staff:staff-1"}
    assert {each.actor for each in entries if each.operation == "CancelVisit"} == {row["owner"]}
    charges = [each for each in entries if each.operation == "Charge"]
    assert {each.actor for each in charges} == {row["owner"]}
    assert {each.actor for each in entries if each.operation == "PaymentsSince"} == {"worker for guest"}
    assert {(each.checkout_id, each.patient) for each in charges} == {(row["id"], row["patient_id"])}
    (reader,) = {each.actor for each in entries if each.operation == "VisitsOfPatient"}
    assert reader == f"patient:{row['patient_id']}"
    assert all(each.request_id for each in entries if ":" in each.actor)
