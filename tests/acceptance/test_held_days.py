"""Strangers hold a part of a clinician's day, however many names and addresses they have; patients who sign in have the rest."""

import dataclasses
from datetime import timedelta

import pytest

from booking.operations.model import AttentionReason
from gateway.runtime.composition import compose
from tests.acceptance.app import App, Json
from tests.plugins.stack import Stack, Stacks

ADDRESS = "X-Forwarded-For"


@pytest.fixture
async def stack(stacks: Stacks) -> Stack:
    return await stacks.start(holds_per_client=1000, client_address_header=ADDRESS)


async def visitor(stack: Stack, address: str | None) -> App:
    app = await stack.visitor()
    return dataclasses.replace(app, headers={**app.headers, **({ADDRESS: address} if address else {})})


async def taken(stack: Stack, addresses: list[str | None]) -> float:
    """Hold whatever free time there is, each by a visitor from the next address; answers the part of the day that is held then."""
    free = minutes = sum(slot["minutes"] for slot in await apart(stack))
    for address in addresses:
        for slot in await apart(stack):
            held = await (await visitor(stack, address)).hold(slot["id"])
            if held["__typename"] == "HoldSlotSuccess":
                free -= slot["minutes"]
                break
            assert held["code"] == "HOLD_CAPACITY_REACHED", held
    return float(1 - free / minutes)


async def apart(stack: Stack) -> list[Json]:
    """The free times of one clinician's day that do not overlap."""
    found = await App(http=stack.http).slots(
        stack.day(3),
        stack.day(3),
        visitTypeId=stack.visit("Initial Visit"),
        clinicianIds=[stack.clinician(1)],
    )
    slots: list[Json] = []
    for slot in found:
        if not slots or slot["start"] >= slots[-1]["end"]:
            slots.append(slot)
    return slots


async def alerts(stack: Stack) -> list[str]:
    async with compose(stack.settings, clock=stack.clock) as system, system.units() as unit:
        waiting = await unit.alerts.due(stack.clock.now() + timedelta(minutes=1), limit=50)
        return [one.subject for one in waiting if one.reason == AttentionReason.DAY_HELD]


class TestAnAttacker:
    async def test_with_many_names_and_no_address_leaves_half_of_the_day_to_patients(
        self, stack: Stack
    ) -> None:
        assert await taken(stack, [None] * 12) <= 0.5
        (subject,) = await alerts(stack)
        assert subject.startswith(f"{stack.clinician(1)} ")
        refused = await (await visitor(stack, None)).hold((await apart(stack))[0]["id"])
        assert (refused["code"], refused["retryable"]) == ("HOLD_CAPACITY_REACHED", True)
        patient = stack.patient(str(stack.practice["patients"][0]["id"]))
        for slot in (await apart(stack))[:3]:
            await patient.held(slot["id"])

    async def test_at_one_address_takes_a_quarter(self, stack: Stack) -> None:
        assert await taken(stack, ["203.0.113.9"] * 12) <= 0.25

    @pytest.mark.parametrize("form", ["2001:db8:1:{}::1", "203.0.113.{}"], ids=["IPv6 /48", "IPv4 /24"])
    async def test_with_a_block_of_addresses_leaves_room_to_guests_from_elsewhere(
        self, stack: Stack, form: str
    ) -> None:
        assert await taken(stack, [form.format(n) for n in range(1, 13)]) <= 0.375
        await (await visitor(stack, "198.51.100.7")).held((await apart(stack))[0]["id"])

    async def test_with_one_name_takes_a_quarter_at_most(self, stacks: Stacks) -> None:
        stack = await stacks.start(holds_per_owner=20)
        app, slots = await stack.visitor(), await apart(stack)
        minutes = sum(slot["minutes"] for slot in slots)
        answers = [await app.hold(slot["id"]) for slot in slots]
        held = sum(
            slot["minutes"]
            for slot, answer in zip(slots, answers, strict=True)
            if answer["__typename"] == "HoldSlotSuccess"
        )
        assert 0 < held / minutes <= 0.25


@pytest.mark.redis
async def test_two_gateways_share_the_bound(stacks: Stacks, redis_url: str, tenant: str) -> None:
    stack = await stacks.start(redis_url=redis_url, tenant=tenant)
    both = [stack, await stacks.another(stack)]
    slots = await apart(stack)
    minutes, held = sum(slot["minutes"] for slot in slots), 0
    for n, slot in enumerate(slots):
        answer = await (await both[n % 2].visitor()).hold(slot["id"])
        held += slot["minutes"] * (answer["__typename"] == "HoldSlotSuccess")
    assert 0.3 < held / minutes <= 0.5
