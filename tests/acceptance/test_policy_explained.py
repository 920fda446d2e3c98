"""`frontdoor policy explain` before a real practice: it reads what the gateway would, changes nothing, and names no patient."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from booking.audit.chain import entry_of
from booking.audit.model import AuditEntry
from gateway.command_line import main
from integrations.database.audit_reading import links
from integrations.database.engine import connect_database
from tests.acceptance.app import GUEST
from tests.plugins.stack import Stack, Stacks

REFUNDS = [{"hours": 48, "percent": 100}, {"hours": 24, "percent": 50}]
LAST = 100_000  # more records than the test makes


@pytest.fixture
async def stack(stacks: Stacks) -> Stack:
    return await stacks.start(cancellation_refunds=REFUNDS)


async def frontdoor(stack: Stack, *arguments: str) -> Result:
    """The command as an operator runs it: in a process of its own, as far as the loop and the clock go."""
    environment = {
        f"FRONTDOOR_{name.upper()}": as_written(value)
        for name, value in stack.settings.model_dump(exclude_defaults=True).items()
    }
    return await asyncio.to_thread(
        CliRunner().invoke, main, arguments, env={**environment, "FRONTDOOR_LOG_LEVEL": "ERROR"}
    )


def as_written(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, default=as_written)
    return str(value)


async def a_paid_visit(stack: Stack) -> tuple[str, datetime]:
    """A visit that a guest has booked and paid: its id, and when it starts."""
    slot = await stack.slot("Single Visit", ahead=4)
    guest, checkout_id = await (await stack.visitor()).guest_checkout(slot["id"])
    assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["checkout"]["status"] == "CONFIRMED"
    (visit,) = await stack.landed()
    return str(visit["id"]), datetime.fromisoformat(slot["start"])


def at(start: datetime, notice: timedelta) -> str:
    return (start - notice).isoformat()


async def test_a_paid_visit_is_explained_by_the_settings_of_the_practice_and_of_frontdoor(
    stack: Stack,
) -> None:
    visit, start = await a_paid_visit(stack)
    price = (await stack.made())["charges"][0]["amount"]
    half = f"{price / 200:.2f} USD of {price / 100:.2f} USD"
    said = await frontdoor(
        stack, "policy", "explain", "--appointment", visit, "--at", at(start, timedelta(hours=30))
    )
    assert said.exit_code == 0, said.output
    assert "CANCELLING is possible" in said.output
    assert "the notice has not passed (Healthie's settings: 24 hours)" in said.output
    assert (
        f"{half} is given back: 50 percent with this notice (FRONTDOOR_CANCELLATION_REFUNDS)" in said.output
    )


async def test_inside_healthies_notice_it_is_refused_for_its_patient_and_not_for_staff(stack: Stack) -> None:
    visit, start = await a_paid_visit(stack)
    late = ("policy", "explain", "--appointment", visit, "--at", at(start, timedelta(hours=2)))
    for_patient, for_staff = await frontdoor(stack, *late), await frontdoor(stack, *late, "--staff")
    assert "CANCELLING is refused (too_late)" in for_patient.output
    assert "CANCELLING is possible" in for_staff.output
    assert "(no) the notice has not passed" in for_staff.output


async def test_a_visit_that_the_practice_booked_gives_nothing_back(stack: Stack) -> None:
    coming = [
        each for each in (await stack.emulator.control.books())["appointments"] if each["pm_status"] is None
    ]
    said = await frontdoor(stack, "policy", "explain", "--appointment", coming[0]["id"], "--staff")
    assert "nothing was paid here for this visit" in said.output


async def test_it_is_recorded_changes_nothing_and_names_no_patient(stack: Stack) -> None:
    visit, start = await a_paid_visit(stack)
    before = await stack.made()
    await stack.emulator.control.forget_requests()
    said = await frontdoor(
        stack, "policy", "explain", "--appointment", visit, "--at", at(start, timedelta(days=3))
    )
    assert await stack.made() == before
    assert set(await stack.upstream()) <= {"ApiVersion", "WhoAmI", "BookedVisit", "VisitRules", "PaymentById"}
    for canary in (
        GUEST["email"],
        GUEST["firstName"],
        GUEST["lastName"],
        before["appointments"][0]["user_id"],
    ):
        assert str(canary) not in said.output
    assert [one.operation for one in await recorded(stack) if one.operation_kind == "command"] == [
        "policy explain"
    ]


async def test_a_visit_that_there_is_not_is_told_so(stack: Stack) -> None:
    said = await frontdoor(stack, "policy", "explain", "--appointment", "9999999")
    assert (said.exit_code, said.output) == (1, "Error: There is no such visit in Healthie.\n")


async def test_a_time_that_is_none_is_refused_before_anything_is_asked(stack: Stack) -> None:
    await stack.emulator.control.forget_requests()
    said = await frontdoor(stack, "policy", "explain", "--appointment", "1", "--at", "tomorrow")
    assert said.exit_code == 2
    assert "2026-06-01T09:30" in said.output
    assert await stack.upstream() == []


async def recorded(stack: Stack) -> list[AuditEntry]:
    engine = connect_database(stack.settings.database_url)
    try:
        return [entry_of(link.record) async for link in links(engine, until=LAST)]
    finally:
        await engine.dispose()
