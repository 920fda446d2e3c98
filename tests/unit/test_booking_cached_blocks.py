"""Who is blocked is read once, and again after each change."""

import asyncio

import pytest

from booking.change_signals import BLOCKS, LocalChangeSignals
from booking.operations import cached_blocks
from booking.operations.cached_blocks import CachedBlocks


class Stored:
    """Counts its reads; with `during`, something happens while one is under way."""

    def __init__(self) -> None:
        self.blocked_now: set[str] = set()
        self.reads = 0
        self.during = asyncio.Event()
        self.during.set()

    async def blocked(self) -> frozenset[str]:
        self.reads += 1
        found = frozenset(self.blocked_now)
        await self.during.wait()
        return found


async def test_it_is_read_once_for_all_who_ask() -> None:
    stored = Stored()
    blocks = CachedBlocks(stored)
    await asyncio.gather(blocks.blocked(), blocks.blocked())
    assert await blocks.blocked() == frozenset()
    assert stored.reads == 1


async def test_a_change_signal_shows_the_change_at_once() -> None:
    stored, signals = Stored(), LocalChangeSignals()
    blocks = CachedBlocks(stored)
    with signals.subscribe(blocks):
        await blocks.blocked()
        stored.blocked_now = {"clinician-1"}
        signals.publish({BLOCKS})
        assert await blocks.blocked() == {"clinician-1"}


async def test_a_change_during_a_reading_is_in_the_next() -> None:
    stored, signals = Stored(), LocalChangeSignals()
    blocks = CachedBlocks(stored)
    stored.during.clear()
    with signals.subscribe(blocks):
        early = asyncio.create_task(blocks.blocked())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        stored.blocked_now = {"clinician-1"}
        signals.publish({BLOCKS})
        late = asyncio.create_task(blocks.blocked())
        await asyncio.sleep(0)
        stored.during.set()
        assert await early == frozenset()
        assert await late == {"clinician-1"}
        assert await blocks.blocked() == {"clinician-1"}


async def test_without_a_signal_it_is_read_again_when_it_is_no_longer_fresh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cached_blocks, "FRESH", 0.0)
    stored = Stored()
    blocks = CachedBlocks(stored)
    await blocks.blocked()
    stored.blocked_now = {"clinician-1"}
    assert await blocks.blocked() == {"clinician-1"}
