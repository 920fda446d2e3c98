"""Makes `practice-in-flight.json`: what the program of commit 074dd16 (revision v0014) leaves in a database when it dies with work in flight.

Runs at that commit only, whose names it uses; `README.md` says how. Everybody is made up. The gateway, the worker and the emulator
are the real ones, on a clock of their own. A process "dies" where a trigger refuses every further write of a row: what it
had sent has landed, what came of it is not written, and its lease stands.
"""

# It is kept as it ran, for whoever makes the next one; the checks of this repository know other names by now.
# ruff: noqa: ANN001, ANN003, ANN201, ANN202, ASYNC240, C901, PLR0915, T201
# mypy: ignore-errors

import asyncio
import contextlib
import json
import re
import socket
import sqlite3
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import uvicorn
from pydantic import HttpUrl, SecretStr

from booking.catalog import ContactType
from booking.endpoints import EndpointDesk
from booking.inbox import Delivery, Source
from booking.watched import Kind, Poke, Resource
from gateway.app import create_app
from gateway.composition import compose
from gateway.settings import Settings
from gateway.settings.environment import Environment
from gateway.tokens import GatewayTokens
from integrations.database.migrations import migrate
from integrations.database.patient_links import SqlPatientLinks
from integrations.healthie_emulator.app import create_app as create_emulator
from integrations.healthie_emulator.clock import Clock
from integrations.healthie_emulator.emulator import Emulator

SECRET = "only-for-tests-only-for-tests-only-for-tests"
BEGIN = datetime(
    2026, 12, 31, 9, tzinfo=UTC
)  # a Thursday: long enough before the end for a delivery to be given up
MONDAY = datetime(2027, 1, 4, 15, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
ZONE = "America/New_York"
HANDLER = "note_visits"  # the entry point's name
ENDPOINT_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WEBHOOK_URL = "http://127.0.0.1:9/webhooks/healthie"  # nobody is there
GENEROUS = 1_000_000

HOLD = """mutation Hold($input: HoldSlotInput!) { holdSlot(input: $input) {
  __typename ... on HoldSlotSuccess { hold { id } } ... on Problem { code } } }"""
START = """mutation Start($input: StartCheckoutInput!) { startCheckout(input: $input) {
  __typename ... on StartCheckoutSuccess { guestToken checkout { id quote { id } } } ... on Problem { code } } }"""
CONFIRM = """mutation Confirm($input: ConfirmCheckoutInput!) { confirmCheckout(input: $input) {
  __typename ... on ConfirmCheckoutSuccess { checkout { id status } } ... on CheckoutProcessing { checkout { id status } }
  ... on Problem { code } } }"""
CANCEL = """mutation Cancel($input: CancelCheckoutInput!) { cancelCheckout(input: $input) {
  __typename ... on Problem { code } } }"""
BOOK_PAST_US = """mutation StaffBook($input: createAppointmentInput!) {
  createAppointment(input: $input) { appointment { id } messages { message } } }"""


class StillClock:
    """Stands until it is put forward."""

    def __init__(self) -> None:
        self._now = BEGIN

    def now(self) -> datetime:
        return self._now

    def go(self, by: timedelta) -> None:
        self._now += by


class Upstream:
    """The emulator, with every change that reached it written down; loses or falsifies the next one of a name when told to."""

    def __init__(self, clock: StillClock) -> None:
        self.clock = clock
        self.app = create_emulator(Emulator(clock=Clock(source=clock.now)))
        self.changes: list[dict] = []
        self.lost: list[dict] = []
        self.plan: dict[str, str] = {}  # operation -> lose_request | lose_answer | refuse | as:<key>
        self.down: set[str] = set()  # operations that are answered 503

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http" or scope["path"] != "/graphql":
            await self.app(scope, receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        asked = json.loads(body)
        name = asked.get("operationName") or re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])[1]
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        if name in self.down:
            await respond(send, 503, {})
            return
        if not re.match(r"\s*mutation", asked["query"]):
            await self._inner(scope, body, send)
            return
        plan = self.plan.pop(name, None)
        if plan == "refuse":
            answer = {
                "data": {
                    "updateBillingItem": {"messages": [{"field": "base", "message": "cannot be refunded"}]}
                }
            }
            await respond(send, 200, answer)
            return
        if plan is not None and plan.startswith("as:"):
            headers["authorization"] = f"Basic {plan[3:]}"
            scope = {**scope, "headers": [(k.encode(), v.encode()) for k, v in headers.items()]}
        change = {
            "at": self.clock.now().isoformat(),
            "key": headers["authorization"].removeprefix("Basic "),
            "version": headers["healthie-graphql-api-version"],
            "body": asked,
        }
        if plan == "lose_request":
            self.lost.append({**change, "name": name})
            await respond(send, 503, {})
            return
        parts = []

        async def keep(message) -> None:
            parts.append(message)

        await self._inner(scope, body, keep)
        answer = json.loads(b"".join(part.get("body", b"") for part in parts))
        self.changes.append({**change, "ids": ids_in(answer)})
        if plan == "lose_answer":
            await respond(send, 503, {})
            return
        for part in parts:
            await send(part)

    async def _inner(self, scope, body, send) -> None:
        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, receive, send)


