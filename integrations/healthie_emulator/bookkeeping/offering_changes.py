"""Mutations that make, change, copy and delete packages, as Healthie's guide on packages has them. Staff only."""

import dataclasses
from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.amounts import PRACTICE_CURRENCY, recurs, to_minor
from integrations.healthie_emulator.errors import Refusal, not_allowed, refused
from integrations.healthie_emulator.records import Offering, OfferingInclude
from integrations.healthie_emulator.state import Request, World

VISIBILITIES = ("hidden", "visible_to_all", "visible_to_specific_groups")
SMALLEST_PRICE = 50  # minor units; what Stripe charges at least, unless a package is free

PLAIN_FIELDS = (
    "can_be_gifted",
    "charge_immediately",
    "description",
    "embed_question_form_id",
    "name",
    "override_group_on_purchase",
    "repeat_times",
    "require_booking_purchase",
    "row_order",
    "show_free_text",
    "show_offering",
    "user_group_id",
    "user_id",
    "video_url",
)


def create(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Put a package on the price list, hidden unless `visibility_status` says otherwise."""
    if request.me.is_patient:
        raise not_allowed()
    world = request.world
    for name, words in (("name", "Name"), ("billing_frequency", "Billing frequency")):
        if not given.get(name):
            return refused(f"{words} can't be blank", field=name, offering=None)
    try:
        values = _read(world, given, PRACTICE_CURRENCY, ())
    except Refusal as refusal:
        return refusal.payload(offering=None)
    made = world.offerings.add(**{"description": "", "row_order": len(world.offerings), **values})
    return {"offering": made, "messages": None}


def update(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Change a package or archive it; series that were bought go on at the price that they started with."""
    world, offering = request.world, _named(request, given)
    if offering is None:
        return refused("Offering not found", field="id", offering=None)
    try:
        changes = _read(world, given, offering.currency, offering.includes)
    except Refusal as refusal:
        return refusal.payload(offering=None)
    if given.get("archived") is not None:
        changes["archived"] = given["archived"]
    if given.get("has_first_payment") is False:
        changes["first_time_payment"] = None
    return {"offering": world.offerings.change(offering.id, **changes), "messages": None}


def copy(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Put the same package on the price list once more."""
    world, offering = request.world, _named(request, given)
    if offering is None:
        return refused("Offering not found", field="id", offering=None)
    own = {"id", "created_at", "updated_at"}
    values = {each.name: getattr(offering, each.name) for each in dataclasses.fields(offering)}
    made = world.offerings.add(**{name: value for name, value in values.items() if name not in own})
    includes = tuple(dataclasses.replace(each, id=world.offerings.new_id()) for each in offering.includes)
    named = world.offerings.change(made.id, name=f"Copy of {offering.name}", includes=includes)
    return {"offering": named, "messages": None}


def delete(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Take a package off every list; who bought it keeps it."""
    offering = _named(request, given)
    if offering is None:
        return refused("Offering not found", field="id", offering=None)
    gone = request.world.offerings.change(offering.id, deleted_at=request.world.clock.now())
    return {"offering": gone, "messages": None}


def _named(request: Request, given: dict[str, Any]) -> Offering | None:
    if request.me.is_patient:
        raise not_allowed()
    found = request.world.offerings.get(given.get("id"))
    return found if found and found.deleted_at is None else None


def _read(
    world: World, given: dict[str, Any], currency: str, includes: tuple[OfferingInclude, ...]
) -> dict[str, Any]:
    """Read what was sent."""
    values = {name: given[name] for name in PLAIN_FIELDS if given.get(name) is not None}
    if given.get("price") is not None:
        values["price"] = _price(given["price"], currency, "price")
    if given.get("first_time_payment"):
        values["first_time_payment"] = _price(given["first_time_payment"], currency, "first_time_payment")
    if (frequency := given.get("billing_frequency")) is not None:
        if frequency != "One-Time" and not recurs(frequency):
            raise Refusal("billing_frequency", "Billing frequency is not included in the list")
        values["billing_frequency"] = frequency
    if (visibility := given.get("visibility_status")) is not None:
        if visibility not in VISIBILITIES:
            raise Refusal("visibility_status", "Visibility status is not included in the list")
        values["visibility_status"] = visibility
    if given.get("user_group_ids") is not None:
        values["visible_to_group_ids"] = tuple(str(each) for each in given["user_group_ids"] if each)
    if given.get("max_purchases"):
        values["max_purchases"] = _count(given["max_purchases"], "max_purchases")
    if given.get("offering_includes") is not None:
        values["includes"] = _includes(world, given["offering_includes"], includes)
    return values


def _price(text: str, currency: str, field: str) -> int:
    price = to_minor(text, currency)
    if price is None:
        raise Refusal(field, "Price is not a number")
    if 0 < price < SMALLEST_PRICE:
        raise Refusal(field, "Price is below the minimum")
    return price


def _count(text: str | None, field: str) -> int:
    if not (text and text.isascii() and text.isdigit() and len(text) < 6):  # noqa: PLR2004 - no one sells a million
        raise Refusal(field, "is not a number")
    return int(text)


def _includes(
    world: World, given: list[dict[str, Any] | None], before: tuple[OfferingInclude, ...]
) -> tuple[OfferingInclude, ...]:
    """Read the whole list of visits that a package includes; one with the id of an earlier one changes that."""
    known = {each.id: each for each in before}
    read = []
    for each in given:
        if each is None:
            continue
        old = known.get(str(each.get("id")))
        type_id = each.get("appointment_type_id") or (old.appointment_type_id if old else None)
        if type_id is None or world.appointment_types.get(type_id) is None:
            raise Refusal("offering_includes", "Appointment type not found")
        quantity = each.get("quantity") or (str(old.quantity) if old else "1")
        flags = {
            name: each[name]
            for name in ("is_repeating", "required_appointment_type")
            if each.get(name) is not None
        }
        made = OfferingInclude(
            id=old.id if old else world.offerings.new_id(),
            appointment_type_id=str(type_id),
            quantity=_count(quantity, "offering_includes"),
            **flags,
        )
        read.append(made)
    return tuple(read)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Mutation.createOffering": create,
    "Mutation.updateOffering": update,
    "Mutation.copyOffering": copy,
    "Mutation.deleteOffering": delete,
}
