"""The seed: the synthetic practice that every emulator starts with, the same for the same seed and clock.

Hours are weekly on all seven days, so that any week that follows the clock has free slots.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.scheduling.records import AppointmentType
from integrations.healthie_emulator.seed_catalog import PHONE, VIDEO, add_coupons, add_plans, add_visit_types
from integrations.healthie_emulator.seed_people import CLINICIANS, PATIENTS, STATES, SampleClinician
from integrations.healthie_emulator.seed_records import add_records
from integrations.healthie_emulator.seed_records import described as described_records
from integrations.healthie_emulator.state import World
from integrations.healthie_emulator.visit_types import IN_PERSON

OWNER_KEY = "emulator-key-owner"

CANCELLATION_REASONS = (
    ("Schedule conflict", "client"),
    ("Feeling better", "client"),
    ("Provider unavailable", "provider"),
    ("Practice closed", "organization"),
)


def sow(world: World) -> None:
    """Fill an empty world."""
    owner = world.users.add(
        first_name="Olive",
        last_name="Sample-Owner",
        email="olive.owner@example.com",
        timezone="America/New_York",
        is_owner=True,
        is_org_admin=True,
    )
    world.organizations.add(name="Sample Telehealth (synthetic)", owner_id=owner.id, phone_number="555-0100")
    world.api_keys.add(user_id=owner.id, name="Practice", secret=OWNER_KEY)
    world.appointment_settings.add(
        minimum_advance_schedule_time=60,
        minimum_advance_cancel_time=24 * 60,
        minimum_advance_reschedule_time=24 * 60,
        max_days_in_future=90,
        late_cancellation_fee=50_00,  # cents
        no_show_fee=75_00,
        enable_late_cancellation_status=True,
    )
    for label, reason_type in CANCELLATION_REASONS:
        world.cancellation_reasons.add(label=label, reason_type=reason_type)
    clinicians = [_add_clinician(world, number, each) for number, each in enumerate(CLINICIANS, 1)]
    kinds = add_visit_types(world, clinicians)
    add_plans(world, kinds)
    add_coupons(world)
    patients = [_add_patient(world, clinicians[0], *each) for each in PATIENTS]
    _put_card_on_file(world, patients[0])
    _sell_capped_plans(world, patients)
    _add_appointments(world, clinicians, patients, kinds)
    add_records(world, clinicians, patients)
    _add_superbill(world, clinicians[0], patients[2])


def _add_clinician(world: World, number: int, each: SampleClinician) -> User:
    user = world.users.add(
        first_name=each.first_name,
        last_name=each.last_name,
        email=f"{each.first_name.lower()}.{each.last_name.lower()}@example.com",
        timezone=each.timezone,
        qualifications=each.qualifications,
        npi=f"000000000{number}",
        phone_number=f"555-011{number}",
        is_active_provider=True,
    )
    if each.key:
        world.api_keys.add(user_id=user.id, name=f"Clinician {number}", secret=each.key)
    for state in each.states:
        world.state_licenses.add(user_id=user.id, state=state, full_state_name=STATES[state])
    place = world.appointment_locations.add(
        location=f"{number} Sample Street, {each.city}", provider_ids=(user.id,)
    )
    for weekday in range(7):
        _add_hours(world, user, each, weekday, place.id)
    return user


def _add_hours(world: World, user: User, each: SampleClinician, weekday: int, place_id: str) -> None:
    """Remote visits all day with a break, fewer at the weekend; in person in the afternoon."""
    weekend = weekday >= 5  # noqa: PLR2004 - Saturday
    spans = [(0, 3)] if weekend else [(0, 3), (4, 8)]
    for first, last in spans:
        world.weekly_hours.add(
            user_id=user.id,
            weekday=weekday,
            start=time(each.opens + first),
            end=time(each.opens + last),
            timezone=each.timezone,
            contact_types=(VIDEO, PHONE),
        )
    world.weekly_hours.add(
        user_id=user.id,
        weekday=weekday,
        start=time(each.opens + spans[-1][0]),
        end=time(each.opens + spans[-1][1]),
        timezone=each.timezone,
        contact_types=(IN_PERSON,),
        appointment_location_id=place_id,
    )


def _add_patient(world: World, clinician: User, number: str, zone: str, key: str) -> User:
    order = int(key[-1])
    user = world.users.add(
        first_name="Sample",
        last_name=f"Patient {number}",
        email=f"sample.patient.{number.lower()}@example.com",
        timezone=zone,
        phone_number=f"555-010{order}",
        dob=datetime(1980 + order, 1, order, tzinfo=UTC).date(),
        dietitian_id=clinician.id,
        is_patient=True,
    )
    world.api_keys.add(user_id=user.id, name=f"Patient {number}", secret=key)
    return user


def _put_card_on_file(world: World, patient: User) -> None:
    now = world.clock.now()
    attached = world.stripe.attach("tok_visa", customer=patient.id)
    card = world.cards.add(
        user_id=patient.id,
        stripe_id=attached.id,
        card_type=attached.fingerprint.brand,
        last_four=attached.fingerprint.last_four,
        expiration=now.replace(year=now.year + 3, day=1),
        card_type_label="personal",
    )
    world.users.change(patient.id, default_stripe_customer_detail_id=card.id)


def _sell_capped_plans(world: World, patients: list[User]) -> None:
    for plan in world.offerings:
        if plan.max_purchases is not None:
            for patient in patients[1:]:
                world.package_selections.add(
                    user_id=patient.id, offering_id=plan.id, initial_price=plan.price
                )


def _add_appointments(
    world: World, clinicians: list[User], patients: list[User], kinds: dict[str, AppointmentType]
) -> None:
    """Add a visit that was, one that comes, and an evening on which the first clinician works besides."""
    for clinician, patient, days, status in (
        (clinicians[0], patients[2], -7, "Occurred"),
        (clinicians[0], patients[2], 2, None),
        (clinicians[1], patients[1], 3, None),
    ):
        starts_at = _local(world, clinician, days, hour=11)
        world.appointments.add(
            provider_id=clinician.id,
            user_id=patient.id,
            initiator_id=clinician.id,
            appointment_type_id=kinds["follow_up"].id,
            starts_at=starts_at,
            length=kinds["follow_up"].length,
            contact_type=VIDEO,
            pm_status=status,
        )
    world.openings.add(
        user_id=clinicians[0].id,
        range_start=_local(world, clinicians[0], 1, hour=18),
        range_end=_local(world, clinicians[0], 1, hour=20),
        contact_types=(VIDEO,),
    )


def _add_superbill(world: World, clinician: User, patient: User) -> None:
    """Add the statement of the visit that was."""
    world.super_bills.add(
        patient_id=patient.id,
        dietitian_id=clinician.id,
        service_date=_local(world, clinician, -7, hour=11),
        total=150_00,
        paid=150_00,
        status="Fully Paid",
    )


def _local(world: World, clinician: User, days: int, *, hour: int) -> datetime:
    zone = ZoneInfo(clinician.timezone)
    day = world.clock.now().astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, time(hour), zone).astimezone(UTC)


def described(world: World) -> dict[str, Any]:
    """Return the seeded people with their keys: everything that a program needs to start. The keys work only here."""
    keys = {key.user_id: key.secret for key in world.api_keys}

    def people(chosen: list[User]) -> list[dict[str, Any]]:
        return [
            {
                "id": u.id,
                "name": f"{u.first_name} {u.last_name}",
                "timezone": u.timezone,
                "key": keys.get(u.id),
            }
            for u in chosen
        ]

    clinicians = [user for user in world.users if user.is_active_provider]
    return {
        "seed": world.seed,
        "practice": world.organization.name,
        "owner": people([world.users[world.organization.owner_id]])[0],
        "clinicians": people(clinicians),
        "clinician_keys": {user.id: keys[user.id] for user in clinicians if user.id in keys},
        "patients": people([user for user in world.users if user.is_patient]),
        "visit_types": {each.name: each.id for each in world.appointment_types},
        "plans": {each.name: each.id for each in world.offerings},
        "coupons": [each.code for each in world.coupons],
        "locations": {each.location: each.id for each in world.appointment_locations},
        **described_records(world),
    }
