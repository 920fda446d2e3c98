"""The adapters connected to an emulator in this process."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import httpx2

from booking.catalog.model import BookingPolicy, ContactType, Plan
from booking.checkout.model import Checkout
from booking.models import GuestDetails, Quote
from booking.money import Money
from booking.slot_query import SlotQuery
from booking.slots import Slot
from booking.system_of_record import SystemOfRecord
from integrations.healthie.connect import connect
from integrations.healthie_emulator.app import create_app
from integrations.healthie_emulator.emulator import Emulator
from integrations.healthie_emulator.faults import Fault
from integrations.healthie_emulator.seed import described
from integrations.healthie_emulator.state import World
from integrations.healthie_emulator.wire import ConnectionDropped
from integrations.stripe.declines import DECLINES
from integrations.upstream.audit import LoggedCalls
from tests.doubles.httpx_wire import HttpxWire
from tests.plugins.emulator import STILL

GUEST = GuestDetails(
    email="sample.guest@example.com",
    first_name="Sample",
    last_name="Guest",
    phone="555-0199",
    birth_date=None,
)


@dataclass
class Wire(httpx2.AsyncBaseTransport):
    """Carries requests into the emulator's ASGI program, counts them, and breaks as a network does."""

    inner: httpx2.ASGITransport
    operations: Counter[str] = field(default_factory=Counter)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.operations[_operation(request)] += 1
        try:
            return await self.inner.handle_async_request(request)
        except ConnectionDropped as error:
            raise httpx2.ReadError("dropped") from error


def _operation(request: httpx2.Request) -> str:
    return str(json.loads(request.content)["operationName"])


@dataclass(kw_only=True)
class Practice:
    """An emulator, the adapters on it, and what both call the same things."""

    emulator: Emulator
    healthie: SystemOfRecord
    wire: Wire

    @property
    def world(self) -> World:
        return self.emulator.world

    @property
    def seed(self) -> dict[str, Any]:
        return described(self.world)

    def fault(self, kind: str, operation: str, **more: Any) -> None:
        self.world.faults.order(Fault(kind=kind, operation=operation, count=1, **more))

    def clinician(self, number: int) -> str:
        return str(self.seed["clinicians"][number - 1]["id"])

    def patient(self, number: int) -> str:
        return str(self.seed["patients"][number - 1]["id"])

    async def plan(self, name: str) -> Plan:
        catalog = await self.healthie.catalog.catalog()
        return next(plan for plan in catalog.plans if plan.name == name)

    async def free(self, visit: str = "Initial Visit", *, clinician: int = 1) -> list[Slot]:
        today = self.world.clock.now().date()
        return list(
            await self.healthie.availability.slots(
                SlotQuery(
                    visit_type_id=self.seed["visit_types"][visit],
                    contact_type=ContactType.VIDEO,
                    location_id=None,
                    clinician_ids=frozenset({self.clinician(clinician)}),
                    first=today + timedelta(days=7),
                    last=today + timedelta(days=9),
                    time_zone="America/New_York",
                )
            )
        )

    async def checkout(
        self, plan_name: str = "Starter Plan", *, token: str = "tok_visa", **changes: Any
    ) -> Checkout:
        """A checkout of the first patient with a card attached, as far as the charge."""
        plan, slot = await self.plan(plan_name), (await self.free())[0]
        card = await self.healthie.cards.attach(
            patient_id=self.patient(1), token=token, make_default=False, clinician_id=slot.clinician_id
        )
        now = self.world.clock.now()
        values: dict[str, Any] = {
            "id": "chk_sample",
            "owner": "patient:sample",
            "started_by": "patient:sample",
            "hold_id": "hold_sample",
            "slot": slot,
            "time_zone": "America/New_York",
            "quote": a_quote(plan, slot),
            "created_at": now,
            "updated_at": now,
            "patient_id": self.patient(1),
            "card_id": card.id,
            "attempt": 1,
        }
        return Checkout(**(values | changes))


def a_quote(plan: Plan, slot: Slot, **changes: Any) -> Quote:
    values: dict[str, Any] = {
        "plan_id": plan.id,
        "visit_type_id": slot.visit_type_id,
        "description": plan.name,
        "list_price": plan.due_today,
        "discount": Money.of(0, plan.due_today.currency),
        "due_today": plan.due_today,
        "promo_code": None,
        "coupon_id": None,
        "recurrence": None,
        "policy": BookingPolicy(
            schedule_notice=None, cancel_notice=None, late_cancellation_fee=None, no_show_fee=None
        ),
    }
    return Quote(**(values | changes))


@cache  # its schema takes a while to build, and a reset makes everything else anew
def _program() -> tuple[Emulator, httpx2.ASGITransport]:
    emulator = Emulator()
    return emulator, httpx2.ASGITransport(create_app(emulator))


@asynccontextmanager
async def practice(**options: Any) -> AsyncIterator[Practice]:
    emulator, program = _program()
    emulator.reset(at=datetime.fromisoformat(STILL), stopped=True)
    seed = described(emulator.world)
    wire = Wire(inner=program)
    async with connect(
        url="http://emulator.invalid/graphql",
        organization_key=seed["owner"]["key"],
        clinician_keys=seed["clinician_keys"],
        declines=DECLINES,
        audit=options.pop("audit", None) or LoggedCalls(),
        digest=str,
        wire=HttpxWire(wire),
        **options,
    ) as healthie:
        await healthie.keys.prove_due()
        yield Practice(emulator=emulator, healthie=healthie, wire=wire)
