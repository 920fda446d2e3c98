"""Who may see a document: its owner, the patient whom it is about if it is shared, and everyone it is shared with."""

from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.tags_and_groups.groups import members


def shared_with(world: World, document: Item) -> list[User]:
    """Return the users with whom a document is shared, those of groups among them."""
    found: dict[str, User] = {}
    for share_id in document.share_users or ():
        kind, _, record_id = str(share_id).partition("-")
        if kind == "group":
            found |= {user.id: user for user in members(world, record_id)}
        elif user := world.users.get(record_id):
            found[user.id] = user
    about = world.users.get(document.rel_user_id)
    if about and document.share_with_rel:
        found[about.id] = about
    return list(found.values())


def shared_group_ids(document: Item) -> list[str]:
    """Return the groups with whom a document is shared."""
    return [s.removeprefix("group-") for s in document.share_users or () if str(s).startswith("group-")]


def can_view(world: World, document: Item, user_id: str) -> bool:
    """Return whether a patient sees a document: it is shared with them, or they uploaded it themselves."""
    return document.owner_id == user_id or any(user.id == user_id for user in shared_with(world, document))


def sees(request: Request, document: Item) -> bool:
    """Return whether a document exists for the actor; staff share the practice's documents."""
    if request.actor is None:
        return False
    return not request.me.is_patient or can_view(request.world, document, request.me.user.id)
