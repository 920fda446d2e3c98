"""A patient notices nothing of the version of Healthie's API, when it ends or differs between processes."""

import dataclasses
from datetime import timedelta

from booking.operations.model import AttentionReason
from gateway.runtime.composition import compose
from tests.plugins.stack import Stack, Stacks, eventually


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


async def test_two_processes_on_different_versions_go_on_with_each_others_checkouts(stacks: Stacks) -> None:
    stack = await stacks.start(healthie_api_version="2026-01-01")
    newer = stack.settings.model_copy(update={"healthie_api_version": "2026-10-01"})
    other = await stacks.another(dataclasses.replace(stack, settings=newer))
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot())["id"], planId=stack.plan("First Visit")
    )
    await stack.fault("lost_answer", "Charge")
    assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["__typename"] == "CheckoutProcessing"
    await other.work()  # finds the charge, and books
    assert (await guest.checkout(checkout_id))["status"] == "CONFIRMED"
    assert len((await stack.made())["charges"]) == 1
    seen = {(one["operation"], one["version"]) for one in await stack.emulator.control.requests()}
    assert {("Charge", "2026-01-01"), ("PaymentsSince", "2026-10-01"), ("Book", "2026-10-01")} <= seen


async def asked_version(stack: Stack) -> bool:
    """Whether the gateway has asked for the oldest of the versions, which is the last that it asks for."""
    found = [one for one in await stack.emulator.control.requests() if one["operation"] == "ApiVersion"]
    return any(one["version"] == "2026-01-01" for one in found)


async def drift_alerts(stack: Stack) -> list[str]:
    async with compose(stack.settings, clock=stack.clock) as system, system.units() as unit:
        waiting = await unit.alerts.due(stack.clock.now() + timedelta(minutes=1), limit=50)
        return [one.subject for one in waiting if one.reason == AttentionReason.UPSTREAM_DRIFT]
