"""`stack`: the gateway's whole application in process, on a fresh database, before an emulator on a real port.

Gateway and emulator share one pretended time that runs; `stack.pass_time` lets both have waited.
"""

import asyncio
import contextlib
import dataclasses
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx2
import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette

from booking.principals import PrincipalKind
from gateway.app import create_app
from gateway.callers.tokens import DevelopmentTokens
from gateway.runtime import composition
from gateway.runtime.composition import compose
from gateway.runtime.worker import Worker
from gateway.settings import Settings
from tests.acceptance.app import VISITOR, App
from tests.doubles.rates import GENEROUS
from tests.plugins.emulator import STILL, EmulatorClient

T = TypeVar("T")

SECRET = "acceptance-tests-secret-of-32-characters-and-more"

# Longer than the two seconds of a real start: on a busy machine a clinician whose key is not proved by then is not offered yet.
FIRST_PROOFS_SECONDS = 20.0


class RunningClock:
    """A clock that begins somewhere and runs; it can be put forward."""

    def __init__(self, start: datetime) -> None:
        self._ahead = start - datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta) -> None:
        self._ahead += by


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stack:
    """A running gateway, and the practice behind it."""

    http: httpx2.AsyncClient
    app: Starlette
    emulator: EmulatorClient
    practice: dict[str, Any]  # who is who, what is offered: names to ids
    settings: Settings
    clock: RunningClock
    seeded: frozenset[str]  # the ids of everything that the practice began with

    async def visitor(self) -> App:
        """Somebody who is not signed in."""
        app = App(http=self.http)
        token = (await app.ask("query Open { newVisitorToken }"))["newVisitorToken"]
        return dataclasses.replace(app, headers={VISITOR: token})

    def patient(self, patient_id: str, *, kind: PrincipalKind = PrincipalKind.PATIENT) -> App:
        """Somebody who is signed in, with a development token."""
        issuer = DevelopmentTokens(secret=SECRET, clock=self.clock)
        return App(http=self.http).bearer(issuer.issue(patient_id, kind=kind))

    def plan(self, name: str) -> str:
        return str(self.practice["plans"][name])

    def visit(self, name: str) -> str:
        return str(self.practice["visit_types"][name])

    def clinician(self, number: int) -> str:
        """The id of clinician 1 to 4; nobody has the key of the fourth."""
        return str(self.practice["clinicians"][number - 1]["id"])

    def day(self, ahead: int) -> str:
        """The date in New York so many days from today."""
        return (self.clock.now() - timedelta(hours=5) + timedelta(days=ahead)).date().isoformat()

    async def pass_time(self, by: timedelta) -> None:
        """Let so much time have passed, here and at the practice."""
        self.clock.advance(by)
        await self.emulator.control.clock(advance=by.total_seconds())

    @contextlib.asynccontextmanager
    async def worker(self) -> AsyncIterator[Worker]:
        """A worker on a system of its own, as another process would be."""
        async with compose(self.settings, clock=self.clock) as system:
            yield system.worker()

    async def work(self, *, after: timedelta = timedelta(seconds=31)) -> None:
        """Let time pass, longer than any answer can be late by default, and a worker do what is due then."""
        await self.pass_time(after)
        async with self.worker() as worker:
            while await worker.tick():
                pass

    async def slot(
        self, visit: str = "Initial Visit", *, clinician: int = 1, ahead: int = 3, nth: int = 0, **sought: Any
    ) -> Any:
        """A free slot of the clinician's on that day."""
        sought = {"visitTypeId": self.visit(visit), "clinicianIds": [self.clinician(clinician)], **sought}
        return (await App(http=self.http).slots(self.day(ahead), self.day(ahead), **sought))[nth]

    async def made(self) -> dict[str, list[Any]]:
        """What the practice and the bank know in truth, without what they began with."""
        books = await self.emulator.control.books()
        return {
            name: [each for each in records if each.get("id") not in self.seeded]
            for name, records in books.items()
        }

    async def landed(self) -> list[Any]:
        """The appointments that were made."""
        return (await self.made())["appointments"]

    async def upstream(self) -> list[str]:
        """The operations that reached Healthie since they were last forgotten."""
        return [one["operation"] for one in await self.emulator.control.requests()]

    async def fault(self, kind: str, operation: str, *, count: int = 1, **more: Any) -> None:
        """Order trouble with an operation."""
        await self.emulator.control.faults({"kind": kind, "operation": operation, "count": count, **more})


