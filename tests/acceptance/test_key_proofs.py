"""Proving whose the clinicians' keys are keeps nobody waiting: not a patient, not a start, not the practice's account."""

import dataclasses
import time
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.runtime import composition
from tests.acceptance import documents
from tests.acceptance.app import App
from tests.plugins.stack import Stack, Stacks, eventually

FIRST_PROOFS_SECONDS = composition.FIRST_PROOFS_SECONDS


@pytest.fixture(autouse=True)
def real_start(stacks: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start waits for proofs as long as a real one."""
    monkeypatch.setattr(composition, "FIRST_PROOFS_SECONDS", FIRST_PROOFS_SECONDS)


async def a_practice(stacks: Stacks, **settings: Any) -> Stack:
    """A gateway that has no clinician's key yet."""
    return await stacks.start(healthie_keys={}, **settings)


async def one_with_keys(stacks: Stacks, stack: Stack, **more: str) -> Stack:
    """A gateway process that starts now, with the clinicians' keys and some more."""
    keys = {owner: SecretStr(key) for owner, key in (stack.practice["clinician_keys"] | more).items()}
    settings = stack.settings.model_copy(update={"healthie_keys": keys})
    return await stacks.another(dataclasses.replace(stack, settings=settings))


async def offered(stack: Stack) -> set[str]:
    return {each["id"] for each in (await App(http=stack.http).ask(documents.CLINICIANS))["clinicians"]}


async def proofs(stack: Stack) -> int:
    return (await stack.upstream()).count("WhoAmI")


async def test_one_key_that_hangs_delays_neither_the_start_nor_the_offer(stacks: Stacks) -> None:
    first = await a_practice(stacks)
    assert await offered(first) == set()  # and the catalogue is warm
    await first.fault("delay", "WhoAmI", seconds=5)
    began = time.monotonic()
    gateway = await one_with_keys(stacks, first)
    assert (await gateway.http.get("/readyz")).status_code == 200
    others = await offered(gateway)
    assert time.monotonic() - began < 4
    assert len(others) == 2

    async def everybody() -> bool:
        return len(await offered(gateway)) == 3

    await eventually(everybody)


async def test_a_cold_start_with_two_hundred_keys_asks_within_the_pace(
    stacks: Stacks,
) -> None:
    first = await a_practice(stacks, healthie_requests_per_second=2, healthie_burst=20)
    unknown = {str(number): f"sample-key-of-nobody-{number}" for number in range(900_000, 900_197)}
    began = time.monotonic()
    gateway = await one_with_keys(stacks, first, **unknown)
    assert (await gateway.http.get("/readyz")).status_code == 200
    at_once = await proofs(first)
    took = time.monotonic() - began
    assert 1 <= at_once <= 5 + took + 1  # a quarter of the burst, and half of the pace

    async def some_more() -> bool:
        return await proofs(first) >= at_once + 2

    await eventually(some_more)
    assert await proofs(first) <= 5 + (time.monotonic() - began) + 1


async def test_what_one_process_has_proved_no_other_asks_again(stacks: Stacks) -> None:
    first = await a_practice(stacks)
    gateway = await one_with_keys(stacks, first)
    assert len(await offered(gateway)) == 3
    assert await proofs(first) == 3
    assert len(await offered(await one_with_keys(stacks, first))) == 3
    async with gateway.worker():
        assert await proofs(first) == 3
