"""What the seeded practice offers: visit types, plans, promo codes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from integrations.healthie_emulator.records import OfferingInclude, User
from integrations.healthie_emulator.scheduling.records import AppointmentType
from integrations.healthie_emulator.state import World
from integrations.healthie_emulator.visit_types import IN_PERSON

VIDEO, PHONE = "Healthie Video Call", "Phone Call"


def add_visit_types(world: World, clinicians: list[User]) -> dict[str, AppointmentType]:
    """Add visits of all lengths and contact types, free and priced; answer them by a short name."""
    add = world.appointment_types.add
    return {
        "consultation": add(
            name="Free Consultation",
            length=15,
            available_contact_types=(VIDEO, PHONE),
            client_display_description="Fifteen minutes to get to know each other, free of charge.",
            position=0,
        ),
        "initial": add(
            name="Initial Visit",
            length=60,
            available_contact_types=(VIDEO, IN_PERSON),
            client_display_description="The first visit of a plan.",
            position=1,
        ),
        "follow_up": add(
            name="Follow-up Visit",
            length=30,
            available_contact_types=(VIDEO, PHONE, IN_PERSON),
            client_display_description="A later visit of a plan.",
            position=2,
        ),
        "single": add(
            name="Single Visit",
            length=30,
            available_contact_types=(VIDEO, PHONE),
            client_display_description="One visit without a plan.",
            price=120_00,
            position=3,
        ),
        "assessment": add(
            name="Assessment in Person",
            length=60,
            available_contact_types=(IN_PERSON,),
            client_display_description="An examination at the practice.",
            provider_ids=tuple(user.id for user in clinicians[:2]),
            position=4,
            minimum_advance_schedule_time=24 * 60,  # the room is to be made ready
        ),
        "internal": add(
            name="Team Meeting",
            length=30,
            available_contact_types=(VIDEO,),
            clients_can_book=False,
            position=5,
        ),
    }


def add_plans(world: World, kinds: dict[str, AppointmentType]) -> None:
    """Add plans: one-time, monthly, sold out, nearly sold out, hidden."""

    def includes(**quantities: int) -> tuple[OfferingInclude, ...]:
        return tuple(
            OfferingInclude(
                id=f"9{order}{kinds[name].id}", appointment_type_id=kinds[name].id, quantity=quantity
            )
            for order, (name, quantity) in enumerate(quantities.items())
        )

    plans: list[dict[str, Any]] = [
        {
            "name": "First Visit",
            "description": "One initial visit of an hour.",
            "price": 149_00,
            "includes": includes(initial=1),
        },
        {
            "name": "Starter Plan",
            "description": "An initial visit and four follow-ups.",
            "price": 399_00,
            "includes": includes(initial=1, follow_up=4),
        },
        {
            "name": "Monthly Care",
            "description": "Two follow-up visits every month; the first month also an initial visit.",
            "price": 99_00,
            "first_time_payment": 149_00,
            "billing_frequency": "Monthly",
            "includes": tuple(
                replace(each, is_repeating=each.appointment_type_id == kinds["follow_up"].id)
                for each in includes(initial=1, follow_up=2)
            ),
        },
        {
            "name": "Founders' Plan",
            "description": "For the first two patients; sold out.",
            "price": 49_00,
            "max_purchases": 2,
            "includes": includes(follow_up=1),
        },
        {
            "name": "Early Bird Plan",
            "description": "For the first three patients; one place is left.",
            "price": 79_00,
            "max_purchases": 3,
            "includes": includes(follow_up=2),
        },
        {
            "name": "Staff Plan",
            "description": "Not shown to patients.",
            "price": 10_00,
            "visibility_status": "hidden",
            "show_offering": False,
            "includes": includes(follow_up=1),
        },
    ]
    for order, plan in enumerate(plans):
        world.offerings.add(row_order=order, **plan)


def add_coupons(world: World) -> None:
    """Add promo codes: percent, flat, for one plan, expired, used up."""
    now = world.clock.now()
    monthly = next(each.id for each in world.offerings if each.name == "Monthly Care")
    world.coupons.add(code="WELCOME20", percent_off=20)
    world.coupons.add(code="MINUS25", cents_off=25_00)
    world.coupons.add(code="MONTHLY10", percent_off=10, offering_ids=(monthly,), repeat_times=3)
    world.coupons.add(code="EXPIRED10", percent_off=10, expires_at=now - timedelta(days=30))
    world.coupons.add(code="USEDUP50", percent_off=50, usage_limit=5, number_of_times_used=5)
