"""The emulator for tests: `emulator` in process and on a clock that stands still, `emulator_server` on a real port."""

import contextlib
import dataclasses
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette

from integrations.healthie_emulator.app import create_app

# A Monday in winter; the next change of clocks in America is Sunday 2027-03-14.
STILL = "2027-01-04T15:00:00+00:00"

STARTUP_SECONDS = 10.0

OWNER = "emulator-key-owner"
CLINICIAN_1, CLINICIAN_2, CLINICIAN_3 = (f"emulator-key-clinician-{n}" for n in (1, 2, 3))
PATIENT_1, PATIENT_2, PATIENT_3 = (f"emulator-key-patient-{n}" for n in (1, 2, 3))

LATEST = "2026-10-01"

# The API versions that a practice may be asked on, each with the switch `gone_fields_remain`.
API_VERSIONS = [("2026-01-01", False), ("2026-07-01", False), (LATEST, False), (LATEST, True)]

Json = Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Control:
    """The emulator's control API."""

    client: httpx2.AsyncClient

    async def call(self, method: str, path: str, given: dict[str, Any] | None = None) -> Json:
        """Call `/_control/<path>` and answer its JSON; an error answer raises."""
        answer = await self.client.request(method, f"/_control/{path}", json=given or {})
        answer.raise_for_status()
        return answer.json()

    async def reset(self, **given: Any) -> Json:
        """Begin anew: `seed=`, `clock=` (ISO 8601), `stopped=`. Answers what `seed` does."""
        return await self.call("POST", "reset", given)

    async def seed(self) -> Json:
        """Who is who, with which key; ids of plans, visit types and places by name."""
        return await self.call("GET", "seed")

    async def clock(self, **given: Any) -> datetime:
        """Change the clock (`set=` ISO 8601, `advance=` seconds, `stopped=`) if asked, and answer the time."""
        return datetime.fromisoformat((await self.call("POST" if given else "GET", "clock", given))["now"])

    async def faults(self, *ordered: dict[str, Any], seed: int | None = None) -> Json:
        """Order faults such as `{"kind": "lost_answer", "operation": "Book", "count": 1}`."""
        return await self.call("POST", "faults", {"faults": list(ordered), "seed": seed})

    async def throttle(self, **limits: float) -> Json:
        """Lock keys out that ask too often: `requests=` within `seconds=`, for `lockout=` seconds."""
        return await self.call("POST", "throttle", limits)

    async def end_throttle(self) -> None:
        """Let everybody in."""
        await self.call("DELETE", "throttle")

    async def switches(self, **given: Any) -> Json:
        """Turn switches."""
        return await self.call("POST", "switches", given)

    async def offer(self, **given: Any) -> Json:
        """Change what the practice sells: `plan=`, `promo_code=` or `visit=` by name, with its new values."""
        return await self.call("POST", "offer", given)

    async def add_patients(self, count: int) -> None:
        """Add many patients at once, every tenth of them archived."""
        await self.call("POST", "patients", {"count": count})

    async def books(self) -> Json:
        """What happened in truth: charges, refunds, appointments, billing_items, webhooks_sent and more."""
        return await self.call("GET", "books")

    async def requests(self) -> Json:
        """The GraphQL requests seen since the last reset: operation, root_fields, key_owner_id, status, faults."""
        return await self.call("GET", "requests")

    async def forget_requests(self) -> None:
        """Count requests from nothing."""
        await self.call("DELETE", "requests")

    async def deliver(self) -> Json:
        """Deliver the webhooks that are due, now."""
        return await self.call("POST", "deliver")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmulatorClient:
    """Somebody who speaks to an emulator at `url`."""

    url: str
    client: httpx2.AsyncClient

    @property
    def control(self) -> Control:
        """The control API."""
        return Control(client=self.client)

    async def send(
        self,
        document: str,
        *,
        key: str | None = OWNER,
        headers: dict[str, str] | None = None,
        **variables: Any,
    ) -> httpx2.Response:
        """Send a document as the owner of `key`, None for nobody; `headers` come on top."""
        ours = {"AuthorizationSource": "API", "Healthie-GraphQL-API-Version": LATEST}
        if key is not None:
            ours["Authorization"] = f"Basic {key}"
        return await self.client.post(
            "/graphql", json={"query": document, "variables": variables}, headers=ours | (headers or {})
        )

    async def ask(self, document: str, *, key: str | None = OWNER, **variables: Any) -> Json:
        """Answer the data of a document that must not bring errors."""
        answer = (await self.send(document, key=key, **variables)).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def errors(self, document: str, *, key: str | None = OWNER, **variables: Any) -> Json:
        """Answer the errors of a document that must bring some."""
        return (await self.send(document, key=key, **variables)).json()["errors"]


@pytest.fixture
async def emulator() -> AsyncIterator[EmulatorClient]:
    """An emulator in process, freshly seeded, its clock standing at `STILL`. Webhooks go out by `control.deliver`."""
    url = "http://emulator.invalid"
    transport = httpx2.ASGITransport(app=create_app())
    async with httpx2.AsyncClient(transport=transport, base_url=url) as client:
        made = EmulatorClient(url=url, client=client)
        await made.control.reset(clock=STILL, stopped=True)
        yield made


@contextlib.contextmanager
def serving(app: Starlette | None = None) -> Iterator[str]:
    """Serve an emulator, a fresh one if none is given, on a free port from a thread and give its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    # Its connections inherit this; asyncio sets it only where it opened the socket. Else every answer waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Without its own logging, which would be that of the whole process: tests read what the program logs.
    config = uvicorn.Config(
        app or create_app(), http="h11", log_config=None, log_level="warning", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        # The socket listens already: the first request waits in its queue until the server takes it.
        httpx2.get(f"{url}/_control/health", timeout=STARTUP_SECONDS).raise_for_status()
        yield url
    finally:
        server.should_exit = True
        thread.join(STARTUP_SECONDS)
        listener.close()


@pytest.fixture(scope="session")
def emulator_address() -> Iterator[str]:
    """The address of an emulator that runs as long as the tests; use `emulator_server`."""
    with serving() as url:
        yield url


@pytest.fixture
async def emulator_server(emulator_address: str) -> AsyncIterator[EmulatorClient]:
    """An emulator on a real port, freshly seeded, on the wall clock; `.url`, `.control`, `.ask`."""
    async with httpx2.AsyncClient(base_url=emulator_address) as client:
        made = EmulatorClient(url=emulator_address, client=client)
        await made.control.reset()
        yield made
