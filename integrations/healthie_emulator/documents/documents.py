"""Documents: upload, share, list. The content never changes after the upload."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.documents import files
from integrations.healthie_emulator.documents.sharing import can_view, sees, shared_group_ids, shared_with
from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.people import patient
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.resources.ordering import BY_DATE, arranged, text
from integrations.healthie_emulator.resources.resource import Given, Refused, Resource, found, resolvers
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.uploads import UploadedFile

# The type of a file by its ending, and what people call it.
TYPES = {
    "pdf": ("application/pdf", "PDF"),
    "gif": ("image/gif", "Image"),
    "jpeg": ("image/jpeg", "Image"),
    "png": ("image/png", "Image"),
    "txt": ("text/plain", "Text"),
    "csv": ("text/csv", "Spreadsheet"),
    "mp4": ("video/mp4", "Video"),
}
_KNOWN_KINDS = {
    "PDF": "pdf",
    "Image": "image",
    "Text": "text",
    "Spreadsheet": "spreadsheet",
    "Video": "video",
}
_ORDERS = {**BY_DATE, "NAME": text("display_name")}
_OLD_WORDS = {
    "oldestfirst": "CREATED_AT_ASC",
    "newestfirst": "CREATED_AT_DESC",
    "namedesc": "NAME_DESC",
    "nameasc": "NAME_ASC",
    "nameaesc": "NAME_ASC",  # as the guide spells it
}


def _file(given: Given) -> tuple[str, str | None, bytes] | None:
    """Return type, name and content of what was uploaded, either way."""
    sent = given.get("file")
    if isinstance(sent, UploadedFile):
        return sent.content_type, sent.filename, sent.content
    read = files.read_data_url(given.get("file_string") or "")
    return (read[0], None, read[1]) if read else None


def _is_complete(request: Request, given: Given, document: Item | None) -> Refused:
    if document is None and _file(given) is None:
        return refused("File can't be blank", field="file")
    if given.get("rel_user_id") and patient(request, given["rel_user_id"]) is None:
        return refused("User must exist", field="rel_user_id")
    return None


def _content(request: Request, given: Given, document: Item | None) -> Given:
    uploaded = _file(given)
    if document is not None or uploaded is None:  # the content never changes; without any, it was refused
        return {}
    content_type, filename, content = uploaded
    ending = next((end for end, (type_, _) in TYPES.items() if type_ == content_type), None)
    me = request.me.user
    about = {"rel_user_id": me.id, "share_with_rel": True} if me.is_patient else {}
    return {
        "owner_id": me.id,
        "content_type": content_type,
        "content_bytes": content,
        "extension": f".{ending}" if ending else None,
        "file_name": filename,
        "display_name": given.get("display_name") or filename or f"upload.{ending or 'bin'}",
        **about,
    }


DOCUMENT = Resource(
    kind="Document",
    payload="document",
    create="createDocument",
    update="updateDocument",
    delete="deleteDocument",
    plain=(
        *("display_name", "folder_id", "description", "rel_user_id", "share_with_rel", "share_users"),
        *("include_in_charting", "metadata", "care_plan_id", "email_on_welcome", "internal_notes"),
        *("shared_on_welcome", "shared_with_dietitians"),
    ),
    events={"created": "document.created", "updated": "document.updated", "deleted": "document.deleted"},
    patients_may=frozenset({"createDocument"}),
    sees=sees,
    check=_is_complete,
    derive=_content,
)


def _one(request: Request, args: dict[str, Any]) -> Item | None:
    return found(request, DOCUMENT, args.get("id"))


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List documents: those that a patient may see, those about a patient, or those of a clinician."""
    words = (args.get("keywords") or "").casefold()
    listed = [
        document
        for document in request.world.items["Document"]
        if sees(request, document)
        and _is_meant(request, args, document)
        and _is_shared_as(request.world, document, args.get("filter") or "all")
        and args.get("folder_id") in (None, "", document.folder_id)
        and _is_of_type(document, args.get("file_type") or "all")
        and any(
            words in (part or "").casefold()
            for part in (document.display_name, document.description, document.file_name)
        )
    ]
    return page(arranged(listed, args, _ORDERS, "NAME_ASC", old_words=_OLD_WORDS), args)


