"""What a booking page reads besides types and slots: its steps, the ways to meet, the SDK's configuration, reasons to cancel."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.people import USER_ORDERS, full_name, licensed_in, provider, providers
from integrations.healthie_emulator.records import Organization, User
from integrations.healthie_emulator.scheduling.records import CancellationReason
from integrations.healthie_emulator.state import Request
from integrations.healthie_emulator.visit_types import CONTACT_TYPES

# Not Healthie's own staging key: a key of nobody, in the form that Stripe's have.
PUBLISHABLE_KEY = "pk_test_emulator"

STEPS = (
    ("select_appt_type", "Select Appointment Type"),
    ("select_date_time", "Select Date and Time"),
    ("your_information", "Your Information"),
)
PURCHASE_STEP = ("select_package", "Select Package")


def _steps(request: Request, args: dict[str, Any]) -> list[dict[str, str]]:
    """List the steps of the booking page whose query string is `locationString`; one of no clinician has none.

    A page that names a package or a type leaves out the step in which it would be chosen.
    """
    asked = parse_qs((args.get("locationString") or "").lstrip("?"))
    whose = next(iter(asked.get("dietitian_id") or asked.get("provider_id") or []), None)
    world = request.world
    if whose is not None and provider(world, whose) is None and whose != world.organization.owner_id:
        return []
    steps = [each for each in STEPS if not (each[0] == "select_appt_type" and asked.get("appt_type_ids"))]
    if "offering" in asked.get("type", []):
        steps = [PURCHASE_STEP, STEPS[-1]]
    return [{"id": name, "title": title} for name, title in steps]


def _cancellation_reasons(
    _: Organization, request: Request, args: dict[str, Any]
) -> list[CancellationReason]:
    wanted = args.get("reason_type") or "client"
    return [each for each in request.world.cancellation_reasons if wanted in {"all", each.reason_type}]


def _providers(request: Request, args: dict[str, Any]) -> list[User]:
    ids = args.get("provider_ids")
    return [each for each in providers(request.world) if not ids or each.id in ids]


def _listed_providers(_: Organization, request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List the clinicians as a page: those named, without those left out, by name and by licence."""
    words, state = (args.get("keywords") or "").lower(), args.get("licensed_in_state")
    left_out = args.get("exclude_ids") or ()
    found = [
        each
        for each in _providers(request, args)
        if each.id not in left_out
        and words in full_name(each).lower()
        and (not state or licensed_in(request.world, each.id, state))
    ]
    return page(in_order(found, args, USER_ORDERS, "LAST_NAME_ASC"), args)


def _patients_count(_: Organization, request: Request, __: dict[str, Any]) -> int:
    return sum(each.is_patient and each.active for each in request.world.users)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.contactTypes": lambda *_: list(CONTACT_TYPES),
    "Query.embedWidgetSteps": _steps,
    "Query.sdkConfig": lambda *_: {"stripe_publishable_key": PUBLISHABLE_KEY},
    "Organization.appointment_locations": lambda _, request, __: list(request.world.appointment_locations),
    "Organization.cancellation_reasons": _cancellation_reasons,
    "Organization.num_users": _patients_count,
    "Organization.owner": lambda each, request, _: request.world.users.get(each.owner_id),
    "Organization.providers": _listed_providers,
    "Organization.only_active_providers": lambda _, request, args: _providers(request, args),
    "Organization.only_active_providers_count": lambda _, request, args: len(_providers(request, args)),
}