def ids_in(value) -> list[str]:
    if isinstance(value, dict):
        own = [value["id"]] if isinstance(value.get("id"), str) else []
        return own + [one for inner in value.values() for one in ids_in(inner)]
    return [one for inner in value for one in ids_in(inner)] if isinstance(value, list) else []


async def respond(send, status: int, body) -> None:
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
    )
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


@contextlib.contextmanager
def serving(app, *, lifespan: str = "auto"):
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        app, http="h11", log_level="critical", timeout_graceful_shutdown=1, lifespan=lifespan
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


async def never(_scope, receive, _send) -> None:
    """An endpoint that takes an event and says nothing."""
    await receive()
    await asyncio.sleep(3600)


class Practice:
    """One practice: a database, the upstream, and processes of ours on them."""

    def __init__(self, path: Path, upstream_url: str, upstream: Upstream, hanging_url: str) -> None:
        self.path = path
        self.url = upstream_url
        self.upstream = upstream
        self.clock = upstream.clock
        self.hanging_url = hanging_url
        self.tokens = GatewayTokens(secret=SECRET)
        self.guests = 0
        self.slots = []
        self.scenarios: dict[str, str] = {}  # name -> checkout id
        self.requests: dict[str, dict] = {}  # of the last key of each scenario
        self.endpoint_added: dict[str, str] = {}

    def settings(self, endpoints: dict[str, str]) -> Settings:
        seed = self.seed
        return Settings(
            environment=Environment.DEVELOPMENT,
            secret_key=SecretStr(SECRET),
            database_url=f"sqlite:///{self.path}",
            healthie_url=HttpUrl(f"{self.url}/graphql"),
            healthie_organization_key=SecretStr(seed["owner"]["key"]),
            healthie_keys={who: SecretStr(key) for who, key in seed["clinician_keys"].items()},
            healthie_requests_per_second=10_000,
            healthie_burst=10_000,
            healthie_webhook_url=HttpUrl(WEBHOOK_URL),
            rate_factor=GENEROUS,
            cards_of_guests=GENEROUS,
            anonymous_holds_percent=100,
            endpoints_allow_loopback=True,
            endpoints={name: {"url": url, "secrets": [ENDPOINT_SECRET]} for name, url in endpoints.items()},
        )

    async def open(self) -> None:
        async with httpx2.AsyncClient() as http:
            self.seed = (await http.get(f"{self.url}/_control/seed")).json()

    async def sql(self, *orders: str) -> list:
        """What the statements answer; in a thread, since others of this process may have to finish first."""

        def run() -> list:
            with contextlib.closing(sqlite3.connect(self.path, timeout=10)) as connection, connection:
                return [connection.execute(order).fetchall() for order in orders]

        return await asyncio.to_thread(run)

    @contextlib.asynccontextmanager
    async def dying(self, when: str):
        """Inside, checkouts that are so cannot be written any more."""
        await self.sql(
            f"CREATE TRIGGER dying BEFORE UPDATE ON checkouts WHEN {when} BEGIN SELECT RAISE(ABORT, 'died'); END"
        )
        try:
            yield
        finally:
            await self.sql("DROP TRIGGER dying")

    async def ask(self, http, document: str, headers: dict, *, key: str, **given) -> dict:
        sent = {"query": document, "variables": {"input": given}}
        headers = {**headers, "Idempotency-Key": key}
        answer = await http.post("/graphql", json=sent, headers=headers)
        self.clock.go(SECOND)
        data = answer.json().get("data")
        if document in (CONFIRM, CANCEL) or key in ("hold-1", "start-1"):
            self.requests[key] = {"headers": headers, "body": sent, "answer": data}
        return next(iter(data.values())) if data else answer.json()

    async def start(self, http, name: str, plan: str = "First Visit") -> tuple[str, str, dict]:
        self.guests += 1
        number = self.guests
        slot = self.slots.pop(0)
        headers = {"Frontdoor-Visitor": self.tokens.visitor()}
        held = await self.ask(http, HOLD, headers, key=f"hold-{number}", slotId=slot.id, timeZone=ZONE)
        assert "hold" in held, (name, held)
        person = {
            "email": f"guest.{number}@example.com",
            "firstName": "Sample",
            "lastName": f"Guest {number}",
        }
        given = {
            "holdId": held["hold"]["id"],
            "planId": self.seed["plans"][plan],
            "guest": person,
            "acceptRecurrence": True,
        }
        started = await self.ask(http, START, headers, key=f"start-{number}", **given)
        checkout = started["checkout"]
        self.scenarios[name] = checkout["id"]
        self.slot_of = slot
        return checkout["id"], checkout["quote"]["id"], {"Authorization": f"Bearer {started['guestToken']}"}

    async def confirm(
        self,
        http,
        name: str,
        *,
        plan: str = "First Visit",
        card: str = "tok_visa",
        dies_at: str | None = None,
        losing: dict[str, str] | None = None,
        taken: bool = False,
    ) -> str:
        checkout, quote, headers = await self.start(http, name, plan)
        if taken:
            await self.book_past_us()
        self.upstream.plan.update(losing or {})
        when = f"OLD.id = '{checkout}' AND OLD.state = '{dies_at}'"
        dying = self.dying(when) if dies_at else contextlib.nullcontext()
        async with dying:
            answer = await self.ask(
                http,
                CONFIRM,
                headers,
                key=f"confirm-{name}",
                checkoutId=checkout,
                quoteId=quote,
                cardToken=card,
            )
        (((state, tries, owner),),) = await self.sql(
            f"SELECT state, tries, lease_owner FROM checkouts WHERE id = '{checkout}'"
        )
        print(
            f"{name}: {answer.get('__typename') or answer} -> {state} tries={tries} leased={owner is not None}"
        )
        return checkout

    async def book_past_us(self) -> None:
        slot = self.slot_of
        given = {
            "user_id": self.seed["patients"][0]["id"],
            "appointment_type_id": slot.visit_type_id,
            "contact_type": "Healthie Video Call",
            "datetime": slot.start.isoformat(),
            "timezone": "UTC",
        }
        await self.send_upstream(
            {
                "key": self.seed["clinician_keys"][slot.clinician_id],
                "version": "2026-07-01",
                "body": {"query": BOOK_PAST_US, "variables": {"input": given}},
            }
        )

    async def send_upstream(self, change: dict) -> None:
        headers = {
            "Authorization": f"Basic {change['key']}",
            "AuthorizationSource": "API",
            "Healthie-GraphQL-API-Version": change["version"],
        }
        async with httpx2.AsyncClient() as http:
            answer = (await http.post(f"{self.url}/graphql", json=change["body"], headers=headers)).json()
            assert "errors" not in answer, answer

    async def land_late(self, name: str) -> None:
        """Let the request that was lost arrive after all."""
        change = next(one for one in self.upstream.lost if one["name"] == name)
        self.upstream.lost.remove(change)
        await self.send_upstream(change)


