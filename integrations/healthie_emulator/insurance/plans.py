"""Insurance plans, and which of them the practice and its clinicians accept."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.people import provider
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.resources.ordering import arranged, text
from integrations.healthie_emulator.state import Request, World

Given = dict[str, Any]


def is_accepted(world: World, plan: Item) -> bool:
    """Return whether the practice accepts a plan."""
    return items.first(world, "AcceptedInsurancePlan", insurance_plan_id=plan.id) is not None


def _matches(plan: Item, keywords: str | None) -> bool:
    return (keywords or "").casefold() in f"{plan.payer_name} {plan.payer_id}".casefold()


def _listed(request: Request, args: Given) -> Given:
    """List plans by the payer's name or id; accepted or custom ones alone if asked."""
    world = request.world
    ids = {str(i) for i in args.get("ids") or () if i}
    found = [
        plan
        for plan in world.items["InsurancePlan"]
        if (not ids or plan.id in ids)
        and _matches(plan, args.get("keywords"))
        and (not args.get("is_accepted") or is_accepted(world, plan))
        and (not args.get("is_custom") or plan.is_custom)
    ]
    found = arranged(found, args, {"PAYER_NAME": text("payer_name")}, "PAYER_NAME_ASC")
    if args.get("order_by") == "ACCEPTED" or args.get("sort_by") == "accepted":
        found.sort(key=lambda plan: not is_accepted(world, plan))
    return page(found, args)


def _accept(request: Request, given: Given) -> Given:
    """Put plans on the list of those that the practice accepts; one that is there already stays."""
    world, ids = request.world, [i for i in given.get("insurance_plan_ids") or () if i]
    if request.me.is_patient:
        raise not_allowed()
    if not ids or any(world.items["InsurancePlan"].get(i) is None for i in ids):
        return refused("Insurance plan must exist", field="insurance_plan_ids")
    accepted = [
        items.first(world, "AcceptedInsurancePlan", insurance_plan_id=i) or _put_on_list(world, i)
        for i in ids
    ]
    return {"accepted_insurance_plans": accepted, "appointment_setting": world.settings}


def _put_on_list(world: World, plan_id: str) -> Item:
    accepted = items.add(world, "AcceptedInsurancePlan", insurance_plan_id=plan_id)
    world.emit("accepted_insurance_plan.created", "AcceptedInsurancePlan", accepted.id)
    return accepted


def _refuse(request: Request, given: Given) -> Given:
    """Take a plan off that list: named by the entry's id, or by the plan's."""
    world = request.world
    if request.me.is_patient:
        raise not_allowed()
    accepted = world.items["AcceptedInsurancePlan"].get(given.get("id")) or items.first(
        world, "AcceptedInsurancePlan", insurance_plan_id=given.get("id")
    )
    if accepted is None:
        return refused("Accepted insurance plan not found", field="id")
    world.items["AcceptedInsurancePlan"].remove(accepted.id)
    for each in items.every(world, "ProviderAcceptedInsurancePlan", accepted_id=accepted.id):
        world.items["ProviderAcceptedInsurancePlan"].remove(each.id)
    world.emit("accepted_insurance_plan.deleted", "AcceptedInsurancePlan", accepted.id)
    return {"accepted_insurance_plan": accepted, "appointment_setting": world.settings}


def _of_provider(request: Request, args: Given) -> Given:
    clinician = provider(request.world, args["provider_id"])
    found = (
        items.every(request.world, "ProviderAcceptedInsurancePlan", provider_id=clinician.id)
        if clinician
        else []
    )
    return page(found, args)


def _plan(record: Item, request: Request, *_: Any) -> Item | None:
    return request.world.items["InsurancePlan"].get(record.insurance_plan_id)


def _of_practice(_organization: Any, request: Request, args: Given) -> Given:
    return page(
        [
            each
            for each in request.world.items["AcceptedInsurancePlan"]
            if (plan := _plan(each, request)) and _matches(plan, args.get("keywords"))
        ],
        args,
    )


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.insurancePlans": _listed,
    "Query.providerAcceptedInsurancePlans": _of_provider,
    "Mutation.createAcceptedInsurancePlan": _accept,
    "Mutation.deleteAcceptedInsurancePlan": _refuse,
    "AcceptedInsurancePlan.insurance_plan": _plan,
    "InsurancePlan.is_accepted": lambda plan, request, _: is_accepted(request.world, plan),
    "InsurancePlan.name_and_id": lambda plan, *_: f"{plan.payer_name} - {plan.payer_id}",
    "Organization.accepted_insurance_plans": _of_practice,
    "ProviderAcceptedInsurancePlanType.accepted_insurance_plan": lambda each, request, _: request.world.items[
        "AcceptedInsurancePlan"
    ].get(each.accepted_id),
    "ProviderAcceptedInsurancePlanType.organization": lambda _, request, __: request.world.organization,
    "ProviderAcceptedInsurancePlanType.provider": lambda each, request, _: request.world.users.get(
        each.provider_id
    ),
}
