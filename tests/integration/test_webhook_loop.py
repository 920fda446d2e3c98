"""The whole loop with real processes: Healthie sends, the gateway keeps, the worker refreshes, the event is there, and other systems are sent it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from standardwebhooks import Webhook

from booking.events.deliveries import Endpoint
from booking.events.endpoint_admin import EndpointAdmin
from gateway.clock import SystemClock
from gateway.development.local_stack import LocalStack, free_port, local_stack
from gateway.runtime.sealing import sealer
from gateway.settings import Settings
from integrations.database.engine import connect_database
from integrations.database.event_outbox import SqlEventLog
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.event_receiver import Receiver, serving

# The worker is the last to start, and nobody waits for it.
START_SECONDS = 45

FILL = """mutation Fill($id: ID!, $form: ID) {
  createFormAnswerGroup(input: {user_id: $id, finished: true, custom_module_form_id: $form}) {
    form_answer_group { id } } }"""

HEALTHIE_HEADERS = {"AuthorizationSource": "API", "Healthie-GraphQL-API-Version": "2026-10-01"}


async def ask(
    http: httpx2.AsyncClient, stack: LocalStack, query: str, **variables: object
) -> dict[str, object]:
    key = stack.settings["FRONTDOOR_HEALTHIE_ORGANIZATION_KEY"]
    answer = await http.post(
        f"{stack.emulator}/graphql",
        headers=HEALTHIE_HEADERS | {"Authorization": f"Basic {key}"},
        json={"query": query, "variables": variables},
    )
    data: dict[str, object] = answer.raise_for_status().json()["data"]
    return data


async def until_published(log: SqlEventLog, name: str) -> None:
    async with asyncio.timeout(START_SECONDS):
        while name not in {one.event.name for one in await log.after(0, limit=50)}:  # noqa: ASYNC110  # another program's doing
            await asyncio.sleep(0.05)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver()) as receiver:
        yield receiver


async def listening(engine: AsyncEngine, url: str) -> Endpoint:
    """An endpoint that is sent every event."""
    units = sql_unit_of_work(engine, sealer(Settings()))

    async def passes(_: str) -> None:
        """The stack is one of development."""

    return await EndpointAdmin(units=units, clock=SystemClock(), check=passes).add(url, None)


async def until_received(receiver: Receiver, secret: str, name: str) -> None:
    async with asyncio.timeout(START_SECONDS):
        while name not in [Webhook(secret).verify(body, headers)["type"] for headers, body in receiver.got]:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)


async def test_what_staff_change_in_healthie_becomes_an_event_of_ours_and_is_delivered(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        local_stack(
            directory=tmp_path, gateway_port=free_port(), emulator_port=free_port(), quiet=True
        ) as stack,
        httpx2.AsyncClient(timeout=10) as http,
    ):
        for name, value in stack.settings.items():
            monkeypatch.setenv(name, value)
        engine = connect_database(stack.settings["FRONTDOOR_DATABASE_URL"])
        try:
            log = SqlEventLog(engine=engine)
            secret = (await listening(engine, f"http://127.0.0.1:{receiver.port}/in")).secrets[0].text
            books = (await http.get(f"{stack.emulator}/_control/books")).json()
            visit = next(one for one in books["appointments"] if one["pm_status"] is None)
            await ask(
                http,
                stack,
                'mutation($id: ID!) { updateAppointment(input: {id: $id, pm_status: "Cancelled"}) { appointment { id } } }',
                id=visit["id"],
            )

            await until_published(log, "appointment.cancelled")
            seed = (await http.get(f"{stack.emulator}/_control/seed")).json()
            await ask(http, stack, FILL, id=stack.patients[0], form=seed["forms"]["New Patient Intake"])
            await until_published(log, "form.completed")
            for name in ("appointment.cancelled", "form.completed"):
                await until_received(receiver, secret, name)
        finally:
            await engine.dispose()
