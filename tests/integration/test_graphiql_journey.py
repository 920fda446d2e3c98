"""The example tabs, run from left to right against a whole stack, as the page runs them."""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from gateway.development.graphiql.examples import Example, load_examples, remembered
from gateway.development.local_stack import free_port, local_stack
from tests.integration.socket_client import connected


def fill(text: str, known: dict[str, str]) -> Any:
    return json.loads(re.sub(r"\{\{(\w+)\}\}", lambda match: known[match[1]], text))


def find(data: Any, steps: list[str]) -> Any:
    """What the page does with a path of `remembered.json`."""
    if not steps or data is None:
        return data
    if steps[0] != "*":
        return find(data.get(steps[0]), steps[1:])
    return next((found for one in data if (found := find(one, steps[1:])) is not None), None)


async def run(http: httpx2.AsyncClient, tab: Example, known: dict[str, str]) -> Any:
    if tab.query.partition("\nsubscription ")[1]:
        return await subscribed(http, tab, known)
    response = await http.post(
        "/graphql",
        json={"query": tab.query, "variables": fill(tab.variables, known)},
        headers={
            "Frontdoor-Visitor": known["visitor"],
            "Idempotency-Key": uuid.uuid4().hex,
            **fill(tab.headers or "{}", known),
        },
    )
    body = response.json()
    assert "errors" not in body, (tab.title, body)
    found = {name: find(body["data"], path.split(".")) for name, path in remembered().items()}
    known.update({name: value for name, value in found.items() if value is not None})
    return body["data"]


async def subscribed(http: httpx2.AsyncClient, tab: Example, known: dict[str, str]) -> Any:
    """The first message, as the page would get it."""
    url = http.base_url.copy_with(scheme="ws", path="/graphql")
    async with connected(str(url), origin=str(http.base_url).rstrip("/")) as socket:
        await socket.open(fill(tab.headers or "{}", known))
        await socket.subscribe(tab.query, fill(tab.variables, known))
        message = await socket.hear()
    assert "errors" not in message["payload"], (tab.title, message)
    return message["payload"]["data"]


async def test_the_tabs_from_left_to_right_decline_a_card_book_a_visit_move_and_cancel_it(
    tmp_path: Path,
) -> None:
    today = datetime.now(UTC).date()
    stack = local_stack(directory=tmp_path, gateway_port=free_port(), emulator_port=free_port(), quiet=True)
    async with stack as running, httpx2.AsyncClient(base_url=running.gateway, timeout=30) as http:
        page = await http.get("/", follow_redirects=True)
        assert page.url.path == "/graphiql"
        token = await http.post("/graphql", json={"query": "{ newVisitorToken }"})
        known = {
            "visitor": token.json()["data"]["newVisitorToken"],
            "inTwoDays": (today + timedelta(days=2)).isoformat(),
            "inAWeek": (today + timedelta(days=7)).isoformat(),
            "timeZone": "America/New_York",
        }
        answers = {tab.title: await run(http, tab, known) for tab in load_examples()}
    assert answers["HoldSlot"]["holdSlot"]["__typename"] == "HoldSlotSuccess"
    assert answers["QuoteVisit"]["quote"]["__typename"] == "QuoteSuccess"
    assert answers["WatchCheckout"]["checkoutChanged"]["status"] == "OPEN"
    assert answers["DeclineAndRetry"]["confirmCheckout"]["__typename"] == "CardDeclined"
    assert answers["ConfirmCheckout"]["confirmCheckout"]["checkout"]["status"] == "CONFIRMED"
    assert answers["MyVisits"]["checkout"]["appointment"]["status"] == "BOOKED"
    assert answers["MyVisits"]["me"] is None
    assert answers["StartPurchase"]["startPurchase"]["__typename"] == "StartPurchaseSuccess"
    moved = answers["MoveVisit"]["rescheduleAppointment"]["change"]
    assert moved["status"] == "DONE"
    assert (
        moved["appointment"]["start"]
        != answers["ConfirmCheckout"]["confirmCheckout"]["checkout"]["appointment"]["start"]
    )
    cancelled = answers["CancelVisit"]["cancelAppointment"]["change"]
    assert (cancelled["status"], cancelled["appointment"]["status"]) == ("DONE", "CANCELLED")
