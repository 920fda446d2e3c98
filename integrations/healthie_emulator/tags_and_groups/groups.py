"""Groups of patients (`UserGroup`): each patient is in one at most, and a group may have an intake flow."""

import hashlib
from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.errors import not_allowed
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.resources.ordering import BY_DATE, arranged, text
from integrations.healthie_emulator.resources.resource import Given, Resource, found, resolvers
from integrations.healthie_emulator.state import Request, World


def members(world: World, group_id: object) -> list[User]:
    """Return the patients of a group."""
    return [user for user in world.users if group_id is not None and user.user_group_id == str(group_id)]


def _move_members(request: Request, group: Item, given: Given) -> None:
    """Give the patients of a deleted group the one that is to receive them, or none."""
    world = request.world
    heir = world.items["UserGroup"].get(given.get("group_to_receive_clients"))
    for user in members(world, group.id):
        world.users.change(user.id, user_group_id=heir.id if heir else None)


GROUP = Resource(
    kind="UserGroup",
    payload="user_group",
    create="createGroup",
    update="updateUserGroup",
    delete="deleteUserGroup",
    plain=("name", "onboarding_flow_id"),
    required={"name": "Name"},
    refers={"onboarding_flow_id": "OnboardingFlow"},
    derive=lambda request, _, found: {} if found else {"user_id": request.me.user.id},
    clear=_move_members,
)


def invite_code(world: World, record_id: str) -> str:
    """Return the code with which patients sign up to a group or a clinician."""
    return hashlib.sha256(f"{world.seed}:invite:{record_id}".encode()).hexdigest()[:6]


def _one(request: Request, args: dict[str, Any]) -> Item | None:
    return found(request, GROUP, args.get("id"))


def listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List the practice's groups, by name unless told otherwise. Staff only."""
    world = request.world
    if request.me.is_patient:
        raise not_allowed()
    words = (args.get("keywords") or "").casefold()
    groups = [group for group in world.items["UserGroup"] if words in group.name.casefold()]
    keys = {
        **BY_DATE,
        "NAME": text("name"),
        "INVITE_CODE": lambda group: invite_code(world, group.id),
        "USERS_COUNT": lambda group: len(members(world, group.id)),
    }
    old = {"name": "NAME_ASC", "invite_code": "INVITE_CODE_ASC"}
    old |= {f"group_name_{way}": f"NAME_{way.upper()}" for way in ("asc", "desc")}
    return page(arranged(groups, args, keys, "NAME_ASC", old_words=old), args)


def _seen_members(group: Item, request: Request, args: dict[str, Any]) -> list[User]:
    wanted = args.get("active_status")
    return [
        user
        for user in members(request.world, group.id)
        if request.me.sees_patient(user.id) and (not wanted or user.active is (wanted != "archived"))
    ]


def group_of(user: User, request: Request, *_: Any) -> Item | None:
    """Return the group of a patient."""
    return request.world.items["UserGroup"].get(user.user_group_id)


def _group_name(user: User, request: Request, *_: Any) -> str | None:
    group = group_of(user, request)
    return group.name if group else None


RESOLVERS: dict[str, Callable[..., Any]] = {
    **resolvers(GROUP),
    "Query.userGroup": _one,
    "Query.userGroups": listed,
    "UserGroup.doc_share_id": lambda group, *_: f"group-{group.id}",
    "UserGroup.invite_code": lambda group, request, _: invite_code(request.world, group.id),
    "UserGroup.onboarding_flow": lambda group, request, _: request.world.items["OnboardingFlow"].get(
        group.onboarding_flow_id
    ),
    "UserGroup.recurring_forms_count": lambda *_: 0,
    "UserGroup.user": lambda group, request, _: request.world.users.get(group.user_id),
    "UserGroup.users": _seen_members,
    "UserGroup.user_ids": lambda group, request, args: [
        user.id for user in _seen_members(group, request, args)
    ],
    "UserGroup.users_count": lambda group, request, _: len(members(request.world, group.id)),
    "Organization.user_groups": lambda _, request, __: (
        list(request.world.items["UserGroup"]) if request.actor and not request.me.is_patient else None
    ),
    "User.group_name": _group_name,
    "User.user_group": group_of,
    "User.user_groups": lambda user, request, args: (
        listed(request, args) if user.is_active_provider and not request.me.is_patient else page((), args)
    ),
    "User.has_user_groups": lambda user, request, _: bool(
        items.every(request.world, "UserGroup", user_id=user.id)
    ),
}
