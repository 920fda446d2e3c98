"""Policies: what a patient is insured with. No mutation of their own writes them, `updateClient` and `updateUser` do."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.state import Request, World

PLAIN = (
    *(
        "copay_value",
        "coinsurance_value",
        "group_num",
        "holder_dob",
        "holder_first",
        "holder_gender",
        "holder_last",
    ),
    *("holder_location", "holder_mi", "holder_phone", "holder_relationship", "insurance_billing_method"),
    *("insurance_card_back_id", "insurance_card_front_id", "insurance_plan_id", "metadata", "name", "num"),
    *("payer_location", "policy_phone_number", "priority_type", "same_address_as_client", "type_string"),
)
PRIORITIES = ("primary", "secondary", "inactive")
BILLING_METHODS = frozenset({"no_billing_method", "copay", "coinsurance", "unmet_deductible"})

Given = dict[str, Any]


def check(world: World, user_id: str, listed: list[Given]) -> Given | None:
    """Refuse a policy that is not the patient's, a plan that does not exist, and words that are none."""
    for given in listed:
        if given.get("id") and _own(world, user_id, given["id"]) is None:
            return refused("Policy not found", field="policies")
        if given.get("insurance_plan_id") and not world.items["InsurancePlan"].get(
            given["insurance_plan_id"]
        ):
            return refused("Insurance plan must exist", field="policies")
        if given.get("priority_type") not in (None, "", *PRIORITIES):
            return refused("Priority type is invalid", field="policies")
        if given.get("insurance_billing_method") not in (None, "", *BILLING_METHODS):
            return refused("Insurance billing method is invalid", field="policies")
    return None


def write(world: World, user_id: str, listed: list[Given]) -> None:
    """Add a policy for each entry without an id, change the others, and delete those with `_destroy`."""
    for given in listed:
        values = {name: given[name] for name in PLAIN if given.get(name) is not None}
        if named := (given.get("insurance_plan") or {}).get("payer_name"):
            plan = items.add(world, "InsurancePlan", payer_name=named, payer_id=None, is_custom=True)
            values["insurance_plan_id"] = plan.id
        found = _own(world, user_id, given.get("id"))
        if found is None:
            values.setdefault("priority_type", "primary")
            values.setdefault("insurance_billing_method", "no_billing_method")
            made = items.add(world, "Policy", user_id=user_id, **values)
            world.emit("policy.created", "Policy", made.id)
        elif given.get("_destroy"):
            world.items["Policy"].remove(found.id)
            world.emit("policy.deleted", "Policy", found.id)
        elif changed := {name: value for name, value in values.items() if getattr(found, name) != value}:
            items.change(world, "Policy", found.id, **changed)
            world.emit("policy.updated", "Policy", found.id, tuple(changed))


def _own(world: World, user_id: str, policy_id: object) -> Item | None:
    found = world.items["Policy"].get(policy_id)
    return found if found and found.user_id == user_id else None


def visible(request: Request, policy_id: object) -> Item | None:
    """Return a policy that exists for the actor."""
    found = request.world.items["Policy"].get(policy_id)
    return found if found and request.me.sees_patient(found.user_id) else None


def policies_of(user: User, request: Request, *, active: bool = False) -> list[Item] | None:
    """Return a patient's policies, primary first; None for whom the actor may not see."""
    if request.actor is None or not user.is_patient or not request.me.sees_patient(user.id):
        return None
    found = items.every(request.world, "Policy", user_id=user.id)
    found.sort(key=lambda policy: PRIORITIES.index(policy.priority_type or "primary"))
    return [policy for policy in found if not active or policy.priority_type != "inactive"]


def _primary(user: User, request: Request, *_: Any) -> Item | None:
    found = policies_of(user, request, active=True) or []
    return next((policy for policy in found if policy.priority_type == "primary"), None)


def _address(name: str) -> Callable[..., Item | None]:
    def read(policy: Item, *_: Any) -> Item | None:
        given = getattr(policy, name)
        dated = {"created_at": policy.created_at, "updated_at": policy.updated_at}
        return Item(id=policy.id, values=given, **dated) if given else None

    return read


def _holder_name(policy: Item, *_: Any) -> str | None:
    return " ".join(part for part in (policy.holder_first, policy.holder_last) if part) or None


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.policy": lambda request, args: visible(request, args.get("id")),
    "Policy.holder_location": _address("holder_location"),
    "Policy.holder_name": _holder_name,
    "Policy.payer_location": _address("payer_location"),
    "Policy.insurance_plan": lambda policy, request, _: request.world.items["InsurancePlan"].get(
        policy.insurance_plan_id
    ),
    "Policy.latest_eligibility_check": lambda policy, request, _: next(
        reversed(items.every(request.world, "EligibilityCheck", policy_id=policy.id)), None
    ),
    "Policy.insurance_authorization": lambda policy, request, _: items.first(
        request.world, "InsuranceAuthorization", user_id=policy.user_id
    ),
    "Policy.user": lambda policy, request, _: request.world.users.get(policy.user_id),
    "User.policies": lambda user, request, args: policies_of(user, request, active=bool(args.get("active"))),
    "User.policiesOrderAscending": lambda user, request, _: policies_of(user, request),
    "User.primary_insurance_policy": _primary,
}
