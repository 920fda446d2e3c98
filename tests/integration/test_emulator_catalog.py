"""What the practice offers: plans, visit types, places and policy."""

from typing import Any

import pytest

from tests.plugins.emulator import CLINICIAN_1, CLINICIAN_3, EmulatorClient

PLANS = """query Plans($ids: [ID], $words: String, $provider: ID, $order: OfferingOrderKeys) {
  offerings(offering_ids: $ids, keywords: $words, provider_id: $provider, order_by: $order) { nodes {
    name price initial_payment_amount initial_price_with_taxes currency billing_frequency under_purchase_cap
    visibility_status offering_includes { quantity appointment_type { name } } } } }"""


async def test_prices_are_decimal_strings_and_plans_say_what_they_include(emulator: EmulatorClient) -> None:
    found = await emulator.ask(PLANS, key=None, words="monthly care")
    assert found["offerings"]["nodes"] == [
        {
            "name": "Monthly Care",
            "price": "99.0",
            "initial_payment_amount": "149.0",
            "initial_price_with_taxes": "149.0",
            "currency": "USD",
            "billing_frequency": "Monthly",
            "under_purchase_cap": True,
            "visibility_status": "visible_to_all",
            "offering_includes": [
                {"quantity": "1", "appointment_type": {"name": "Initial Visit"}},
                {"quantity": "2", "appointment_type": {"name": "Follow-up Visit"}},
            ],
        }
    ]


async def test_a_plan_bought_as_often_as_it_may_be_is_not_under_its_purchase_cap(
    emulator: EmulatorClient,
) -> None:
    plans = (await emulator.ask(PLANS, key=None))["offerings"]["nodes"]
    assert {each["name"] for each in plans if not each["under_purchase_cap"]} == {"Founders' Plan"}


async def test_plans_are_ordered_by_price(emulator: EmulatorClient) -> None:
    plans = (await emulator.ask(PLANS, key=None, order="PRICE_DESC"))["offerings"]["nodes"]
    prices = [float(each["price"]) for each in plans]
    assert prices == sorted(prices, reverse=True)


async def test_a_patients_id_where_a_clinicians_is_meant_finds_no_plans(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    wrong = await emulator.ask(PLANS, key=None, provider=seed["patients"][0]["id"])
    right = await emulator.ask(PLANS, key=None, provider=seed["clinicians"][0]["id"])
    assert wrong["offerings"]["nodes"] == []
    assert right["offerings"]["nodes"]


async def test_one_plan_is_public_unless_it_is_hidden(emulator: EmulatorClient) -> None:
    plans = (await emulator.control.seed())["plans"]
    document = "query One($id: ID) { offering(id: $id) { name } }"
    assert (await emulator.ask(document, key=None, id=plans["First Visit"]))["offering"]
    assert (await emulator.ask(document, key=None, id=plans["Staff Plan"]))["offering"] is None
    assert (await emulator.ask(document, id=plans["Staff Plan"]))["offering"]


TYPES = """query Types($bookable: Boolean, $provider: String, $plan: String) {
  appointmentTypes(clients_can_book: $bookable, provider_id: $provider, offering_id: $plan) { nodes {
    name length available_contact_types pricing_info { price } require_specific_providers
    provider_appt_type_connections { user_id } } } }"""


async def names(emulator: EmulatorClient, **variables: Any) -> set[str]:
    found = (await emulator.ask(TYPES, **variables))["appointmentTypes"]["nodes"]
    return {each["name"] for each in found}


async def test_visit_types_say_length_contact_types_price_and_who_offers_them(
    emulator: EmulatorClient,
) -> None:
    found = {each["name"]: each for each in (await emulator.ask(TYPES))["appointmentTypes"]["nodes"]}
    assert {each["length"] for each in found.values()} == {15, 30, 60}
    assert found["Single Visit"]["pricing_info"] == {"price": "120.0"}
    assert found["Free Consultation"]["pricing_info"] == {"price": None}
    assert len(found["Assessment in Person"]["provider_appt_type_connections"]) == 2
    contact_types = {name for each in found.values() for name in each["available_contact_types"]}
    assert contact_types == {"Healthie Video Call", "Phone Call", "In Person"}


async def test_visit_types_are_filtered_by_who_books_who_offers_and_what_a_plan_gives(
    emulator: EmulatorClient,
) -> None:
    seed = await emulator.control.seed()
    assert "Team Meeting" not in await names(emulator, bookable=True)
    assert "Assessment in Person" not in await names(emulator, provider=seed["clinicians"][2]["id"])
    assert await names(emulator, plan=seed["plans"]["First Visit"]) == {"Initial Visit"}
    assert await names(emulator, provider=seed["patients"][0]["id"]) == set()


POLICY = """query Policy($id: ID, $provider: ID) { appointmentSetting(id: $id, provider_id: $provider) { id
  minimum_advance_schedule_time minimum_advance_cancel_time late_cancellation_fee no_show_fee base_calendar_interval
  pm_statuses } }"""


async def test_the_policy_says_notice_periods_and_fees(emulator: EmulatorClient) -> None:
    clinician = (await emulator.control.seed())["clinicians"][0]["id"]
    found = (await emulator.ask(POLICY, key=None, provider=clinician))["appointmentSetting"]
    assert (await emulator.ask(POLICY, id=found["id"]))["appointmentSetting"] == found
    assert found == {
        "id": found["id"],
        "minimum_advance_schedule_time": 60,
        "minimum_advance_cancel_time": 1440,
        "late_cancellation_fee": 5000,
        "no_show_fee": 7500,
        "base_calendar_interval": "FIFTEEN_MINUTES",
        "pm_statuses": ["Occurred", "No-Show", "Re-Scheduled", "Cancelled", "Late Cancellation"],
    }


@pytest.mark.parametrize("answers", [False, True])
async def test_a_policy_of_nobody_named_is_a_switch_and_the_key_owners_is_in_both(
    emulator: EmulatorClient, *, answers: bool
) -> None:
    """Healthie's reference asks for one of `id` and `provider_id`."""
    await emulator.control.switches(setting_without_id=answers)
    assert ((await emulator.ask(POLICY))["appointmentSetting"] is not None) == answers
    own = await emulator.ask("{ currentUser { appointment_setting { minimum_advance_schedule_time } } }")
    assert own["currentUser"]["appointment_setting"] == {"minimum_advance_schedule_time": 60}


async def test_places_are_the_keys_owners_unless_the_practice_is_meant(emulator: EmulatorClient) -> None:
    document = "query P($org: Boolean) { appointmentLocations(org_level: $org) { nodes { location } } }"
    own = await emulator.ask(document, key=CLINICIAN_3)
    every = await emulator.ask(document, key=CLINICIAN_1, org=True)
    assert own["appointmentLocations"]["nodes"] == [{"location": "3 Sample Street, Denver"}]
    assert len(every["appointmentLocations"]["nodes"]) == 4
