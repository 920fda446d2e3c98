"""Early checks: the caller who asks for one does not wait, and no check keeps another waiting."""

import asyncio

import pytest
from structlog.testing import capture_logs

from booking.checkout import early_checks
from booking.checkout.early_checks import EarlyChecks


class Checks:
    """Checks that are begun when asked for, and end when they are let go."""

    def __init__(self, *, at_once: int = 8) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.cancelled: list[str] = []
        self.hanging: dict[str, asyncio.Event] = {}
        self.early = EarlyChecks(check=self._check, at_once=at_once)

    def hang(self, checkout_id: str) -> asyncio.Event:
        return self.hanging.setdefault(checkout_id, asyncio.Event())

    async def _check(self, checkout_id: str) -> None:
        self.begun.append(checkout_id)
        try:
            if checkout_id in self.hanging:
                await self.hanging[checkout_id].wait()
        except asyncio.CancelledError:
            self.cancelled.append(checkout_id)
            raise
        if checkout_id == "broken":
            raise OSError("canary")
        self.ended.append(checkout_id)


async def test_a_check_that_hangs_keeps_no_other_waiting() -> None:
    checks = Checks()
    gate = checks.hang("slow")
    for checkout_id in ("slow", "a", "b"):
        checks.early.request(checkout_id)
    assert checks.begun == []  # nobody who asks waits for so much as its beginning
    for _ in range(3):
        await asyncio.sleep(0)
    assert checks.ended == ["a", "b"]
    gate.set()
    await checks.early.drain()
    assert checks.ended == ["a", "b", "slow"]


async def test_no_more_are_under_way_at_once_than_there_is_room_for_and_none_is_lost() -> None:
    checks = Checks(at_once=2)
    gates = [checks.hang(name) for name in ("a", "b")]
    for name in ("a", "b", "c", "d"):
        checks.early.request(name)
    await asyncio.sleep(0)
    assert checks.begun == ["a", "b"]
    for gate in gates:
        gate.set()
    await checks.early.drain()
    assert checks.begun == ["a", "b", "c", "d"]


async def test_requests_before_a_check_are_one_and_a_request_during_it_means_another() -> None:
    checks = Checks()
    gate = checks.hang("a")
    checks.early.request("a")
    checks.early.request("a")
    await asyncio.sleep(0)
    for _ in range(3):
        checks.early.request("a")
    await asyncio.sleep(0)
    assert checks.begun == ["a"]  # by one at a time
    gate.set()
    await checks.early.drain()
    assert checks.begun == ["a", "a"]


async def test_a_check_that_fails_is_told_and_the_next_goes_on() -> None:
    checks = Checks(at_once=1)
    with capture_logs() as events:
        checks.early.request("broken")
        checks.early.request("a")
        await checks.early.drain()
    assert checks.ended == ["a"]
    (event,) = [one for one in events if one["event"] == "checkout.early_check_failed"]
    assert event["checkout"] == "broken"


async def test_at_the_end_what_is_under_way_may_end_and_nothing_more_is_begun() -> None:
    checks = Checks(at_once=1)
    gate = checks.hang("a")
    checks.early.request("a")
    checks.early.request("b")
    await asyncio.sleep(0)
    closing = asyncio.create_task(checks.early.aclose(within=60))
    await asyncio.sleep(0)
    checks.early.request("c")
    gate.set()
    await closing
    assert (checks.begun, checks.ended) == (["a"], ["a"])


async def test_at_the_end_what_takes_too_long_is_cut_off() -> None:
    checks = Checks()
    checks.hang("a")
    checks.early.request("a")
    await asyncio.sleep(0)
    await checks.early.aclose(within=0)
    await asyncio.sleep(0)
    assert checks.cancelled == ["a"]


async def test_a_flood_of_requests_is_bounded_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_checks, "MOST_WAITING", 2)
    checks = Checks(at_once=1)
    checks.hang("a")
    with capture_logs() as events:
        for name in ("a", "b", "c", "d"):
            checks.early.request(name)
    assert [one["checkout"] for one in events if one["event"] == "checkout.early_check_dropped"] == ["d"]
    await checks.early.aclose(within=0)
