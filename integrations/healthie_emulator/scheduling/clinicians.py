"""Whose time a question about availability is of."""

from typing import Any

from integrations.healthie_emulator.people import licensed_in, provider, providers
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.state import Request, World


def asked_for(request: Request, args: dict[str, Any]) -> list[str]:
    """Return the ids of the clinicians meant: one; with `org_level` those of `provider_ids`, or all.

    `exclude_provider_ids` and `tag_ids` do nothing without `org_level`.
    """
    world = request.world
    asked: list[str] = [args.get("provider_id") or ""]
    left_out: list[str] = []
    tag_ids: list[str] = []
    if args.get("org_level"):
        asked = args.get("provider_ids") or [user.id for user in providers(world)]
        left_out = args.get("exclude_provider_ids") or []
        tag_ids = args.get("tag_ids") or []
    state: str = args.get("licensed_in_state") or ""
    plan_id = args.get("accepts_insurance_plan_id")
    return [
        each
        for each in dict.fromkeys(asked)
        if provider(world, each)
        and each not in left_out
        and all(items.first(world, "AppliedTag", tag_id=tag_id, user_id=each) for tag_id in tag_ids)
        and (not state or licensed_in(world, each, state))
        and (not plan_id or _accepts(world, each, plan_id))
    ]


def _accepts(world: World, clinician_id: str, plan_id: str) -> bool:
    """Return whether a clinician accepts an insurance plan."""
    accepted = items.first(world, "AcceptedInsurancePlan", insurance_plan_id=plan_id)
    return accepted is not None and bool(
        items.first(world, "ProviderAcceptedInsurancePlan", provider_id=clinician_id, accepted_id=accepted.id)
    )
