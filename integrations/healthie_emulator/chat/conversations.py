"""Conversations: made by staff, or by themselves for a patient and the main clinician; closed, never deleted."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.chat.markup import plain
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.people import full_name
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.tags_and_groups.groups import members

MOST_MEMBERS = 256

Given = dict[str, Any]


def begin(world: World, owner_id: str, user_ids: list[str], **values: Any) -> Item:
    """Make a conversation and take its owner and these users in."""
    conversation = items.add(world, "Conversation", owner_id=owner_id, **values)
    for user_id in dict.fromkeys([owner_id, *user_ids]):
        items.add(
            world, "ConversationMembership", conversation_id=conversation.id, user_id=user_id, viewed=True
        )
    world.emit("conversation.created", "Conversation", conversation.id)
    return conversation


def begin_with_clinician(world: World, user: User) -> None:
    """Make the conversation that a patient and the main clinician always have, if there is none."""
    if user.dietitian_id is None:
        return
    before = items.first(world, "Conversation", owner_id=user.dietitian_id, patient_id=user.id)
    if before is None:
        begin(world, user.dietitian_id, [user.id], patient_id=user.id, dietitian_id=user.dietitian_id)


def memberships_of(world: World, conversation: Item) -> list[Item]:
    """Return who takes part."""
    return items.every(world, "ConversationMembership", conversation_id=conversation.id)


def membership(world: World, conversation: Item, user_id: str) -> Item | None:
    """Return the membership of a user in a conversation."""
    wanted = {"conversation_id": conversation.id, "user_id": user_id}
    return items.first(world, "ConversationMembership", **wanted)


def visible(request: Request, conversation_id: object) -> Item | None:
    """Return a conversation that the actor takes part in; an administrator sees the practice's."""
    found = request.world.items["Conversation"].get(conversation_id)
    if found is None or request.actor is None:
        return None
    takes_part = membership(request.world, found, request.me.user.id) is not None
    return found if takes_part or (request.me.is_admin and not request.me.is_patient) else None


def people(world: World, conversation: Item) -> list[User]:
    """Return everybody who takes part."""
    return [world.users[each.user_id] for each in memberships_of(world, conversation) if each.user_id]


def title(world: World, conversation: Item, for_user_id: str | None = None) -> str:
    """Return the subject, by default the names of who takes part, without that of the reader."""
    others = (full_name(user) for user in people(world, conversation) if user.id != for_user_id)
    return str(conversation.name or ", ".join(others))


def _create(request: Request, given: Given) -> Given:
    """Make a conversation with patients, members and groups, named as `user-1,group-2`."""
    world, me = request.world, request.me
    if me.is_patient:
        raise not_allowed()
    named = [str(each["value"]) for each in given.get("added_users") or () if each]
    invited = _invited(world, ",".join([given.get("simple_added_users") or "", *named]))
    owner_id = given.get("owner_id") or given.get("dietitian_id") or me.user.id
    owner = world.users.get(owner_id)
    if owner is None or owner.is_patient:
        return refused("Owner must exist", field="owner_id")
    if invited is None:
        return refused("User must exist", field="simple_added_users")
    user_ids, group_ids = invited
    if given.get("patient_id") and world.users.get(given["patient_id"]):
        user_ids = [*user_ids, given["patient_id"]]
    if len({owner_id, *user_ids}) > MOST_MEMBERS:
        return refused(f"A conversation has {MOST_MEMBERS} members at most", field="simple_added_users")
    plain_values = {name: given.get(name) for name in ("name", "metadata", "appointment_id")}
    conversation = begin(world, owner_id, user_ids, group_ids=tuple(group_ids), **plain_values)
    first_words = (given.get("note") or {}).get("content")
    if first_words:
        items.add(world, "Note", conversation_id=conversation.id, user_id=me.user.id, content=first_words)
    return {"conversation": conversation}