@contextlib.asynccontextmanager
async def gateway(practice: Practice, settings: Settings):
    app = create_app(settings, clock=practice.clock)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://gateway.invalid", timeout=60
        ) as http:
            yield http


async def work(system, *, look: bool = True) -> None:
    """One round of everything that a worker does."""
    worker = system.worker()
    await worker.tick()
    if look:
        await system.refresher.run_due()
        await system.refresher.rest()
    await system.telling.look()
    await asyncio.wait_for(system.telling._courier.rest(), 40)
    await system.watch.tell()


def delivery(practice: Practice, kind: Kind, resource_id: str, event: str, type_name: str) -> Delivery:
    poke = Poke(resource=Resource(kind=kind, id=resource_id))
    return Delivery(
        event=event,
        resource_type=type_name,
        resource_id=resource_id,
        received_at=practice.clock.now(),
        poke=poke,
        source=Source.WEBHOOK,
    )


async def scenario(practice: Practice) -> None:
    clock, up = practice.clock, practice.upstream
    old = practice.settings({"records": "http://127.0.0.1:9/in"})
    async with compose(old, clock=clock) as system, gateway(practice, old) as http:
        for who in (0, 1, 2):
            days = await system.healthie.availability.slots(
                visit_type_id=practice.seed["visit_types"]["Initial Visit"],
                contact_type=ContactType.VIDEO,
                location_id=None,
                clinician_ids=[practice.seed["clinicians"][who]["id"]],
                first=(MONDAY + timedelta(days=7)).date(),
                last=(MONDAY + timedelta(days=11)).date(),
                time_zone=ZONE,
            )
            for slot in days:
                if all(
                    not slot.interval.overlaps(one.interval) or slot.clinician_id != one.clinician_id
                    for one in practice.slots
                ):
                    practice.slots.append(slot)
        # The first slot of each clinician's day, then the second of each, and so on: strangers may not hold a whole day.
        ranks: dict[tuple, int] = {}
        for slot in practice.slots:
            day = (slot.clinician_id, slot.start.date())
            ranks[slot.id] = ranks[day] = ranks.get(day, 0) + 1
        practice.slots.sort(key=lambda slot: (ranks[slot.id], slot.start, slot.clinician_id))
        await work(system)
        await SqlPatientLinks(engine=system.engine).add(
            "https://sign-in.example.com", "sample-1", practice.seed["patients"][0]["id"], now=clock.now()
        )
        await system.webhook_health.if_due()
        await system.visit_poll.changed()

        # Thursday: sold, and told to an endpoint that is not there, until it is given up.
        first = await practice.confirm(http, "confirmed_looked_at")
        await practice.confirm(http, "confirmed_monthly", plan="Monthly Care")
        visit = (await practice.sql(f"SELECT appointment_id FROM checkouts WHERE id = '{first}'"))[0][0][0]
        payment = (await practice.sql(f"SELECT billing_item_id FROM checkouts WHERE id = '{first}'"))[0][0][0]
        await system.inbox.accept(delivery(practice, Kind.VISIT, visit, "appointment.created", "Appointment"))
        await system.inbox.accept(
            delivery(practice, Kind.PAYMENT, payment, "billing_item.created", "BillingItem")
        )
        await work(system)
        # A form that nobody can read for more than a day.
        await system.inbox.accept(
            delivery(practice, Kind.FORM, "4711", "form_answer_group.created", "FormAnswerGroup")
        )
        up.down.add("WatchedForm")
        while clock.now() < MONDAY - timedelta(hours=1):
            await work(system)
            clock.go(timedelta(hours=5))
        await work(system)
        up.down.clear()

        # Monday: ended, and something of it comes late.
        checkout, _, headers = await practice.start(http, "cancelled")
        await practice.ask(http, CANCEL, headers, key="cancel-cancelled", checkoutId=checkout)
        await practice.start(http, "hold_ran_out")
        await practice.confirm(http, "charge_lost_in_doubt", losing={"Charge": "lose_request"})
        for name in ("late_charge_found", "late_charge_not_found_yet"):
            await practice.confirm(http, name, losing={"Charge": "lose_request"})
        await practice.confirm(
            http, "late_series_found", plan="Monthly Care", losing={"Charge": "lose_request"}
        )
        await practice.confirm(http, "late_visit_found", losing={"Book": "lose_request"})
        await practice.confirm(http, "refund_failed", taken=True, losing={"Refund": "refuse"})
        await practice.confirm(http, "refunded", taken=True)
        clock.go(16 * MINUTE)  # the confirm window is over: nothing is sent again
        for _ in range(4):
            await system.worker().tick()
            clock.go(31 * SECOND)
        for _ in range(4):
            await practice.land_late("Charge")
        await practice.land_late("Book")
        unlooked = practice.scenarios["late_charge_not_found_yet"]
        ((due_at,),), _ = await practice.sql(
            f"SELECT due_at FROM checkouts WHERE id = '{unlooked}'",
            f"UPDATE checkouts SET due_at = NULL WHERE id = '{unlooked}'",
        )
        clock.go(6 * MINUTE)
        late = "OLD.state IN ('late_refund_intended', 'late_recurring_cancel_intended', 'late_deletion_intended')"
        async with practice.dying(late):
            await system.worker().tick()
        await practice.sql(f"UPDATE checkouts SET due_at = {due_at} WHERE id = '{unlooked}'")
        await system.watch.tell()

    # Another deployment, with other endpoints.
    now = practice.settings({"office": "http://127.0.0.1:9/in", "slow": practice.hanging_url})
    async with compose(now, clock=clock) as system, gateway(practice, now) as http:
        await system.telling.declare()
        system.telling._courier = await system.telling._start()

        async def passes(_url: str) -> None:
            """Whatever the address is."""

        added = await EndpointDesk(units=system.units, clock=clock, check=passes).add(
            "http://127.0.0.1:9/by-hand", None
        )
        practice.endpoint_added = {"id": added.id, "secret": added.secrets[0].text}
        async with system.units() as unit:
            await unit.letters.enrol(f"handler:{HANDLER}", now=clock.now())
            await unit.commit()
        # The second clinician is blocked in the end, which would end what others book with them.
        second = practice.seed["clinicians"][1]["id"]
        mismatched = next(slot for slot in practice.slots if slot.clinician_id == second)
        practice.slots = [slot for slot in practice.slots if slot.clinician_id != second]
        await practice.start(http, "started")
        await practice.confirm(http, "dead_at_patient_intended", dies_at="patient_intended")
        await practice.confirm(http, "declined", card="tok_chargeDeclined")
        await practice.confirm(http, "dead_at_card_intended", dies_at="card_intended")
        await practice.confirm(http, "dead_at_card_ready", dies_at="card_ready")
        await practice.confirm(http, "dead_at_patient_ready", dies_at="patient_ready")
        await practice.confirm(http, "dead_after_charge", dies_at="charge_intended")
        await practice.confirm(http, "charge_request_lost", losing={"Charge": "lose_request"})
        await practice.confirm(http, "charge_answer_lost", losing={"Charge": "lose_answer"})
        await practice.confirm(http, "dead_at_charged", dies_at="charged")
        await practice.confirm(http, "dead_after_booking", dies_at="booking_intended")
        await practice.confirm(http, "booking_request_lost", losing={"Book": "lose_request"})
        await practice.confirm(http, "dead_at_booked", dies_at="booked")
        await practice.confirm(http, "dead_at_compensating", taken=True, dies_at="compensating")
        await practice.confirm(
            http,
            "dead_at_recurring_cancel",
            plan="Monthly Care",
            taken=True,
            dies_at="recurring_cancel_intended",
        )
        await practice.confirm(
            http,
            "dead_at_recurring_cancelled",
            plan="Monthly Care",
            taken=True,
            dies_at="recurring_cancelled",
        )
        await practice.confirm(http, "dead_after_refund", taken=True, dies_at="refund_intended")
        await practice.confirm(http, "refund_request_lost", taken=True, losing={"Refund": "lose_request"})
        practice.slots.insert(0, mismatched)
        other = practice.seed["clinician_keys"][practice.seed["clinicians"][2]["id"]]
        await practice.confirm(
            http, "dead_after_deletion", losing={"Book": f"as:{other}"}, dies_at="deletion_intended"
        )
        sold = await practice.confirm(http, "confirmed")
        visit, payment = (
            await practice.sql(f"SELECT appointment_id, billing_item_id FROM checkouts WHERE id = '{sold}'")
        )[0][0]
        # One that is sent on to its subscribers when the worker dies, and marks: looked at in vain, and not looked at yet.
        up.down.add("WatchedVisit")
        await system.inbox.accept(delivery(practice, Kind.VISIT, visit, "appointment.created", "Appointment"))
        await system.refresher.run_due()
        await system.refresher.rest()
        up.down.clear()
        await system.inbox.accept(
            delivery(practice, Kind.PAYMENT, payment, "billing_item.created", "BillingItem")
        )
        await system.inbox.accept(
            delivery(practice, Kind.PATIENT, practice.seed["patients"][0]["id"], "patient.updated", "User")
        )
        await system.telling.look()
        await asyncio.sleep(2)


