"""Sign-up: a visitor without a key becomes a patient of a clinician or of a group."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.chat.conversations import begin_with_clinician
from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.people import provider, providers
from integrations.healthie_emulator.profiles import accounts
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.tags_and_groups.groups import invite_code

Given = dict[str, Any]


def _sign_up(request: Request, given: Given) -> Given:
    """Make a patient: names, email, a strong password, `role: patient`, and whose patient it is to be."""
    world = request.world
    refusal = _what_is_wrong(world, given)
    if refusal:
        return refusal
    clinician, group_id = _meant(world, given)
    if clinician is None:
        return refused("Provider can't be blank", field="dietitian_id")
    made = world.users.add(
        first_name=given["first_name"],
        last_name=given["last_name"],
        email=given["email"],
        phone_number=given.get("phone_number"),
        legal_name=given.get("legal_name"),
        timezone=given.get("timezone") or clinician.timezone,
        dietitian_id=clinician.id,
        user_group_id=group_id,
        has_created_password=True,
        is_patient=True,
    )
    begin_with_clinician(world, made)
    token = invite_code(world, f"session-{made.id}")
    return {"user": made, "token": token, "nextRequiredStep": None, "initialMessage": None}


def _what_is_wrong(world: World, given: Given) -> Given | None:
    for name in ("first_name", "last_name", "email", "password", "role"):
        if not (given.get(name) or "").strip():
            return refused(f"{name.replace('_', ' ').capitalize()} can't be blank", field=name)
    if given["role"] != "patient":
        return refused("Role is invalid", field="role")
    return accounts.what_is_wrong(world, given) or accounts.taken(world, given)


def _meant(world: World, given: Given) -> tuple[User | None, str | None]:
    """Return whose patient it is to be, and in which group: `invite_code` is a clinician's or a group's."""
    code, named = given.get("invite_code"), provider(world, given.get("dietitian_id"))
    group = next((g for g in world.items["UserGroup"] if code and invite_code(world, g.id) == code), None)
    invited_by = next((u for u in providers(world) if code and invite_code(world, u.id) == code), None)
    owner = next(iter(providers(world)), None) if group else None
    return named or invited_by or owner, group.id if group else None


RESOLVERS: dict[str, Callable[..., Any]] = {"Mutation.signUp": _sign_up}
