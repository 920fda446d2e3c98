"""What Healthie answers of a practice's public offer."""

from typing import Any

from tests.doubles.healthie_script import connection


def a_package(**changes: Any) -> dict[str, Any]:
    return {
        "id": "40",
        "name": "Sample plan",
        "description": "",
        "price": "120.0",
        "initial_payment_amount": None,
        "initial_price_with_taxes": None,
        "currency": "USD",
        "billing_frequency": None,
        "repeat_times": None,
        "archived": False,
        "show_offering": True,
        "visibility_status": "Visible",
        "under_purchase_cap": True,
        "offering_includes": [{"appointment_type_id": "70", "quantity": "2"}],
    } | changes


def a_kind(**changes: Any) -> dict[str, Any]:
    return {
        "id": "70",
        "name": "Sample visit",
        "client_facing_display_name": None,
        "client_display_description": None,
        "length": 30,
        "clients_can_book": True,
        "deleted_at": None,
        "is_group": False,
        "is_waitlist_enabled": False,
        "bookable_by_groups": None,
        "available_contact_types": ["Healthie Video Call", "Carrier Pigeon", None],
        "pricing_info": None,
        "require_specific_providers": False,
        "provider_appt_type_connections": None,
        "has_specific_appointment_settings": False,
        "appointment_setting": {"minimum_advance_schedule_time": 90},
    } | changes


def a_member(**changes: Any) -> dict[str, Any]:
    return {
        "id": "11",
        "full_name": None,
        "first_name": "Sample",
        "last_name": "Clinician",
        "qualifications": None,
        "timezone": None,
        "active": True,
        "state_licenses": [{"state": "ny"}, {"state": "California"}, {"state": None}],
    } | changes


def everything(**changes: Any) -> dict[str, Any]:
    return {
        "offerings": connection([a_package()]),
        "appointmentTypes": connection([a_kind()]),
        "organizationMembers": connection([a_member()]),
        "appointmentLocations": connection([]),
        "currentUser": None,
    } | changes