def dumped(practice: Practice) -> dict:
    with contextlib.closing(sqlite3.connect(practice.path)) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('alembic_version', 'sqlite_sequence') ORDER BY name"
            )
        ]
        ((revision,),) = connection.execute("SELECT version_num FROM alembic_version")
        tables = {}
        for name in names:
            columns = [(row[1], row[2]) for row in connection.execute(f"PRAGMA table_info({name})")]
            rows = connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()
            tables[name] = [
                {
                    column: kept(value, kind, column)
                    for (column, kind), value in zip(columns, row, strict=True)
                    if value is not None
                }
                for row in rows
            ]
    documents: dict[str, str] = {}

    def short(asked: dict) -> dict:
        """The request with its document by name: most come often."""
        name = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])[1]
        assert documents.setdefault(name, asked["query"]) == asked["query"], name
        return {"document": name, "variables": asked["variables"]}

    return {
        "revision": revision,
        "secret_key": SECRET,
        "webhook_url": WEBHOOK_URL,
        "endpoint_secret": ENDPOINT_SECRET,
        "endpoint_added": practice.endpoint_added,
        "handler": HANDLER,
        "begun_at": BEGIN.isoformat(),
        "stopped_at": practice.clock.now().isoformat(),
        "checkouts": practice.scenarios,
        "upstream": [{**one, "body": short(one["body"])} for one in practice.upstream.changes],
        "requests": {name: {**one, "body": short(one["body"])} for name, one in practice.requests.items()},
        "documents": documents,
        "tables": tables,
    }