def _invited(world: World, text: str) -> tuple[list[str], list[str]] | None:
    """Read `user-1,group-2` into users, those of the groups among them, and groups; None if one does not exist."""
    user_ids: list[str] = []
    group_ids: list[str] = []
    for share_id in filter(None, (part.strip() for part in text.split(","))):
        kind, _, record_id = share_id.partition("-")
        if kind == "user" and world.users.get(record_id):
            user_ids.append(record_id)
        elif kind == "group" and world.items["UserGroup"].get(record_id):
            group_ids.append(record_id)
            user_ids.extend(user.id for user in members(world, record_id))
        else:
            return None
    return user_ids, group_ids


def _update(request: Request, given: Given) -> Given:
    """Rename or close a conversation; `simple_added_users` replaces all its members but the owner."""
    world = request.world
    if request.me.is_patient:
        raise not_allowed()
    conversation = visible(request, given.get("id"))
    if conversation is None:
        return refused("Conversation not found", field="id")
    changes = {name: given[name] for name in ("name", "metadata") if given.get(name) is not None}
    if given.get("simple_added_users") is not None:
        invited = _invited(world, given["simple_added_users"])
        if invited is None or len(invited[0]) > MOST_MEMBERS:
            return refused("User must exist", field="simple_added_users")
        _replace_members(world, conversation, invited[0])
        changes["group_ids"] = tuple(invited[1])
    if given.get("closed_by_id"):
        if given["closed_by_id"] != request.me.user.id:
            return refused("Closed by must be the current user", field="closed_by_id")
        changes |= {"closed_by_id": given["closed_by_id"], "closed_date": world.clock.now()}
    changed = items.change(world, "Conversation", conversation.id, **changes)
    world.emit("conversation.updated", "Conversation", changed.id, tuple(changes))
    return {"conversation": changed}


def _replace_members(world: World, conversation: Item, user_ids: list[str]) -> None:
    wanted = dict.fromkeys([str(conversation.owner_id), *user_ids])
    for each in memberships_of(world, conversation):
        if each.user_id in wanted:
            del wanted[each.user_id]
        else:
            world.items["ConversationMembership"].remove(each.id)
            world.emit("conversation_membership.deleted", "ConversationMembership", each.id)
    for user_id in wanted:
        made = items.add(
            world, "ConversationMembership", conversation_id=conversation.id, user_id=user_id, viewed=False
        )
        world.emit("conversation_membership.created", "ConversationMembership", made.id)


def _last_words(conversation: Item, request: Request, *_: Any) -> str | None:
    notes = items.every(request.world, "Note", conversation_id=conversation.id, is_scheduled=None)
    return plain(notes[-1].content or "") if notes else None


def _own_membership(conversation: Item, request: Request, *_: Any) -> Item | None:
    return membership(request.world, conversation, request.me.user.id)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.conversation": lambda request, args: visible(request, args.get("id")),
    "Mutation.createConversation": _create,
    "Mutation.updateConversation": _update,
    "Conversation.closed_by": lambda convo, request, _: request.world.users.get(convo.closed_by_id),
    "Conversation.conversation_memberships": lambda convo, request, _: memberships_of(request.world, convo),
    "Conversation.conversation_memberships_count": lambda convo, request, _: len(
        memberships_of(request.world, convo)
    ),
    "Conversation.current_user_conversation_membership": _own_membership,
    "Conversation.first_four_invitees": lambda convo, request, _: people(request.world, convo)[:4],
    "Conversation.includes_multiple_clients": lambda convo, request, _: (
        sum(user.is_patient for user in people(request.world, convo)) > 1
    ),
    "Conversation.invitees": lambda convo, request, _: people(request.world, convo),
    "Conversation.last_message_content": _last_words,
    "Conversation.name": lambda convo, request, _: title(request.world, convo),
    "Conversation.owner": lambda convo, request, _: request.world.users.get(convo.owner_id),
    "Conversation.user_groups": lambda convo, request, _: [
        group for i in convo.group_ids or () if (group := request.world.items["UserGroup"].get(i))
    ],
}
