"""Plans that the practice sells, public where they are shown to patients. Bought plans are in packages.py."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.amounts import decimals, from_minor
from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.coupons import first_price
from integrations.healthie_emulator.money_records import BillingItem, PackageSelection
from integrations.healthie_emulator.packages import under_purchase_cap
from integrations.healthie_emulator.people import provider as find_provider
from integrations.healthie_emulator.records import Offering, OfferingInclude
from integrations.healthie_emulator.state import Request, World

# How often a plan bills, for people. The guide shows the first; the others are written alike.
EVERY = {
    "Weekly": "a week",
    "Bi-Weekly": "every two weeks",
    "Every 4 Weeks": "every 4 weeks",
    "Every 8 Weeks": "every 8 weeks",
    "Monthly": "a month",
    "Quarterly": "a quarter",
    "Yearly": "a year",
}

VISIBLE = frozenset({"visible_to_all", "visible_to_specific_groups"})


def _public(offering: Offering) -> bool:
    return offering.show_offering and not offering.archived and offering.visibility_status == "visible_to_all"


def _for_groups_of(offering: Offering, request: Request) -> bool:
    """Return whether the key's owner is in a group that an offering is shown to."""
    group_id = getattr(request.actor.user, "user_group_id", None) if request.actor else None
    shown = offering.show_offering and offering.visibility_status == "visible_to_specific_groups"
    return shown and not offering.archived and group_id in offering.visible_to_group_ids


def _is_staff(request: Request) -> bool:
    return request.actor is not None and not request.actor.is_patient


def _offering(request: Request, args: dict[str, Any]) -> Offering | None:
    found = request.world.offerings.get(args.get("id"))
    if found is None or found.deleted_at is not None:
        return None
    return found if _is_staff(request) or _public(found) or _for_groups_of(found, request) else None


def _offerings(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List plans that are not archived, or with `status: archived` those; all but staff see what is shown to them.

    A `provider_id` of no clinician finds none.
    """
    world = request.world
    ids = {i for i in [args.get("offering_id"), *(args.get("offering_ids") or [])] if i}
    words = (args.get("keywords") or "").lower()
    sold_by = args.get("provider_id")
    found = (
        each
        for each in world.offerings
        if each.deleted_at is None
        and each.archived is (args.get("status") == "archived")
        and _is_shown(request, each, args)
        and (not ids or each.id in ids)
        and words in f"{each.name} {each.description} {from_minor(each.price, each.currency)}".lower()
        and (sold_by is None or find_provider(world, sold_by))
    )
    return page(in_order(found, args, _orders(world), "SET_ORDER_ASC"), args)


def _is_shown(request: Request, offering: Offering, args: dict[str, Any]) -> bool:
    group_id, visibility = args.get("offering_user_group_id"), args.get("client_visibility")
    if group_id and group_id not in offering.visible_to_group_ids:
        return False
    if visibility in ("visible", "hidden") and (offering.visibility_status in VISIBLE) is not (
        visibility == "visible"
    ):
        return False
    if args.get("show_only_visible") and not _public(offering):
        return False
    shown_to_patients = _public(offering) or _for_groups_of(offering, request)
    return shown_to_patients or (_is_staff(request) and not args.get("only_client_visible"))


def _orders(world: World) -> dict[str, Callable[[Offering], Any]]:
    return {
        "SET_ORDER": lambda each: each.row_order,
        "PRICE": lambda each: each.price,
        "NAME": lambda each: each.name.lower(),
        "SET": lambda each: each.row_order,  # of SET_ORDER, which has no direction
        "BEST": lambda each: -len(_sold(each, world)),
    }


def _sold(offering: Offering, world: World) -> list[PackageSelection]:
    return [each for each in world.package_selections if each.offering_id == offering.id]


def _payments(offering: Offering, world: World) -> list[BillingItem]:
    return [
        item for item in world.billing_items if item.offering_id == offering.id and item.deleted_at is None
    ]


def _revenue(offering: Offering, request: Request, _: object) -> float:
    paid = sum(item.amount for item in _payments(offering, request.world) if item.state == "SUCCEEDED")
    return float(paid / 10 ** decimals(offering.currency))


def _includes(offering: Offering, request: Request, args: dict[str, Any]) -> list[OfferingInclude]:
    wanted, only_bookable = args.get("appointment_type_id"), args.get("only_bookable_by_client")
    kinds = request.world.appointment_types
    return [
        each
        for each in offering.includes
        if wanted in {None, each.appointment_type_id}
        and (not only_bookable or getattr(kinds.get(each.appointment_type_id), "clients_can_book", False))
    ]


def _initial_price(offering: Offering, *_: Any) -> str:
    return from_minor(first_price(offering), offering.currency)


def _initial_payment(offering: Offering, *_: Any) -> str:
    """Write the first payment, which is the price unless it has one of its own."""
    own = offering.first_time_payment
    return from_minor(offering.price if own is None else own, offering.currency)


def _amount(name: str) -> Callable[..., str | None]:
    def read(record: Any, *_: Any) -> str | None:
        amount = getattr(record, name)
        return None if amount is None else from_minor(amount, record.currency)

    return read


RESOLVERS = {
    "Query.offering": _offering,
    "Query.offerings": _offerings,
    "Offering.price": _amount("price"),
    "Offering.first_time_payment": _amount("first_time_payment"),
    "Offering.initial_payment_amount": _initial_payment,
    "Offering.initial_price_with_taxes": _initial_price,
    "Offering.ask_for_cc": lambda offering, *_: offering.price > 0,
    "Offering.show_price": lambda *_: True,
    "Offering.user_pays": lambda *_: True,
    "Offering.user_id": lambda offering, request, _: offering.user_id or request.world.organization.owner_id,
    "Offering.user": lambda offering, request, _: request.world.users.get(
        offering.user_id or request.world.organization.owner_id
    ),
    "Offering.frequency_times_string": lambda offering, *_: EVERY.get(offering.billing_frequency, ""),
    "Offering.abbreviated_frequency_times_string": lambda *_: "",
    "Offering.billing_items_count": lambda offering, request, _: len(_payments(offering, request.world)),
    "Offering.user_package_selections_count": lambda offering, request, _: len(
        _sold(offering, request.world)
    ),
    "Offering.total_revenue": _revenue,
    "Offering.offering_includes": _includes,
    "Offering.offering_includes_count": lambda offering, *_: len(offering.includes),
    "Offering.under_purchase_cap": lambda offering, request, _: under_purchase_cap(request.world, offering),
    "OfferingInclude.offering_id": lambda include, request, _: next(
        (each.id for each in request.world.offerings if include in each.includes), None
    ),
    "OfferingInclude.created_at": lambda _, request, __: request.world.organization.created_at,
    "OfferingInclude.updated_at": lambda _, request, __: request.world.organization.created_at,
    "OfferingInclude.appointment_type": lambda include, request, _: request.world.appointment_types.get(
        include.appointment_type_id
    ),
}
