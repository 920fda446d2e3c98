"""An API key lacks a permission in the middle of a checkout: no money is kept, and a person is told which permission."""

import asyncio
import os
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from booking.checkout.operator_actions import OperatorActions
from gateway.command_line import main
from gateway.runtime.composition import compose
from integrations.database.engine import reading
from integrations.database.tables.operations import alerts
from tests.acceptance.app import App, Json
from tests.plugins.stack import Stack, eventually

SENTENCE = "permission to perform this operation"


async def take(stack: Stack, *without: str, **more: Any) -> None:
    given = {"user_id": stack.clinician(1), "without": list(without), **more}
    await stack.emulator.control.call("POST", "permissions", given)


async def alerted(stack: Stack) -> set[tuple[str, str]]:
    async with compose(stack.settings, clock=stack.clock) as system, reading(system.engine) as connection:
        return {(row.reason, row.subject) for row in await connection.execute(select(alerts))}


async def attention(stack: Stack) -> list[tuple[str, ...]]:
    async with compose(stack.settings, clock=stack.clock) as system, system.units() as unit:
        return [row.attention for row in await unit.checkouts.listed(state=None, attention=True, limit=10)]


async def shown(stack: Stack, checkout_id: str) -> str:
    """What `frontdoor checkouts show` prints."""
    settings = stack.settings
    environment = {
        **os.environ,
        "FRONTDOOR_SECRET_KEY": settings.secret_key.get_secret_value(),
        "FRONTDOOR_DATABASE_URL": settings.database_url,
        "FRONTDOOR_HEALTHIE_URL": str(settings.healthie_url),
        "FRONTDOOR_HEALTHIE_ORGANIZATION_KEY": settings.healthie_organization_key.get_secret_value(),
    }
    result = await asyncio.to_thread(
        CliRunner().invoke, main, ["checkouts", "show", checkout_id], env=environment
    )
    assert result.exit_code == 0, result.output
    return result.output


async def checking_out(stack: Stack) -> tuple[App, str]:
    slot = await stack.slot()
    return await (await stack.visitor()).guest_checkout(slot["id"], planId=stack.plan("First Visit"))


async def confirmed_while_taken(stack: Stack, *without: str) -> tuple[Json, App, str]:
    """A confirm whose clinician loses permissions between the charge and the booking."""
    guest, checkout_id = await checking_out(stack)
    await stack.fault("delay", "Book", seconds=0.5)
    confirming = asyncio.create_task(guest.confirm(checkout_id, cardToken="tok_visa"))

    async def is_paid() -> bool:
        return "Book" in await stack.upstream()

    await eventually(is_paid)
    await take(stack, *without)
    return await confirming, guest, checkout_id


@pytest.mark.parametrize("form", ["both", "unauthorized"])
async def test_before_money_the_checkout_ends_and_the_patient_reads_none_of_it(
    stack: Stack, form: str
) -> None:
    guest, checkout_id = await checking_out(stack)
    await take(stack, "can_charge_clients", form=form)
    failed = await guest.confirm(checkout_id, cardToken="tok_visa")

    assert (failed["__typename"], SENTENCE in str(failed)) == ("PaymentUnavailable", False)
    assert (await guest.checkout(checkout_id))["status"] == "CANCELLED"
    assert (await stack.made())["charges"] == []
    assert await alerted(stack) == {
        ("upstream_not_permitted", f"{stack.clinician(1)} can_charge_clients AttachCard")
    }


async def test_a_visit_that_may_not_be_booked_is_refunded(stack: Stack) -> None:
    failed, guest, checkout_id = await confirmed_while_taken(stack, "can_add_own_appointments")

    assert (failed["__typename"], SENTENCE in str(failed)) == ("BookingFailed", False)
    assert (await guest.checkout(checkout_id))["status"] == "REFUNDED"
    assert [each["amount"] - each["refunded"] for each in (await stack.made())["charges"]] == [0]
    subject = f"{stack.clinician(1)} can_add_own_appointments Book"
    assert ("upstream_not_permitted", subject) in await alerted(stack)


async def test_a_refund_that_may_not_be_made_waits_for_a_person_who_grants_it(stack: Stack) -> None:
    _, guest, checkout_id = await confirmed_while_taken(
        stack, "can_add_own_appointments", "can_charge_clients"
    )

    assert await attention(stack) == [("refund_failed", "upstream_not_permitted")]
    subject = f"{stack.clinician(1)} can_charge_clients Refund"
    assert ("upstream_not_permitted", subject) in await alerted(stack)

    async def is_shown() -> bool:
        """The end of a call is recorded within about a second."""
        told = f"Refund as {stack.clinician(1)}: not_permitted: can_charge_clients"
        return told in await shown(stack, checkout_id)

    await eventually(is_shown)

    await take(stack)
    async with compose(stack.settings, clock=stack.clock) as system:
        actions = OperatorActions(units=system.units, clock=stack.clock, operator="sample-operator")
        await actions.retry(checkout_id)
    await stack.work()
    assert (await guest.checkout(checkout_id))["status"] == "REFUNDED"
    assert await attention(stack) == [("package_remains",)]
