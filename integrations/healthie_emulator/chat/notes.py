"""Messages (`Note`): whoever asks is the author, `content` is HTML of which only harmless elements stay."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.chat.conversations import membership, memberships_of, people, visible
from integrations.healthie_emulator.chat.markup import clean, plain
from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.documents import files
from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.people import full_name
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.resources.ordering import BY_DATE, arranged
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.uploads import UploadedFile

Given = dict[str, Any]


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List the messages of a conversation, those after `since_note_id` if that is given; planned ones on their own."""
    conversation = visible(request, args.get("conversation_id"))
    words = (args.get("keywords") or "").casefold()
    ids = {str(i) for i in args.get("ids") or () if i}
    since = request.world.items["Note"].get(args.get("since_note_id"))
    every = items.every(request.world, "Note", conversation_id=conversation.id) if conversation else []
    found = [
        note
        for note in every
        if bool(note.is_scheduled) is bool(args.get("scheduled_notes"))
        and (not ids or note.id in ids)
        and words in plain(note.content or "").casefold()
        and (since is None or int(note.id) > int(since.id))
        and (not note.is_scheduled or note.user_id == request.me.user.id)
    ]
    return page(arranged(found, args, BY_DATE, "CREATED_AT_DESC"), args)


def _create(request: Request, given: Given) -> Given:
    """Write a message as the key's owner, whatever `user_id` says, at once or at `scheduled_at`.

    A member of the practice who does not take part writes with `org_chat: true`, on behalf of the owner.
    """
    world, me = request.world, request.me.user
    conversation = world.items["Conversation"].get(given["conversation_id"])
    takes_part = conversation is not None and membership(world, conversation, me.id) is not None
    if conversation is None or not (takes_part or (given.get("org_chat") and not me.is_patient)):
        return refused("Conversation not found", field="conversation_id")
    if conversation.closed_date is not None:
        return refused("Conversation is closed", field="conversation_id")
    content, image = clean(given.get("content") or ""), _image(given)
    if not content.strip() and image is None:
        return refused("Content can't be blank", field="content")
    later = dates.read(given["scheduled_at"], request.zone) if given.get("scheduled_at") else None
    planned = later is not None and later > world.clock.now()
    note = items.add(
        world,
        "Note",
        conversation_id=conversation.id,
        user_id=me.id,
        on_behalf_of_id=None if takes_part else conversation.owner_id,
        content=content,
        scheduled_at=later,
        is_scheduled=True if planned else None,
        **(image or {}),
    )
    if planned and later:
        world.later((later - world.clock.now()).total_seconds(), lambda: _send_planned(world, note.id, later))
    else:
        _make_known(world, note, "message.created")
    return {"note": note}


def _image(given: Given) -> Given | None:
    sent = given.get("attached_image")
    if isinstance(sent, UploadedFile):
        return {"content_type": sent.content_type, "content_bytes": sent.content, "image_name": sent.filename}
    read = files.read_data_url(given.get("attached_image_string") or "")
    return {"content_type": read[0], "content_bytes": read[1], "image_name": "image"} if read else None


def _send_planned(world: World, note_id: str, at: datetime) -> None:
    """Send a planned message, unless it was deleted, or planned for another time."""
    note = world.items["Note"].get(note_id)
    if note is not None and note.is_scheduled and note.scheduled_at == at:
        sent = items.change(world, "Note", note.id, is_scheduled=None)
        _make_known(world, sent, "scheduled_message.sent")


def _make_known(world: World, note: Item, event: str) -> None:
    """Mark the conversation as changed, and as not read by everybody but the author."""
    conversation = items.change(world, "Conversation", note.conversation_id)
    for each in memberships_of(world, conversation):
        items.change(world, "ConversationMembership", each.id, viewed=each.user_id == note.user_id)
    world.emit(event, "Note", note.id)


def _one(request: Request, args: Given) -> Item | None:
    """Return a message of a conversation that the actor sees; a planned one is its author's alone."""
    note = request.world.items["Note"].get(args.get("id"))
    if note is None or visible(request, note.conversation_id) is None:
        return None
    return note if not note.is_scheduled or note.user_id == request.me.user.id else None


def _own(request: Request, given: Given) -> Item | None:
    note = request.world.items["Note"].get(given.get("id"))
    return note if note and note.user_id == request.me.user.id else None


def _update(request: Request, given: Given) -> Given:
    """Change one's own message."""
    world, note = request.world, _own(request, given)
    if note is None:
        return refused("Note not found", field="id")
    changes: Given = {}
    if given.get("content") is not None:
        changes["content"] = clean(given["content"])
    if given.get("scheduled_at") and note.is_scheduled:
        later = dates.read(given["scheduled_at"], request.zone)
        changes["scheduled_at"] = later
        wait = max(0.0, (later - world.clock.now()).total_seconds())
        world.later(wait, lambda: _send_planned(world, note.id, later))
    return {"note": items.change(world, "Note", note.id, **changes)}


def _delete(request: Request, given: Given) -> Given:
    """Delete one's own message; with `deleted_by_user` a trace of it stays, without its words."""
    world, note = request.world, _own(request, given)
    if note is None:
        return refused("Note not found", field="id")
    if given.get("deleted_by_user"):
        note = items.change(world, "Note", note.id, deleted_by_user=True, content=None)
    else:
        world.items["Note"].remove(note.id)
    world.emit("message.deleted", "Note", note.id)
    return {"note": note}


def _creator_name(note: Item, request: Request, *_: Any) -> str | None:
    creator = request.world.users.get(note.on_behalf_of_id or note.user_id)
    return full_name(creator) if creator else None


def _viewed(note: Item, request: Request, args: dict[str, Any]) -> bool | None:
    """Return whether the reader, or anybody else who takes part, has read a message."""
    conversation = request.world.items["Conversation"][note.conversation_id]
    readers = [
        each
        for each in memberships_of(request.world, conversation)
        if each.user_id != note.user_id and args.get("viewer_id") in (None, each.user_id)
    ]
    return any(each.viewed for each in readers)


def _last_viewed(conversation: Item, request: Request, *_: Any) -> str | None:
    """Return the reader's newest message that the one patient has read."""
    patients = [user for user in people(request.world, conversation) if user.is_patient]
    mine = items.every(
        request.world, "Note", conversation_id=conversation.id, user_id=request.me.user.id, is_scheduled=None
    )
    if len(patients) != 1 or not mine:
        return None
    read = membership(request.world, conversation, patients[0].id)
    return mine[-1].id if read and read.viewed else None


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.note": _one,
    "Query.notes": _listed,
    "Mutation.createNote": _create,
    "Mutation.updateNote": _update,
    "Mutation.deleteNote": _delete,
    "Conversation.last_note_viewed_id": _last_viewed,
    "Conversation.notes": lambda conversation, request, _: items.every(
        request.world, "Note", conversation_id=conversation.id, is_scheduled=None
    ),
    "Note.attached_image_url": lambda note, request, _: (
        files.signed_url(request, "Image", note.id) if note.content_bytes else None
    ),
    "Note.creator": lambda note, request, _: request.world.users.get(note.user_id),
    "Note.creator_display_name": _creator_name,
    "Note.on_behalf_user": lambda note, request, _: (
        request.world.users.get(note.user_id) if note.on_behalf_of_id else None
    ),
    "Note.viewed": _viewed,
}
