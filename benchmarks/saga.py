"""Measures the overhead of the saga on top of upstream's time: commits, slot claim, lease and hold."""

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.bare import bare_writer, timed
from benchmarks.figures import DATABASES, Spread, spread, titled
from booking.checkout.model import Checkout, CheckoutState
from booking.checkout.saga import Saga
from booking.models import CardChoice, GuestDetails, Hold
from booking.principals import Caller, Principal, PrincipalKind, guest_of
from integrations.database.holds import SqlHoldStore
from integrations.database.sealing import KEY_BYTES, Sealer
from integrations.database.unit_of_work import sql_unit_of_work
from tests.doubles.booking_upstream import Books
from tests.doubles.booking_world import World, a_slot

T = TypeVar("T")

# The transitions from `started` to `confirmed` with a new patient and a new card (docs/checkout.md).
TRANSITIONS = 9

WARM_UP = 20

# Concurrent checkouts: enough to keep the event loop busy while others wait for the database.
AT_ONCE = 16

# The target, in milliseconds per transition (median).
AIMS = {"sqlite": 1.5, "postgresql": 2.0}


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """The overhead per transition, without upstream's time."""

    transition: Spread
    bare_write: Spread  # one commit through the bare driver, measured in between
    ratio: float  # of the medians
    per_second: float  # concurrent checkouts from confirm to confirmed, in one process
    per_cpu_second: float  # the same by the process's own processor time: what one core can do


@dataclass
class TimedBooks(Books):
    """An upstream in memory that sums the time that it took."""

    seconds: float = 0.0

    async def call(self, name: str, effect: Callable[[], T]) -> T:
        """Answer at once, and add the time that it took."""
        started = time.perf_counter()
        try:
            return await super().call(name, effect)
        finally:
            self.seconds += time.perf_counter() - started


class TimedSaga:
    """A saga that sums the time that it drove."""

    def __init__(self, saga: Saga) -> None:
        self._saga = saga
        self.seconds = 0.0
        self.load = saga.load

    async def accept(self, checkout: Checkout, accepted: Checkout) -> Checkout:
        """Accept, and add the time: the confirm, lease and first transition."""
        return await self._timed(self._saga.accept(checkout, accepted))

    async def go_on(self, accepted: Checkout) -> Checkout:
        """Go on, and add the time: transitions, slot claim, and releasing the hold."""
        return await self._timed(self._saga.go_on(accepted))

    async def drive(self, checkout: Checkout) -> Checkout:
        """Drive, and add the time, with that of the lease."""
        return await self._timed(self._saga.drive(checkout))

    async def _timed(self, driving: Awaitable[Checkout]) -> Checkout:
        started = time.perf_counter()
        try:
            return await driving
        finally:
            self.seconds += time.perf_counter() - started


class Checkouts:
    """The domain on a real database and an upstream that answers at once."""

    def __init__(self, engine: AsyncEngine) -> None:
        world = World()
        world.books = self.books = TimedBooks(clock=world.clock, tape=world.tape)
        world.database = sql_unit_of_work(engine, Sealer({"sample": bytes(KEY_BYTES)}, current="sample"))  # type: ignore[assignment]  # the real one in the double's place
        world.holds = SqlHoldStore(engine=engine, clock=world.clock)  # type: ignore[assignment]  # the same
        self._world = world
        self._saga = TimedSaga(world.a_saga())
        self._service = world.a_service(self._saga)  # type: ignore[arg-type]  # drives as the real one does
        self._starts = world.a_start(self._saga)  # type: ignore[arg-type]  # the same
        self._numbers = itertools.count(1)
        self._quotes: dict[str, str] = {}  # by checkout

    async def started(self) -> str:
        """Start a checkout of a new guest on a slot of its own; returns its id."""
        number = next(self._numbers)
        now = self._world.clock.now()
        visitor = Caller(principal=Principal(kind=PrincipalKind.VISITOR, id=f"v{number}"))
        hold = Hold(
            id=f"hold_{number}",
            owner=visitor.principal.key,
            taken_by=visitor.principal.key,
            slot=a_slot(hours=number),
            time_zone="UTC",
            created_at=now,
            expires_at=now + timedelta(minutes=5),
        )
        await self._world.holds.acquire(hold, limit=None)
        guest = GuestDetails(email=f"guest.{number}@example.com", first_name="Sample", last_name="Guest")
        checkout = await self._starts.start(visitor, hold_id=hold.id, guest=guest)
        self._quotes[checkout.id] = checkout.quote.id
        return checkout.id

    async def paid(self, checkout_id: str) -> float:
        """Confirm; returns the seconds of the saga without those of upstream. Not for concurrent use."""
        upstream, before = self.books.seconds, self._saga.seconds
        await self.confirm(checkout_id)
        return self._saga.seconds - before - (self.books.seconds - upstream)

    async def confirm(self, checkout_id: str) -> None:
        """Confirm, from `started` to `confirmed`."""
        card, guest = CardChoice(token=f"tok_{checkout_id}"), Caller(principal=guest_of(checkout_id))
        row = await self._service.confirm(guest, checkout_id, card, quote_id=self._quotes[checkout_id])
        if row.state is not CheckoutState.CONFIRMED:
            raise AssertionError(row.state)


@dataclass(kw_only=True)
class _Samples:
    transition: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


async def measure(engine: AsyncEngine, url: str, *, checkouts: int) -> Overhead:
    """Measure on a migrated, empty database."""
    subject, samples = Checkouts(engine), _Samples()
    async with bare_writer(url) as write:
        for number in range(WARM_UP + checkouts):
            checkout_id = await subject.started()
            seconds = await subject.paid(checkout_id)
            bare = [await timed(write) for _ in range(TRANSITIONS)]
            if number >= WARM_UP:
                samples.transition.append(seconds / TRANSITIONS)
                samples.bare += bare
    waiting = [await subject.started() for _ in range(checkouts)]
    wall, processor = await _clocked(lambda: _all_at_once(subject, waiting))
    transition, bare_write = spread(samples.transition), spread(samples.bare)
    return Overhead(
        transition=transition,
        bare_write=bare_write,
        ratio=round(transition.median / bare_write.median, 2),
        per_second=round(checkouts / wall, 1),
        per_cpu_second=round(checkouts / processor, 1),
    )


async def _all_at_once(subject: Checkouts, waiting: list[str]) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(checkout_id: str) -> None:
        async with places:
            await subject.confirm(checkout_id)

    await asyncio.gather(*map(one, waiting))


async def _clocked(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Run the work; returns its wall-clock and processor seconds."""
    wall, before = time.perf_counter(), os.times()
    await work()
    after = os.times()
    return time.perf_counter() - wall, after.user + after.system - before.user - before.system


def shown(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table, for docs/reliability.md."""
    rows = [
        (
            DATABASES[name],
            f"{one['transition']['median']:.2f} ms",
            f"{one['transition']['p95']:.2f} ms",
            f"{AIMS[name]:.1f} ms",
            f"{one['bare_write']['median']:.2f} ms",
            f"{one['ratio']:.1f}",
            f"{one['per_second']:.0f}",
            f"{one['per_cpu_second']:.0f}",
            f"`{one['durability']}`",
        )
        for name, one in figures.items()
    ]
    return titled(
        "What the saga adds to upstream's own time, for each transition",
        (
            "",
            "median",
            "p95",
            "aim",
            "bare write",
            "ratio",
            "checkouts/s",
            "checkouts/s of one core",
            "durability",
        ),
        rows,
    )