def _is_meant(request: Request, args: dict[str, Any], document: Item) -> bool:
    world, me = request.world, request.me
    if args.get("viewable_user_id"):
        return can_view(world, document, args["viewable_user_id"])
    if args.get("private_user_id"):
        return document.rel_user_id == args["private_user_id"] and not document.share_with_rel
    if args.get("consolidated_user_id"):
        user_id = args["consolidated_user_id"]
        return document.rel_user_id == user_id or can_view(world, document, user_id)
    if args.get("for_template_use"):
        return document.rel_user_id is None
    if me.is_patient:
        return True
    owner_id = args.get("provider_id") or me.user.id
    return document.owner_id == owner_id or bool(document.shared_with_dietitians)


def _is_shared_as(world: World, document: Item, wanted: str) -> bool:
    shared = bool(shared_with(world, document))
    return {"shared": shared, "private": not shared}.get(wanted, True)


def _friendly_type(document: Item) -> str | None:
    return next((name for type_, name in TYPES.values() if type_ == document.content_type), None)


def _is_of_type(document: Item, wanted: str) -> bool:
    kind = _KNOWN_KINDS.get(_friendly_type(document) or "", "other")
    return wanted in ("all", kind, document.content_type)


def _groups(document: Item, request: Request, *_: Any) -> list[Item]:
    if request.me.is_patient:
        return []
    groups = request.world.items["UserGroup"]
    return [group for i in shared_group_ids(document) if (group := groups.get(i))]


def _users(document: Item, request: Request, args: dict[str, Any]) -> dict[str, Any]:
    people = shared_with(request.world, document)
    return page([user for user in people if request.me.sees_patient(user.id)], args)


def _staff_only(name: str) -> Callable[..., Any]:
    def read(record: Item, request: Request, _args: dict[str, Any]) -> Any:
        return None if request.me.is_patient else getattr(record, name)

    return read


RESOLVERS: dict[str, Callable[..., Any]] = {
    **resolvers(DOCUMENT),
    "Query.document": _one,
    "Query.documents": _listed,
    "Document.expiring_url": lambda document, request, _: files.signed_url(request, "Document", document.id),
    "Document.file_content_type": lambda document, *_: document.content_type,
    "Document.friendly_type": lambda document, *_: _friendly_type(document),
    "Document.internal_notes": _staff_only("internal_notes"),
    "Document.metadata": _staff_only("metadata"),
    "Document.opens": lambda document, request, _: [
        each
        for each in items.every(request.world, "DocumentViewing", document_id=document.id)
        if request.me.sees_patient(each.user_id)
    ],
    "Document.owner": lambda document, request, _: request.world.users.get(document.owner_id),
    "Document.rel_user": lambda document, request, _: request.world.users.get(document.rel_user_id),
    "Document.shared": lambda document, request, _: bool(shared_with(request.world, document)),
    "Document.shared_user_groups_count": lambda document, *_: len(shared_group_ids(document)),
    "Document.shared_users_count": lambda document, *_: len(
        [s for s in document.share_users or () if str(s).startswith("user-")]
    ),
    "Document.unshared_patients_count": lambda document, request, _: (
        len([user for user in request.world.users if user.is_patient])
        - len([user for user in shared_with(request.world, document) if user.is_patient])
    ),
    "Document.user_groups": _groups,
    "Document.users": _users,
    "DocumentViewing.user": lambda viewing, request, _: request.world.users.get(viewing.user_id),
    "DocumentViewing.viewed_at": lambda viewing, *_: viewing.created_at,
    "User.any_shared_documents": lambda user, request, _: any(
        can_view(request.world, document, user.id)
        for document in request.world.items["Document"]
        if sees(request, document)
    ),
}
