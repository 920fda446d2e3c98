"""Webhooks in a schedule: Healthie sends them, some twice, some late, some for nothing; staff change things, some without a word."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx2

from booking.sync.synchronizer import ResourceSynchronizer
from integrations.healthie.webhooks import EVENTS
from integrations.healthie_emulator import cards, clients, openings, webhooks
from integrations.healthie_emulator.delivery import deliver_due, enqueue
from integrations.healthie_emulator.faults import Fault
from integrations.healthie_emulator.forms import filling
from integrations.healthie_emulator.scheduling.records import Appointment
from integrations.healthie_emulator.state import Actor, Request, World
from tests.simulation.process import ConnectionLost, Process

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule

URL = "http://gateway.invalid/webhooks/healthie"

# Seconds in which staff are at work; visits of series that they change then send no word.
WORKING = 1800.0

# How often a worker asks by itself in a schedule, and until when: later nothing changes any more.
POLLING = tuple(range(300, 7500, 600))


def subscribe(world: World) -> str:
    """Have Healthie send everything; answers the secret."""
    answer = webhooks.create(
        _staff(world), {"url": URL, "webhook_events": [{"event_type": one} for one in EVENTS]}
    )
    return str(answer["webhook"].signature_secret)


class EventDispatcher(httpx2.AsyncBaseTransport):
    """Brings deliveries to whichever gateway answers, over a network that loses requests and answers."""

    def __init__(self, schedule: "Schedule", rng: random.Random) -> None:
        self._schedule = schedule
        self._rng = rng
        for kind in ("duplicate_webhook", "reordered_webhook"):
            odds = rng.choice((0.0, 0.3))
            if odds:
                world = schedule.upstream.world
                world.faults.order(Fault(kind=kind, probability=odds), seed=rng.randrange(1000))
        self._lost = rng.choice((0.0, 0.1, 0.4))

    async def deliver(self) -> None:
        """Deliver for ever."""
        world = self._schedule.upstream.world
        async with httpx2.AsyncClient(transport=self) as client:
            while True:
                world.outbox_filled.clear()
                await deliver_due(world, client)
                enqueue(world)
                now = world.clock.now()
                due = min((one.due_at for one in world.deliveries), default=now + timedelta(days=30))
                try:
                    async with asyncio.timeout(max((due - now).total_seconds(), 0.001)):
                        await world.outbox_filled.wait()
                except TimeoutError:
                    continue

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Bring one delivery, if the network lets it; a busy first half hour loses some both ways."""
        elapsed = self._schedule.loop.elapsed
        await asyncio.sleep(self._rng.uniform(0.01, 0.5))
        if elapsed < WORKING and self._rng.random() < self._lost:
            raise httpx2.ConnectError("lost on the way")
        process = await self._schedule.a_gateway()
        try:
            response = await process.run(_post(process, request), patience=10.0)
        except ConnectionLost:
            raise httpx2.ReadError("nobody answers") from None
        if elapsed < WORKING and self._rng.random() < self._lost:
            raise httpx2.ReadError("lost on the way back")
        return response


async def _post(process: Process, request: httpx2.Request) -> httpx2.Response:
    headers = dict(request.headers)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=process.webhooks)) as http:
        return await http.post(str(request.url), content=request.content, headers=headers)


async def synchronize(schedule: "Schedule", process: Process) -> None:
    """Have a worker refresh what is pending, and poll by itself for what changed without a word."""
    asked = 0
    try:
        while True:
            while asked < len(POLLING) and POLLING[asked] <= schedule.loop.elapsed:
                asked += 1
                await process.run(process.ask())
            due = schedule.witness.next_refresh()
            nap = 3600.0 if due is None else (due - process.fate.now()).total_seconds()
            if nap <= 0:
                await process.run(_one_round(process.synchronizer))
                await asyncio.sleep(1.0)
                continue
            if asked < len(POLLING):
                nap = min(nap, POLLING[asked] - schedule.loop.elapsed)
            schedule.refreshes_changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(nap, 0.001)):
                    await schedule.refreshes_changed.wait()
    except ConnectionLost:
        return


async def _one_round(synchronizer: ResourceSynchronizer) -> None:
    await synchronizer.run_due()
    await synchronizer.drain()


