"""A small practice to pay at: two clinicians, two patients, three plans, on a clock that stands still."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from graphql import DocumentNode, ExecutionResult, GraphQLError, execute, parse, validate

from integrations.healthie_emulator import money
from integrations.healthie_emulator.app import schema
from integrations.healthie_emulator.clock import Clock
from integrations.healthie_emulator.records import OfferingInclude, User
from integrations.healthie_emulator.state import Actor, Request, World

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)  # noon in New York, the clinicians' zone

CHARGE = """mutation Charge($input: createBillingItemInput) { createBillingItem(input: $input) {
  billingItem { id state amount_paid net_payment original_price stripe_charge_id is_outside_payment note
    recurring_payment { id is_canceled next_payment_date } user_package_selection { id } }
  messages { field message } stripeError } }"""

SCHEMA = schema()


@functools.cache
def examined(document: str) -> tuple[DocumentNode, list[GraphQLError]]:
    """Parse and validate a document once, however often it is sent."""
    parsed = parse(document)
    return parsed, validate(SCHEMA, parsed)


@dataclass(kw_only=True)
class Practice:
    world: World
    clinician: User
    colleague: User
    patient: User
    stranger: User
    visit_type: str
    single: str
    monthly: str
    capped: str

    async def ask(self, document: str, *, by: User | None = None, **variables: Any) -> dict[str, Any]:
        """Execute a document as the clinician, or as `by`; an error fails the test."""
        answer = await self.raw(document, by=by, **variables)
        assert answer.errors is None, answer.errors
        assert answer.data is not None
        return dict(answer.data)

    async def raw(self, document: str, *, by: User | None = None, **variables: Any) -> Any:
        request = Request(world=self.world, actor=Actor(user=by or self.clinician))
        money.bill_due(self.world)
        parsed, errors = examined(document)
        if errors:
            return ExecutionResult(data=None, errors=errors)
        answer = execute(SCHEMA, parsed, context_value=request, variable_values=variables)
        return await answer if inspect.isawaitable(answer) else answer

    async def attach(self, token: str = "tok_visa", *, to: User | None = None, **more: Any) -> str:
        answer = await self.ask(
            "mutation($input: createStripeCustomerDetailInput) { createStripeCustomerDetail(input: $input) "
            "{ stripe_customer_detail { id } messages { message } } }",
            input={"token": token, "user_id": (to or self.patient).id, **more},
        )
        card_id = answer["createStripeCustomerDetail"]["stripe_customer_detail"]["id"]
        assert isinstance(card_id, str)
        return card_id

    async def charge(
        self, amount: str | None = "100", *, by: User | None = None, **more: Any
    ) -> dict[str, Any]:
        """Charge the patient; `None` takes a default out of the input."""
        given = {
            "sender_id": self.patient.id,
            "recipient_id": self.clinician.id,
            "amount_paid": amount,
            "should_charge": True,
            **more,
        }
        payload = (await self.ask(CHARGE, by=by, input=given))["createBillingItem"]
        assert isinstance(payload, dict)
        return payload

    def pass_time(self, **span: float) -> None:
        self.world.clock.advance(timedelta(**span).total_seconds())


@pytest.fixture
def practice() -> Practice:
    return opened()


@pytest.fixture
def open_practice() -> Callable[[], Practice]:
    """For tests that need a fresh one for each of many examples."""
    return opened


def opened() -> Practice:
    clock = Clock()
    clock.set(NOON, stopped=True)
    world = World(seed=11, clock=clock)

    def person(name: str, **more: Any) -> User:
        return world.users.add(
            first_name="Sample",
            last_name=name,
            email=f"{name.lower()}@example.com",
            timezone="America/New_York",
            **more,
        )

    clinician = person("Clinician", is_owner=True, is_active_provider=True)
    world.organizations.add(name="Sample Practice", owner_id=clinician.id)
    world.appointment_settings.add()
    visit_type = world.appointment_types.add(
        name="Sample visit", length=30, available_contact_types=("Healthie Video Call",), price=7_500
    ).id

    def plan(name: str, price: int, **more: Any) -> str:
        visits = (OfferingInclude(id=f"{name}-1", appointment_type_id=visit_type, quantity=2),)
        return world.offerings.add(name=name, description=name, price=price, includes=visits, **more).id

    return Practice(
        world=world,
        clinician=clinician,
        colleague=person("Colleague", is_active_provider=True),
        patient=person("Patient", is_patient=True, dietitian_id=clinician.id),
        stranger=person("Stranger", is_patient=True, dietitian_id=clinician.id),
        visit_type=visit_type,
        single=plan("Single", 10_000),
        monthly=plan("Monthly", 9_900, billing_frequency="Monthly", repeat_times=3),
        capped=plan("Capped", 5_000, max_purchases=1),
    )


@pytest.fixture
def coupon(practice: Practice) -> Callable[..., str]:
    def make(code: str = "SAMPLE20", **values: Any) -> str:
        return practice.world.coupons.add(code=code, **values).id

    return make
