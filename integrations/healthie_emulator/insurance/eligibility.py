"""Checks of eligibility and authorizations: whether, and for how many visits, an insurance pays."""

import json
from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.insurance.policies import visible
from integrations.healthie_emulator.people import patient
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.state import Request

SERVICE = "claim_md"  # the other, change_health, was discontinued and is still the default
OFFICE_VISIT = "98"  # service type code of a professional visit in an office


def _run(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Ask the payer about a policy. Staff only, and only with the service that the practice pays for."""
    if request.me.is_patient:
        raise not_allowed()
    policy = visible(request, given.get("id"))
    if policy is None:
        return refused("Policy not found", field="id")
    enabled = request.world.switches.eligibility_checks_enabled
    if given.get("eligibility_check_service") != SERVICE or not enabled:
        return refused("Eligibility check service is not enabled", field="eligibility_check_service")
    if policy.insurance_plan_id is None or not policy.num:
        return refused("Policy number and insurance plan can't be blank", field="base")
    codes = [code for code in given.get("service_codes") or () if code] or [OFFICE_VISIT]
    covered = policy.priority_type != "inactive"
    response = {"active": covered, "benefits": [{"service_code": code, "covered": covered} for code in codes]}
    check = items.add(request.world, "EligibilityCheck", policy_id=policy.id, response=json.dumps(response))
    return {"eligibility_check": check}


def _authorization(request: Request, args: dict[str, Any]) -> Item | None:
    """Return an authorization by its id, or that of a patient."""
    world = request.world
    found = world.items["InsuranceAuthorization"].get(args.get("id"))
    if found is None:
        client = patient(request, args.get("client_id"))
        found = items.first(world, "InsuranceAuthorization", user_id=client.id) if client else None
    return found if found and request.me.sees_patient(found.user_id) else None


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.insuranceAuthorization": _authorization,
    "Mutation.runEligibilityCheck": _run,
    "EligibilityCheck.policy": lambda check, request, _: visible(request, check.policy_id),
    "User.insurance_authorization": lambda user, request, _: (
        items.first(request.world, "InsuranceAuthorization", user_id=user.id)
        if request.actor and request.me.sees_patient(user.id)
        else None
    ),
}
