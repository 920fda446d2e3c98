"""Tags: staff put them on patients and members. A tag can be wired to a package, and then applying it charges the patient."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.cards import default_card
from integrations.healthie_emulator.charging import take_payment
from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.people import full_name
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.resources.ordering import BY_DATE, arranged, text
from integrations.healthie_emulator.resources.resource import Given, Refused, Resource, exists, resolvers
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.stripe import StripeError


def _name_is_free(request: Request, given: Given, found: Item | None) -> Refused:
    """Refuse a name that the same member gave a tag already: tags are unique for each account."""
    owner_id = found.user_id if found else request.me.user.id
    same = (
        tag
        for tag in items.every(request.world, "Tag", user_id=owner_id)
        if tag.name.casefold() == (given.get("name") or "").strip().casefold()
        and (found is None or tag.id != found.id)
    )
    if next(same, None):
        return refused("Name has already been taken", field="name")
    return None


def _remove_from_all(request: Request, tag: Item, _given: Given) -> None:
    for applied in items.every(request.world, "AppliedTag", tag_id=tag.id):
        request.world.items["AppliedTag"].remove(applied.id)


def _apply_at_once(request: Request, tag: Item, given: Given) -> None:
    if given.get("taggable_user_id"):
        apply_tag(request.world, tag.id, given["taggable_user_id"])


TAG = Resource(
    kind="Tag",
    payload="tag",
    create="createTag",
    update="updateTag",
    delete="deleteTag",
    plain=("name",),
    required={"name": "Name"},
    refers={"taggable_user_id": "User"},
    check=_name_is_free,
    derive=lambda request, _, found: {} if found else {"user_id": request.me.user.id},
    settle=_apply_at_once,
    clear=_remove_from_all,
)


def apply_tag(world: World, tag_id: str, user_id: str) -> Item | None:
    """Put a tag on a user, once; a tag that is wired to a package makes the patient buy it."""
    tag = world.items["Tag"].get(tag_id)
    if tag is None or items.first(world, "AppliedTag", tag_id=tag.id, user_id=user_id):
        return tag
    applied = items.add(world, "AppliedTag", tag_id=tag.id, user_id=user_id)
    world.emit("applied_tag.created", "AppliedTag", applied.id, tag_id=tag.id, user_id=user_id)
    _charge_for(world, tag, user_id)
    return tag


def _charge_for(world: World, tag: Item, user_id: str) -> None:
    """Charge the default card for the package of a tag; a decline leaves a failed payment, no card leaves nothing."""
    offering, card = world.offerings.get(tag.offering_id), default_card(world, user_id)
    patient = world.users[user_id]
    if offering is None or card is None or not patient.is_patient:
        return
    values = {
        "sender_id": user_id,
        "recipient_id": patient.dietitian_id or world.organization.owner_id,
        "amount": offering.price,
        "currency": offering.currency,
        "offering_id": offering.id,
    }
    try:
        take_payment(world, card=card, key=None, values=values)
    except StripeError:
        return  # the failed payment is on record; the tag stays


def _apply(request: Request, given: Given) -> dict[str, Any]:
    """Put several tags on one patient or member."""
    world, ids = request.world, [i for i in given["ids"] if i]
    if request.me.is_patient:
        raise not_allowed()
    if not exists(request, "User", given["taggable_user_id"]):
        return refused("User must exist", field="taggable_user_id")
    if not ids or any(world.items["Tag"].get(i) is None for i in ids):
        return refused("Tag must exist", field="ids")
    return {"tags": [apply_tag(world, i, given["taggable_user_id"]) for i in ids]}


def _take_off(request: Request, given: Given) -> dict[str, Any]:
    """Take a tag off a user; what it charged stays charged."""
    world = request.world
    if request.me.is_patient:
        raise not_allowed()
    tag, user_id = world.items["Tag"].get(given.get("id")), given.get("taggable_user_id")
    applied = items.first(world, "AppliedTag", tag_id=tag.id, user_id=user_id) if tag else None
    if tag is None or applied is None:
        return refused("Tag not found", field="id")
    world.items["AppliedTag"].remove(applied.id)
    world.emit("applied_tag.deleted", "AppliedTag", applied.id, tag_id=tag.id, user_id=applied.user_id)
    return {"tag": tag}


def _applied(request: Request, args: dict[str, Any]) -> Item | None:
    """Return who has which tag. Staff only."""
    if request.me.is_patient:
        raise not_allowed()
    return request.world.items["AppliedTag"].get(args.get("id"))


def _tagged(tag: Item, request: Request) -> list[User]:
    users = (
        request.world.users.get(applied.user_id)
        for applied in items.every(request.world, "AppliedTag", tag_id=tag.id)
    )
    return [user for user in users if user and request.me.sees_patient(user.id)]


def _count(meant: Callable[[User], bool]) -> Callable[..., Any]:
    def count(tag: Item, request: Request, _args: dict[str, Any]) -> int:
        return sum(meant(user) for user in _tagged(tag, request))

    return count


def _owner_name(tag: Item, request: Request, *_: Any) -> str | None:
    owner = request.world.users.get(tag.user_id)
    return full_name(owner) if owner else None


def _listed(request: Request, args: dict[str, Any]) -> list[Item]:
    """List the practice's tags, by name unless told otherwise. Staff only."""
    if request.me.is_patient:
        raise not_allowed()
    ids = {str(i) for i in args.get("ids") or () if i}
    found = [
        tag
        for tag in request.world.items["Tag"]
        if (not ids or tag.id in ids)
        and (not args.get("applied_to_providers") or any(not u.is_patient for u in _tagged(tag, request)))
    ]
    keys = {
        **BY_DATE,
        "NAME": text("name"),
        "ACTIVE_USERS": lambda tag: sum(user.is_patient and user.active for user in _tagged(tag, request)),
        "ORG_MEMBERS": lambda tag: sum(not user.is_patient for user in _tagged(tag, request)),
        "ADDED_BY": lambda tag: _owner_name(tag, request) or "",
    }
    return arranged(found, args, keys, "NAME_ASC")


def _tags_of(user: User, request: Request, *_: Any) -> list[Item] | None:
    if request.actor is None or request.me.is_patient:
        return None
    applied = items.every(request.world, "AppliedTag", user_id=user.id)
    return [request.world.items["Tag"][each.tag_id] for each in applied]


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.appliedTag": _applied,
    "AppliedTag.tag": lambda applied, request, _: request.world.items["Tag"].get(applied.tag_id),
    "AppliedTag.user": lambda applied, request, _: request.world.users.get(applied.user_id),
    **resolvers(TAG),
    "Query.tags": _listed,
    "Mutation.bulkApply": _apply,
    "Mutation.removeAppliedTag": _take_off,
    "Tag.active_users_count": _count(lambda user: user.is_patient and user.active),
    "Tag.added_by": _owner_name,
    "Tag.archived_users_count": _count(lambda user: user.is_patient and not user.active),
    "Tag.org_members_count": _count(lambda user: not user.is_patient),
    "Tag.patients_tagged_count": _count(lambda user: user.is_patient),
    "Tag.providers_tagged_count": _count(lambda user: not user.is_patient),
    "Tag.tagged_users": lambda tag, request, args: page(_tagged(tag, request), args),
    "Tag.user": lambda tag, request, _: request.world.users.get(tag.user_id),
    "Organization.tags": lambda _, request, __: (
        list(request.world.items["Tag"]) if request.actor and not request.me.is_patient else None
    ),
    "User.active_tags": _tags_of,
}