async def staff_at_work(schedule: "Schedule", rng: random.Random) -> None:
    """Change this and that, at times of their own."""
    changes = sorted(rng.uniform(0, WORKING) for _ in range(rng.randint(3, 12)))
    seeded = [visit.id for visit in schedule.upstream.world.appointments]
    begun = schedule.loop.elapsed
    for at in changes:
        await asyncio.sleep(max(begun + at - schedule.loop.elapsed, 0.0))
        change = rng.choice(_CHANGES)
        change(schedule.upstream.world, rng, seeded)
        schedule.trace.say("staff", change.__name__)


def _staff(world: World) -> Request:
    return Request(world=world, actor=Actor(user=world.users[world.organization.owner_id]))


def _visit(world: World, rng: random.Random, seeded: list[str]) -> Appointment | None:
    standing = [one for one in seeded if world.appointments[one].deleted_at is None]
    return world.appointments[rng.choice(standing)] if standing else None


def _write(world: World, rng: random.Random, visit: Appointment, event: str, **changes: Any) -> None:
    """Change a visit; every third time as one of a series, of which no word is sent."""
    actor = rng.choice([visit.user_id, visit.provider_id, world.organization.owner_id])
    world.appointments.change(visit.id, last_updated_by_id=actor, **changes)
    if rng.random() < 0.67:
        world.emit(event, "Appointment", visit.id, tuple(changes))


def _give_status(world: World, rng: random.Random, seeded: list[str]) -> None:
    if (visit := _visit(world, rng, seeded)) is not None:
        status = rng.choice([None, "Occurred", "No-Show", "Cancelled", "Checked-In", "Re-Scheduled"])
        now = world.clock.now()
        _write(world, rng, visit, "appointment.updated", pm_status=status, pm_status_changed_at=now)


def _move(world: World, rng: random.Random, seeded: list[str]) -> None:
    if (visit := _visit(world, rng, seeded)) is not None:
        later = visit.starts_at + timedelta(minutes=rng.choice((-30, 30)))
        _write(world, rng, visit, "appointment.updated", starts_at=later)


def _delete(world: World, rng: random.Random, seeded: list[str]) -> None:
    if (visit := _visit(world, rng, seeded)) is not None:
        world.appointments.change(visit.id, deleted_at=world.clock.now())
        world.emit("appointment.deleted", "Appointment", visit.id)


def _rename(world: World, rng: random.Random, _: list[str]) -> None:
    patient = rng.choice([one for one in world.users if one.is_patient])
    clients._update_client(
        _staff(world), {"id": patient.id, "phone_number": f"555-01{rng.randrange(100):02d}"}
    )


def _hand_in(world: World, rng: random.Random, _: list[str]) -> None:
    patient = rng.choice([one for one in world.users if one.is_patient])
    form = next(iter(world.items["CustomModuleForm"]))
    filling.create(
        _staff(world),
        {"user_id": patient.id, "custom_module_form_id": form.id, "finished": rng.random() < 0.7},
    )


def _add_card(world: World, rng: random.Random, _: list[str]) -> None:
    patient = rng.choice([one for one in world.users if one.is_patient])
    cards.create(_staff(world), {"user_id": patient.id, "token": f"tok_visa_staff{rng.randrange(10**6)}"})


def _open(world: World, rng: random.Random, _: list[str]) -> None:
    start = world.clock.now() + timedelta(days=20)
    openings._create(
        _staff(world),
        {
            "user_id": next(one.id for one in world.users if one.is_active_provider),
            "start_datetime": start.isoformat(timespec="seconds"),
            "end_datetime": (start + timedelta(hours=1)).isoformat(timespec="seconds"),
        },
    )


def _close(world: World, rng: random.Random, _: list[str]) -> None:
    if standing := list(world.openings):
        openings._delete(_staff(world), {"id": rng.choice(standing).id})


_CHANGES: tuple[Callable[[World, random.Random, list[str]], None], ...] = (
    _give_status,
    _give_status,
    _give_status,
    _move,
    _move,
    _delete,
    _rename,
    _hand_in,
    _add_card,
    _open,
    _close,
)