async def eventually(look: Callable[[], Awaitable[T]]) -> T:
    """What `look` finds, once it finds something; another program's doing has no event to wait for."""
    async with asyncio.timeout(10):
        while not (found := await look()):  # noqa: ASYNC110  # see above
            await asyncio.sleep(0.02)
    return found


class Stacks:
    """Starts gateways with settings of a test's own; all end with the test."""

    def __init__(self, *, emulator: EmulatorClient, database: Path, exits: contextlib.AsyncExitStack) -> None:
        self._emulator = emulator
        self._database = database
        self._exits = exits

    async def start(self, *, at: str = STILL, **settings: Any) -> Stack:
        """A gateway of a practice that begins anew at the moment `at`."""
        practice = await self._emulator.control.reset(clock=at)
        given = {
            "environment": "development",
            "secret_key": SECRET,
            "database_url": f"sqlite:///{self._database}",
            "healthie_url": f"{self._emulator.url}/graphql",
            "healthie_organization_key": practice["owner"]["key"],
            "healthie_keys": practice["clinician_keys"],
            "healthie_requests_per_second": 1000,
            "healthie_burst": 1000,
            "rate_factor": GENEROUS,
            "cards_per_caller": GENEROUS,
            "cards_per_network": GENEROUS,
            "cards_of_guests": GENEROUS,
            "unpaid_per_network": GENEROUS,
            "unpaid_per_clinician_day": GENEROUS,
            "unpaid_of_guests": GENEROUS,
            "patients_pause_memberships": True,
            **settings,
        }
        stack = Stack(
            http=httpx2.AsyncClient(),
            app=Starlette(),
            emulator=self._emulator,
            practice=practice,
            settings=Settings(**given),
            clock=RunningClock(datetime.fromisoformat(at)),
            seeded=frozenset(
                each["id"]
                for name, records in (await self._emulator.control.books()).items()
                for each in records
                if name != "webhooks_sent"
            ),
        )
        return await self._serve(stack)

    async def _serve(self, stack: Stack) -> Stack:
        app = create_app(stack.settings, clock=stack.clock)
        await self._exits.enter_async_context(app.router.lifespan_context(app))
        transport = httpx2.ASGITransport(app=app)
        client = httpx2.AsyncClient(transport=transport, base_url="http://gateway.invalid", timeout=30)
        return dataclasses.replace(stack, app=app, http=await self._exits.enter_async_context(client))

    async def another(self, stack: Stack) -> Stack:
        """One more gateway process on the same database and practice."""
        return await self._serve(stack)


@pytest.fixture
async def stacks(
    emulator_server: EmulatorClient, migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stacks]:
    monkeypatch.setattr(composition, "FIRST_PROOFS_SECONDS", FIRST_PROOFS_SECONDS)
    database = tmp_path / "frontdoor.sqlite3"
    shutil.copyfile(migrated_sqlite, database)
    async with contextlib.AsyncExitStack() as exits:
        yield Stacks(emulator=emulator_server, database=database, exits=exits)


@pytest.fixture
async def stack(stacks: Stacks) -> Stack:
    return await stacks.start()


@pytest.fixture
async def tenant(redis_url: str) -> AsyncIterator[str]:
    """The name of a practice of this test's own, whose keys leave Redis with it."""
    name = f"test-{uuid4().hex}"
    yield name
    async with Redis.from_url(redis_url) as redis:
        async for key in redis.scan_iter(f"frontdoor:{name}:*"):
            await redis.delete(key)
