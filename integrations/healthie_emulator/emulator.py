"""Emulator: one running emulator, with its world, its request log and its reset."""

import asyncio
import dataclasses
import logging
from datetime import datetime
from typing import Any

import httpx2

from integrations.healthie_emulator import money, webhooks
from integrations.healthie_emulator.clock import Clock
from integrations.healthie_emulator.profile import Profile
from integrations.healthie_emulator.seed import sow
from integrations.healthie_emulator.state import World

log = logging.getLogger(__name__)

DELIVERY_PAUSE = 0.25  # seconds between checks for retries that are due on the emulator's clock
DELIVERY_TIMEOUT = 10.0  # seconds; a receiver that takes longer has not answered


@dataclasses.dataclass(kw_only=True)
class Seen:
    """One GraphQL request, as it arrived and as it ended."""

    number: int
    at: datetime
    url: str  # with its query string: nothing of a request belongs there
    operation: str | None = None
    version: str | None = None  # of the API, as the header names it
    root_fields: tuple[str, ...] = ()
    key_owner_id: str | None = None
    status: int | None = None  # of the HTTP answer; None: the connection dropped, or it is still running
    faults: tuple[str, ...] = ()
    error_codes: tuple[str, ...] = ()


class Emulator:
    """Holds the current `World`; a reset replaces it."""

    def __init__(self, *, seed: int = 0, clock: Clock | None = None, profile: Profile | None = None) -> None:
        """`profile` is taken up again with every reset."""
        self.clock = clock or Clock()
        self._profile = profile or Profile()
        self.seen: list[Seen] = []
        self.world = self._fresh_world(seed)

    def reset(self, *, seed: int | None = None, at: datetime | None = None, stopped: bool = False) -> None:
        """Begin anew: seeded data, no faults, no requests seen; the wall clock unless `at` says otherwise."""
        self.clock.follow_source()
        if at is not None or stopped:
            self.clock.set(at or self.clock.now(), stopped=stopped)
        self.seen.clear()
        self.world = self._fresh_world(self.world.seed if seed is None else seed)

    def see(self, url: str) -> Seen:
        """Note a request that arrives."""
        self.seen.append(Seen(number=len(self.seen) + 1, at=self.clock.now(), url=url))
        return self.seen[-1]

    async def deliver_webhooks(self) -> None:
        """Until cancelled, charge what falls due and deliver what happened and what has to be tried again."""
        async with httpx2.AsyncClient(timeout=DELIVERY_TIMEOUT) as client:
            while True:
                world = self.world
                await _filled(world)
                await self._deliver(world, client)

    async def deliver_now(self) -> None:
        """Deliver once what is due: for programs that run without a lifespan."""
        async with httpx2.AsyncClient(timeout=DELIVERY_TIMEOUT) as client:
            await self._deliver(self.world, client)

    async def _deliver(self, world: World, client: httpx2.AsyncClient) -> None:
        world.outbox_filled.clear()
        try:
            money.bill_due(world)
            world.run_due_jobs()
            await webhooks.deliver_due(world, client)
        except Exception:  # one bad delivery must not end all that follow
            log.exception("delivery failed")

    def _fresh_world(self, seed: int) -> World:
        world = World(seed=seed, clock=self.clock)
        sow(world)
        world.switches.turn(self._profile.switches)
        world.throttle.order(self._profile.limits)
        return world


async def _filled(world: World) -> None:
    try:
        async with asyncio.timeout(DELIVERY_PAUSE):
            await world.outbox_filled.wait()
    except TimeoutError:
        return


def as_json(value: Any) -> Any:
    """Turn records into what JSON can carry: dataclasses to objects, instants to ISO 8601, sets to lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_json(getattr(value, f.name)) for f in dataclasses.fields(value) if f.repr}
    if isinstance(value, dict):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    if isinstance(value, set | frozenset):
        return sorted(as_json(inner) for inner in value)
    return value.isoformat() if hasattr(value, "isoformat") else value
