"""A patient notices nothing of the version of Healthie's API: not which one it is, and not when one ends."""

from datetime import timedelta

import pytest

from booking.operations.model import AttentionReason
from gateway.runtime.composition import compose
from tests.acceptance import test_giving_back as giving_back
from tests.acceptance import test_guest_journey as guest_journey
from tests.plugins.stack import Stack, Stacks, eventually

VERSIONS = [("2026-01-01", False), ("2026-07-01", False), ("2026-10-01", False), ("2026-10-01", True)]


async def asked_on(stack: Stack) -> set[str | None]:
    """The versions on which the gateway asked; the test itself asks without an operation's name."""
    return {one["version"] for one in await stack.emulator.control.requests() if one["operation"]}


@pytest.mark.parametrize(("version", "gone_remain"), VERSIONS)
async def test_a_guest_pays_and_has_the_visit_on_each_version(
    stacks: Stacks, version: str, *, gone_remain: bool
) -> None:
    stack = await stacks.start(healthie_api_version=version)
    await stack.emulator.control.switches(gone_fields_remain=gone_remain)
    await guest_journey.main_journey(stack)
    assert await asked_on(stack) == {version}


@pytest.mark.parametrize(("version", "gone_remain"), VERSIONS)
async def test_what_cannot_be_booked_is_given_back_on_each_version(
    stacks: Stacks, version: str, *, gone_remain: bool
) -> None:
    """With a plan that recurs: plan, package, series and refund are read back."""
    stack = await stacks.start(healthie_api_version=version)
    await stack.emulator.control.switches(gone_fields_remain=gone_remain)
    await giving_back.test_a_time_booked_directly_in_between_is_refunded_in_full(stack, "Monthly Care")
    assert version in await asked_on(stack)


async def test_a_version_that_ends_under_way_is_replaced_and_operators_are_told(stacks: Stacks) -> None:
    """A process that has run since only 2026-01-01 was there, and is not started again before 2027-01-31."""
    stack = await stacks.start(at="2026-06-15T15:00:00+00:00")
    await eventually(lambda: asked_version(stack))
    await stack.pass_time(timedelta(days=240))
    await stack.emulator.control.forget_requests()

    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot())["id"], planId=stack.plan("First Visit")
    )
    confirmed = (await guest.confirm(checkout_id, cardToken="tok_visa"))["checkout"]

    assert confirmed["status"] == "CONFIRMED"
    assert len((await stack.made())["charges"]) == 1
    answered = {one["version"] for one in await stack.emulator.control.requests() if not one["error_codes"]}
    assert answered == {"2026-10-01"}
    assert await drift_alerts(stack) == [
        "API version 2026-01-01 is no longer answered; 2026-10-01 is used instead."
    ]


async def asked_version(stack: Stack) -> bool:
    """Whether the gateway has asked for the oldest of the versions, which is the last that it asks for."""
    found = [one for one in await stack.emulator.control.requests() if one["operation"] == "ApiVersion"]
    return any(one["version"] == "2026-01-01" for one in found)


async def drift_alerts(stack: Stack) -> list[str]:
    async with compose(stack.settings, clock=stack.clock) as system, system.units() as unit:
        waiting = await unit.alerts.due(stack.clock.now() + timedelta(minutes=1), limit=50)
        return [one.subject for one in waiting if one.reason == AttentionReason.UPSTREAM_DRIFT]
