"""A practice under test: an emulator and a database that outlive every process, gateways that die, peers that take over."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from pydantic import HttpUrl, SecretStr
from sqlalchemy import func, select, update

from booking.catalog.model import ContactType
from booking.checkout.model import Checkout, CheckoutState
from booking.checkout.timing import LEASE, SETTLE
from booking.checkout.transitions import TERMINAL, at_rest
from booking.models import CardChoice, GuestDetails
from booking.principals import Caller, Principal, PrincipalKind, guest_of
from booking.refusals import Refusal
from booking.slot_query import SlotQuery
from booking.slots import Slot
from gateway.callers.tokens import GatewayTokens
from gateway.development.demo import documents
from gateway.development.demo.api import App
from gateway.runtime.composition import compose
from gateway.runtime.sealing import sealer
from gateway.runtime.system import System
from gateway.settings import Settings
from gateway.settings.environment import Environment
from integrations.database.checkouts import SqlCheckouts
from integrations.database.engine import reading
from integrations.database.tables.checkouts import checkouts
from integrations.database.tables.slots import slot_claims
from tests.doubles.rates import GENEROUS
from tests.plugins.emulator import EmulatorClient
from tests.reliability.database import Database
from tests.reliability.processes import Nursery, Running
from tests.reliability.proxy import Proxy, proxy_to

ZONE = "America/New_York"
SECRET = secrets.token_urlsafe(32)

# Requests a second on each key: the emulator throttles nobody.
RATE = 10_000
SECOND = timedelta(seconds=1)

# After a patient's confirm nothing is sent any more once this is over.
CONFIRM_WINDOW = timedelta(minutes=15)

# Long enough for a busy machine, short enough that a test that hangs says so.
PATIENCE_SECONDS = 60

BOOK_PAST_US = """mutation Book($input: createAppointmentInput!) {
  createAppointment(input: $input) { appointment { id } messages { message } } }"""

CANCEL = """mutation Cancel($input: CancelCheckoutInput!) { cancelCheckout(input: $input) { __typename } }"""


_COUNT_CLAIMS = select(func.count()).select_from(slot_claims)


class AheadClock:
    """The machine's clock, put forward: a peer for whom leases have run out."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True, kw_only=True)
class Patient:
    """A guest with a checkout of their own, and the app that they hold in their hand."""

    checkout_id: str
    quote_id: str
    guest: GuestDetails
    token: str = field(repr=False)

    @property
    def caller(self) -> Caller:
        return Caller(principal=guest_of(self.checkout_id))

    @property
    def accepting(self) -> dict[str, str]:
        """What a confirm says that they accept."""
        return {"checkoutId": self.checkout_id, "quoteId": self.quote_id}

    async def confirm(self, gateway: Running, http: httpx2.AsyncClient, card: str = "tok_visa") -> Any:
        """Pay through a gateway; answers the result, or None when the gateway died."""
        with contextlib.suppress(httpx2.HTTPError):
            return await self._app(gateway, http).do(documents.CONFIRM, **self.accepting, cardToken=card)

    async def cancel(self, gateway: Running, http: httpx2.AsyncClient) -> Any:
        """Cancel through a gateway."""
        return await self._app(gateway, http).do(CANCEL, checkoutId=self.checkout_id)

    def _app(self, gateway: Running, http: httpx2.AsyncClient) -> App:
        headers = {"Authorization": f"Bearer {self.token}"}
        return App(http=http, graphql=f"{gateway.url}/graphql", headers=headers)


