"""Memberships in conversations: the list of somebody's chats, what is read and what is archived."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.chat.conversations import people, title
from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.people import full_name, patient
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.resources.ordering import BY_DATE, arranged
from integrations.healthie_emulator.state import Request, World


def _conversation(world: World, each: Item) -> Item:
    return world.items["Conversation"][each.conversation_id]


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List memberships: those of the key's owner, or of the clinician whom an administrator names.

    With the id of a patient, the conversations with that patient, for an administrator also those that others have. With any other
    `client_id` it is as if none were given.
    """
    world, words = request.world, (args.get("keywords") or "").casefold()
    found = [
        each
        for each in _meant(request, args)
        if _has_status(world, each, args.get("active_status") or "active")
        and (args.get("read_status") or "all") in ("all", "read" if each.viewed else "unread")
        and _has_type(world, each, args.get("conversation_type") or "all")
        and any(words in name.casefold() for name in _names(world, each))
    ]
    keys = {
        **BY_DATE,
        "CONVERSATION_CREATED_AT": lambda each: BY_DATE["CREATED_AT"](_conversation(world, each)),
        "CONVERSATION_UPDATED_AT": lambda each: BY_DATE["UPDATED_AT"](_conversation(world, each)),
    }
    return page(arranged(found, args, keys, "CONVERSATION_UPDATED_AT_DESC"), args)


def _meant(request: Request, args: dict[str, Any]) -> list[Item]:
    world, me = request.world, request.me
    whose = (
        args.get("provider_id") if me.is_admin and world.users.get(args.get("provider_id")) else me.user.id
    )
    own = items.every(world, "ConversationMembership", user_id=whose)
    client = patient(request, args.get("client_id"))
    if client is None:
        return own
    of_client = items.every(world, "ConversationMembership", user_id=client.id)
    shared_ids = {each.conversation_id for each in of_client}
    with_client = [each for each in own if each.conversation_id in shared_ids]
    if not me.is_admin or args.get("only_include_shared_memberships"):
        return with_client
    taken = {each.conversation_id for each in with_client}
    return [*with_client, *(each for each in of_client if each.conversation_id not in taken)]


def _has_status(world: World, each: Item, wanted: str) -> bool:
    closed = _conversation(world, each).closed_date is not None
    status = "closed" if closed else "archived" if each.archived else "active"
    return wanted in ("all", status)


def _has_type(world: World, each: Item, wanted: str) -> bool:
    community = bool(_conversation(world, each).community_chat)
    return wanted in ("all", "community" if community else "individual")


def _names(world: World, each: Item) -> list[str]:
    conversation = _conversation(world, each)
    return [title(world, conversation), *(full_name(user) for user in people(world, conversation))]


def _update(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Mark one's own membership as read or archived. No webhook tells of it: no mutation triggers `conversation_membership.viewed`."""
    found = request.world.items["ConversationMembership"].get(given.get("id"))
    if found is None or found.user_id != request.me.user.id:
        return refused("Conversation membership not found", field="id")
    changes = {name: given[name] for name in ("viewed", "archived") if given.get(name) is not None}
    changed = items.change(request.world, "ConversationMembership", found.id, **changes)
    return {"conversation_membership": changed}


def _others(each: Item, request: Request) -> list[User]:
    conversation = _conversation(request.world, each)
    return [user for user in people(request.world, conversation) if user.id != each.user_id]


def _name(each: Item, request: Request, *_: Any) -> str:
    return title(request.world, _conversation(request.world, each), each.user_id)


def _creator(each: Item, request: Request, *_: Any) -> User | None:
    return request.world.users.get(each.user_id)


def _initial(each: Item, request: Request, *_: Any) -> str | None:
    owner = request.world.users.get(_conversation(request.world, each).owner_id)
    return f"{owner.first_name} {owner.last_name[:1]}" if owner else None


def _unread(user: User, request: Request, *_: Any) -> int | None:
    if request.actor is None or user.id != request.me.user.id:
        return None
    own = items.every(request.world, "ConversationMembership", user_id=user.id, viewed=False)
    return sum(_has_status(request.world, each, "active") for each in own)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.conversationMemberships": _listed,
    "Mutation.updateConversationMembership": _update,
    "ConversationMembership.conversation_role": lambda each, request, _: (
        "owner" if _conversation(request.world, each).owner_id == each.user_id else "member"
    ),
    "ConversationMembership.convo": lambda each, request, _: _conversation(request.world, each),
    "ConversationMembership.creator": _creator,
    "ConversationMembership.display_name": _name,
    "ConversationMembership.display_name_and_initial": _initial,
    "ConversationMembership.display_other_user_first_name": lambda each, request, _: next(
        (user.first_name for user in _others(each, request)), None
    ),
    "ConversationMembership.display_other_user_name": _name,
    "ConversationMembership.user_list_as_display_name": lambda each, request, _: ", ".join(
        full_name(user) for user in _others(each, request)
    ),
    "User.unread_convo_count": _unread,
}
