"""The page's own client of subscriptions, run by Node before a real socket, as GraphiQL runs it."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.development.graphiql.routes import ASSETS
from gateway.sockets import SocketRules
from tests.doubles.booking_world import a_slot
from tests.integration.graphql_world import api_on
from tests.integration.socket_client import PATIENCE_SECONDS, served
from tests.plugins.missing_servers import no_server

# Prints each answer, and what GraphiQL would do no more than once: complete. Stops itself after so many answers.
DRIVER = """
const [script, page, headers, operation, answers] = process.argv.slice(1);
globalThis.window = { location: { href: page } };
require("vm").runInThisContext(require("fs").readFileSync(script, "utf8"));
let left = Number(answers);
const subscription = watch("/graphql", JSON.parse(headers), JSON.parse(operation)).subscribe({
  next(answer) {
    console.log(JSON.stringify(answer));
    if ((left -= 1) === 0) subscription.unsubscribe();
  },
  complete: () => console.log('"complete"'),
});
"""

SLOTS = """subscription Watch($filter: SlotFilter!, $from: Date!, $until: Date!) {
  slotsChanged(filter: $filter, from: $from, until: $until) { date slots { id } } }"""


@pytest.fixture
async def page(sqlite_engine: AsyncEngine) -> AsyncIterator[str]:
    rules = SocketRules(look_every=timedelta(milliseconds=50))
    async with api_on(sqlite_engine, sockets=rules) as api, served(api.endpoint) as address:
        yield address.replace("ws:", "http:").replace("/graphql", "/graphiql")


async def subscribed(
    page: str, query: str, variables: Any = None, *, answers: int = 0, **headers: str
) -> list[Any]:
    """What GraphiQL receives, up to the end of the socket."""
    node = shutil.which("node")
    if node is None:
        no_server("node is not installed")
    operation = json.dumps({"query": query, "variables": variables})
    arguments = [str(ASSETS / "watch.js"), page, json.dumps(headers), operation, str(answers)]
    running = await asyncio.create_subprocess_exec(
        node,
        "--no-warnings",
        "--experimental-websocket",
        "-e",
        DRIVER,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        told, _ = await running.communicate()
    assert running.returncode == 0
    return [json.loads(line) for line in told.splitlines()]


async def test_what_changes_is_told_until_it_is_stopped(page: str) -> None:
    day = a_slot().start.date().isoformat()
    sought = {"visitTypeId": a_slot().visit_type_id, "timeZone": "America/New_York", "state": "NY"}
    answer, end = await subscribed(page, SLOTS, {"filter": sought, "from": day, "until": day}, answers=1)
    assert [one["date"] for one in answer["data"]["slotsChanged"]] == [day]
    assert end == "complete"


async def test_the_end_of_a_subscription_is_told(page: str) -> None:
    answer, end = await subscribed(page, "{ visitTypes { id } }")
    assert answer["data"]["visitTypes"]
    assert end == "complete"


async def test_a_document_that_is_refused_is_told_with_its_errors(page: str) -> None:
    answer, end = await subscribed(page, "subscription { nothingOfTheKind }")
    assert "nothingOfTheKind" in answer["errors"][0]["message"]
    assert end == "complete"


async def test_a_token_that_proves_nothing_is_told_at_once(page: str) -> None:
    told = await subscribed(page, "subscription { nothing }", authorization="Bearer nonsense")
    assert told == [{"errors": [{"message": "The socket was closed: 4403 Forbidden"}]}, "complete"]