@dataclass(frozen=True, kw_only=True)
class Practice:
    """What outlives every process."""

    database: Database
    emulator: EmulatorClient
    proxy: Proxy
    nursery: Nursery
    http: httpx2.AsyncClient
    seed: Mapping[str, Any]
    seeded: Mapping[str, list[dict[str, Any]]]  # the emulator's books before anything happened
    more: Mapping[str, str] = field(default_factory=dict)  # further settings

    @property
    def settings(self) -> Settings:
        """The settings of every process of ours."""
        return Settings(
            environment=Environment.DEVELOPMENT,
            secret_key=SecretStr(SECRET),
            database_url=self.database.url,
            healthie_url=HttpUrl(f"{self.proxy.url}/graphql"),
            healthie_organization_key=SecretStr(self.seed["owner"]["key"]),
            healthie_keys={who: SecretStr(key) for who, key in self.seed["clinician_keys"].items()},
            healthie_requests_per_second=RATE,
            healthie_burst=RATE,
            rate_factor=GENEROUS,
            anonymous_holds_percent=100,
            redis_url=self.more.get("FRONTDOOR_REDIS_URL"),
        )

    @property
    def environment(self) -> dict[str, str]:
        """The same as a process reads them."""
        return {
            "FRONTDOOR_ENVIRONMENT": "development",
            "FRONTDOOR_SECRET_KEY": SECRET,
            "FRONTDOOR_DATABASE_URL": self.database.url,
            "FRONTDOOR_HEALTHIE_URL": f"{self.proxy.url}/graphql",
            "FRONTDOOR_HEALTHIE_ORGANIZATION_KEY": self.seed["owner"]["key"],
            "FRONTDOOR_HEALTHIE_KEYS": json.dumps(self.seed["clinician_keys"]),
            "FRONTDOOR_HEALTHIE_REQUESTS_PER_SECOND": str(RATE),
            "FRONTDOOR_HEALTHIE_BURST": str(RATE),
            "FRONTDOOR_RATE_FACTOR": str(GENEROUS),
            "FRONTDOOR_CARDS_OF_GUESTS": str(GENEROUS),
            "FRONTDOOR_ANONYMOUS_HOLDS_PERCENT": "100",
            "FRONTDOOR_ANSWER_SECONDS": "60",  # what a patient is told must not depend on how busy the machine is
            **self.more,
        }

    async def gateway(self, *, program: str = "frontdoor") -> Running:
        """Start a gateway, of another version if told so."""
        return await self.nursery.gateway(self.environment, program=program)

    def worker(self) -> Running:
        """Start a worker."""
        return self.nursery.worker(self.environment)

    @contextlib.asynccontextmanager
    async def peer(self) -> AsyncIterator["Peer"]:
        """Another process of ours on the same database: this one."""
        clock = AheadClock()
        async with compose(self.settings, clock=clock) as system:
            yield Peer(practice=self, system=system, clock=clock)

    async def row(self, patient: Patient) -> Checkout:
        """The checkout's row. Reading waits for no writer, not even one that stands still."""
        async with reading(self.database.engine) as connection:
            row = await SqlCheckouts(connection, sealer(self.settings)).get(patient.checkout_id)
        assert row
        return row

    async def stands_at(self, patient: Patient, state: CheckoutState) -> None:
        """Return once the row stands there."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await self.row(patient)).state is not state:  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(0.005)

    async def make_due(self, patient: Patient) -> None:
        """Let the row's time have come for a worker on the machine's own clock."""
        async with self.database.engine.begin() as connection:
            now = datetime.now(UTC)
            await connection.execute(
                update(checkouts).where(checkouts.c.id == patient.checkout_id).values(due_at=now)
            )

    async def claims(self) -> int:
        """How many slots are claimed."""
        async with self.database.engine.connect() as connection:
            return int(await connection.scalar(_COUNT_CLAIMS) or 0)

    async def books(self) -> dict[str, list[dict[str, Any]]]:
        """What happened upstream in truth, since the seed."""
        books = await self.emulator.control.books()
        return {
            name: [one for one in books[name] if one not in self.seeded[name]]
            for name in ("charges", "refunds", "appointments", "recurring_payments", "patients")
        }


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A process that takes over: the program's own parts, on a clock that can be put forward."""

    practice: Practice
    system: System
    clock: AheadClock

    async def slots(self, visit: str, *, days: int = 7, number: int = 1) -> list[Slot]:
        """Free times of the first clinician, from so many days ahead."""
        today = self.clock.now().date()
        return list(
            await self.system.upstream.availability.slots(
                SlotQuery(
                    visit_type_id=self.practice.seed["visit_types"][visit],
                    contact_type=ContactType.VIDEO,
                    location_id=None,
                    clinician_ids=frozenset({self.practice.seed["clinicians"][0]["id"]}),
                    first=today + timedelta(days=days),
                    last=today + timedelta(days=days + number - 1),
                    time_zone=ZONE,
                )
            )
        )

    async def a_patient(self, plan: str, slot: Slot, *, number: int = 1) -> Patient:
        """A guest who holds the slot and has started to buy the plan."""
        visitor = Caller(principal=Principal(kind=PrincipalKind.VISITOR, id=secrets.token_hex(8)))
        guest = GuestDetails(
            email=f"guest.{number}@example.com", first_name="Sample", last_name=f"Guest {number}"
        )
        services = self.system.services
        hold = await services.holds.hold(visitor, slot.id, time_zone=ZONE)
        checkout = await services.starts.start(
            visitor,
            hold_id=hold.id,
            plan_id=self.practice.seed["plans"][plan],
            guest=guest,
            accept_recurrence=True,
        )
        token = GatewayTokens(secret=SECRET).guest(checkout.id)
        return Patient(checkout_id=checkout.id, quote_id=checkout.quote.id, guest=guest, token=token)

    async def take_over(self, *patients: Patient) -> list[Checkout]:
        """Let a worker do what is due once the leases have run out, until every checkout rests."""
        worker = self.system.worker()
        self.clock.ahead += LEASE + SECOND
        for _ in range(8):
            await worker.tick()
            rows = [await self.practice.row(each) for each in patients]
            if all(map(at_rest, rows)):
                return rows
            self.clock.ahead += SETTLE + SECOND
        raise AssertionError([f"{row.state} after {row.tries} tries" for row in rows])

    async def give_up(self, patient: Patient) -> Checkout:
        """Take over when it is too late to send anything, and answer how the checkout ended."""
        self.clock.ahead += CONFIRM_WINDOW
        (row,) = await self.take_over(patient)
        return row

    async def pay_again(self, patient: Patient) -> Checkout:
        """Let the patient try another card where one is asked for; answers the row."""
        row = await self.practice.row(patient)
        if row.state not in TERMINAL and row.state is not CheckoutState.NEEDS_ATTENTION:
            with contextlib.suppress(Refusal):
                await self.system.services.checkouts.confirm(
                    patient.caller,
                    patient.checkout_id,
                    CardChoice(token="tok_mastercard"),
                    quote_id=patient.quote_id,
                )
        return await self.practice.row(patient)

    async def book_past_us(self, slot: Slot) -> None:
        """Let the practice's own staff book the slot, past the gateway."""
        seed = self.practice.seed
        made = await self.practice.emulator.ask(
            BOOK_PAST_US,
            key=seed["clinician_keys"][slot.clinician_id],
            input={
                "user_id": seed["patients"][0]["id"],
                "appointment_type_id": slot.visit_type_id,
                "contact_type": "Healthie Video Call",
                "datetime": slot.start.isoformat(),
                "timezone": "UTC",
            },
        )
        assert made["createAppointment"]["appointment"], made


@contextlib.asynccontextmanager
async def a_practice(
    nursery: Nursery, emulator: Running, database: Database, **more: str
) -> AsyncIterator[Practice]:
    """A freshly seeded practice on the emulator and an empty database; `more` are further settings."""
    async with (
        httpx2.AsyncClient(base_url=emulator.url, timeout=30) as client,
        httpx2.AsyncClient(timeout=60) as http,
        proxy_to(emulator.url) as proxy,
    ):
        with nursery.ended_after():
            upstream = EmulatorClient(url=emulator.url, client=client)
            seed = await upstream.control.reset()
            yield Practice(
                database=database,
                emulator=upstream,
                proxy=proxy,
                nursery=nursery,
                http=http,
                seed=seed,
                seeded=await upstream.control.books(),
                more=more,
            )
