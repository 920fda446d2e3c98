"""The whole loop with real processes: Healthie sends, the gateway keeps, the worker looks, and the event is there."""

import asyncio
from pathlib import Path

import httpx2

from gateway.local_stack import LocalStack, free_port, local_stack
from integrations.database.engine import connect_database
from integrations.database.happenings import SqlHappeningLog

# The worker is the last to start, and nobody waits for it.
START_SECONDS = 45

HEALTHIE_HEADERS = {"AuthorizationSource": "API", "Healthie-GraphQL-API-Version": "2026-07-01"}


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


async def until_told(log: SqlHappeningLog, name: str) -> None:
    async with asyncio.timeout(START_SECONDS):
        while name not in {one.event.name for one in await log.after(0, limit=50)}:  # noqa: ASYNC110  # another program's doing
            await asyncio.sleep(0.05)


async def test_what_staff_change_in_healthie_becomes_an_event_of_ours(tmp_path: Path) -> None:
    async with (
        local_stack(
            directory=tmp_path, gateway_port=free_port(), emulator_port=free_port(), quiet=True
        ) as stack,
        httpx2.AsyncClient(timeout=10) as http,
    ):
        engine = connect_database(stack.settings["FRONTDOOR_DATABASE_URL"])
        try:
            log = SqlHappeningLog(engine=engine)
            books = (await http.get(f"{stack.emulator}/_control/books")).json()
            visit = next(one for one in books["appointments"] if one["pm_status"] is None)
            await ask(
                http,
                stack,
                'mutation($id: ID!) { updateAppointment(input: {id: $id, pm_status: "Cancelled"}) { appointment { id } } }',
                id=visit["id"],
            )

            await until_told(log, "appointment.cancelled")
            await ask(
                http,
                stack,
                'mutation($id: ID!) { createFormAnswerGroup(input: {user_id: $id, finished: true, name: "Intake"}) { form_answer_group { id } } }',
                id=stack.patients[0],
            )
            await until_told(log, "form.completed")
        finally:
            await engine.dispose()