def as_text(value: dict) -> str:
    """JSON with a line a row, so that a change shows as what it is."""
    parts = []
    for name, part in value.items():
        if isinstance(part, list):
            rows = ",\n".join(f"  {json.dumps(row, sort_keys=True)}" for row in part)
            parts.append(f" {json.dumps(name)}: [\n{rows}\n ]")
        elif name == "tables":
            parts.append(f" {json.dumps(name)}: {as_text(part)}")
        elif isinstance(part, dict):
            rows = ",\n".join(
                f"  {json.dumps(key)}: {json.dumps(row, sort_keys=True)}" for key, row in part.items()
            )
            parts.append(f" {json.dumps(name)}: {{\n{rows}\n }}")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(part)}")
    return "{\n" + ",\n".join(parts) + "\n}"


NUMBERS = {"place", "sequence"}


def kept(value, kind: str, column: str):
    """Times as text and documents as JSON: a form that is no database's own."""
    if kind == "JSON":
        return json.loads(value)
    if kind == "BOOLEAN":
        return bool(value)
    if kind == "BIGINT" and column not in NUMBERS:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)).isoformat()
    return value


async def main(target: Path) -> None:
    clock = StillClock()
    upstream = Upstream(clock)
    with (
        tempfile.TemporaryDirectory() as directory,
        serving(upstream) as url,
        serving(never, lifespan="off") as hanging,
    ):
        path = Path(directory) / "frontdoor.sqlite3"
        await migrate(f"sqlite:///{path}")
        practice = Practice(path, url, upstream, f"{hanging}/in")
        await practice.open()
        await scenario(practice)
        target.write_text(
            as_text(dumped(practice)).replace(socket.gethostname(), "machine") + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
