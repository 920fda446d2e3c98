"""Plans that the practice sells, public where they are shown to patients. Bought plans are in packages.py."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.amounts import from_minor
from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.packages import under_purchase_cap
from integrations.healthie_emulator.people import provider as find_provider
from integrations.healthie_emulator.records import Offering, OfferingInclude
from integrations.healthie_emulator.state import Request


def _public(offering: Offering) -> bool:
    return offering.show_offering and not offering.archived


def _is_staff(request: Request) -> bool:
    return request.actor is not None and not request.actor.is_patient


def _offering(request: Request, args: dict[str, Any]) -> Offering | None:
    found = request.world.offerings.get(args.get("id"))
    return found if found and (_public(found) or _is_staff(request)) else None


def _offerings(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List plans; all but staff see what is shown to patients. A `provider_id` of no clinician finds none."""
    world = request.world
    only_public = not _is_staff(request) or args.get("show_only_visible") or args.get("only_client_visible")
    ids = {i for i in [args.get("offering_id"), *(args.get("offering_ids") or [])] if i}
    words = (args.get("keywords") or "").lower()
    sold_by = args.get("provider_id")
    found = (
        each
        for each in world.offerings
        if (_public(each) or not only_public)
        and (not ids or each.id in ids)
        and words in f"{each.name} {each.description}".lower()
        and (sold_by is None or find_provider(world, sold_by))
        and {"active": not each.archived, "archived": each.archived}.get(args.get("status") or "", True)
    )
    orders: dict[str, Callable[[Offering], Any]] = {
        "PRICE": lambda each: each.price,
        "NAME": lambda each: each.name.lower(),
    }
    return page(in_order(found, args, orders), args)


def _includes(offering: Offering, _request: Request, args: dict[str, Any]) -> list[OfferingInclude]:
    wanted = args.get("appointment_type_id")
    return [each for each in offering.includes if wanted in {None, each.appointment_type_id}]


def _initial_price(offering: Offering, *_: Any) -> str:
    first = offering.price if offering.initial_payment_amount is None else offering.initial_payment_amount
    return from_minor(
        first if offering.initial_price_with_taxes is None else offering.initial_price_with_taxes,
        offering.currency,
    )


def _amount(name: str) -> Callable[..., str | None]:
    def read(record: Any, *_: Any) -> str | None:
        amount = getattr(record, name)
        return None if amount is None else from_minor(amount, record.currency)

    return read


RESOLVERS = {
    "Query.offering": _offering,
    "Query.offerings": _offerings,
    "Offering.price": _amount("price"),
    "Offering.initial_payment_amount": _amount("initial_payment_amount"),
    "Offering.initial_price_with_taxes": _initial_price,
    "Offering.charge_immediately": lambda *_: True,
    "Offering.require_booking_purchase": lambda *_: False,
    "Offering.show_price": lambda *_: True,
    "Offering.user_pays": lambda *_: True,
    "Offering.user_id": lambda _, request, __: request.world.organization.owner_id,
    "Offering.offering_includes": _includes,
    "Offering.offering_includes_count": lambda offering, *_: len(offering.includes),
    "Offering.under_purchase_cap": lambda offering, request, _: under_purchase_cap(request.world, offering),
    "OfferingInclude.created_at": lambda _, request, __: request.world.organization.created_at,
    "OfferingInclude.updated_at": lambda _, request, __: request.world.organization.created_at,
    "OfferingInclude.is_repeating": lambda *_: False,
    "OfferingInclude.required_appointment_type": lambda *_: True,
    "OfferingInclude.appointment_type": lambda include, request, _: request.world.appointment_types.get(
        include.appointment_type_id
    ),
}
