"""How a user is notified (`NotificationSetting`), and who else is (`NotificationContact`)."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.chat.conversations import begin_with_clinician
from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.people import patient
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.state import Request, World

# On until switched off.
USUAL = {
    "notification_on_module_completion": True,
    "receive_updates_and_offers": False,
    "send_email_before_appointment": True,
    "send_email_on_appointment_book": True,
    "send_email_on_appointment_cancel": True,
    "send_email_on_appointment_reschedule": True,
    "send_message_emails": True,
    "send_message_push": True,
}
RELATIONSHIPS = frozenset(
    {"caregiver", "child", "dependent", "family_member", "legal_guardian", "is_parent", "spouse", "other"}
)
KINDS = frozenset({"adult", "minor"})

Given = dict[str, Any]


def setting_of(world: World, user: User) -> Item:
    """Return a user's setting, made when it is first asked for."""
    found = items.first(world, "NotificationSetting", user_id=user.id)
    return found or items.add(world, "NotificationSetting", user_id=user.id, **USUAL)


def _setting(user: User, request: Request, *_: Any) -> Item | None:
    own = request.actor is not None and user.id == request.me.user.id
    may = own or (request.actor is not None and user.is_patient and request.me.sees_patient(user.id))
    return setting_of(request.world, user) if may else None


def _update_setting(request: Request, given: Given) -> Given:
    """Change a setting. Whether one that is left out goes back to its default is not documented, so it is a switch."""
    world = request.world
    found = world.items["NotificationSetting"].get(given.get("id"))
    own = found is not None and found.user_id == request.me.user.id
    if found is None or not (own or patient(request, found.user_id)):
        return refused("Notification setting not found", field="id")
    wanted = {name: value for name, value in given.items() if name != "id" and value is not None}
    before = dict(USUAL) if world.switches.notification_defaults_reset else {}
    after = {**before, **wanted}
    changes = {name: value for name, value in after.items() if getattr(found, name) != value}
    if changes:
        found = items.change(world, "NotificationSetting", found.id, **changes)
        names, whose = tuple(changes), found.user_id
        world.emit("notification_setting.updated", "NotificationSetting", found.id, names, user_id=whose)
    return {"notificationSetting": found}


def _create_contact(request: Request, given: Given) -> Given:
    """Name a relative who is notified besides; one with names and no account gets one. It gives no access to the API."""
    world = request.world
    user = patient(request, given.get("user_id") or request.me.user.id)
    if user is None:
        return refused("User must exist", field="user_id")
    if given.get("relationship") not in (None, "", *RELATIONSHIPS):
        return refused("Relationship is invalid", field="relationship")
    if given.get("contact_type") not in (None, "", *KINDS):
        return refused("Contact type is invalid", field="contact_type")
    linked = patient(request, given["linked_client_id"]) if given.get("linked_client_id") else None
    if given.get("linked_client_id") and linked is None:
        return refused("Linked client must exist", field="linked_client_id")
    names = (given.get("first_name") or "").strip(), (given.get("last_name") or "").strip()
    if linked is None and not all(names):
        return refused("First name can't be blank", field="first_name")
    if linked is None and not request.me.is_patient:
        linked = _new_patient(world, user, given)
    plain = (
        *("client_portal_access", "contact_type", "copy_notifications", "email", "emergency", "first_name"),
        *("last_name", "phone_number", "relationship", "client_portal_setting"),
    )
    values = {name: given[name] for name in plain if given.get(name) is not None}
    linked_id = linked.id if linked else None
    made = items.add(world, "NotificationContact", user_id=user.id, linked_client_id=linked_id, **values)
    world.emit("notification_contact.created", "NotificationContact", made.id, **_ids(made))
    return {"notificationContact": made}


def _delete_contact(request: Request, given: Given) -> Given:
    """Take a relative off the list; the account that the relative may have stays."""
    world = request.world
    contact = world.items["NotificationContact"].get(given.get("id"))
    if contact is None or patient(request, contact.user_id) is None:
        return refused("Notification contact not found", field="id")
    world.items["NotificationContact"].remove(contact.id)
    world.emit("notification_contact.deleted", "NotificationContact", contact.id, **_ids(contact))
    return {"notificationContact": contact}


def _ids(contact: Item) -> Given:
    """What webhooks tell of a contact besides its id."""
    return {"linked_client_id": contact.linked_client_id, "user_id": contact.user_id}


def _new_patient(world: World, relative: User, given: Given) -> User:
    made = world.users.add(
        first_name=given["first_name"].strip(),
        last_name=given["last_name"].strip(),
        email=given.get("email"),
        phone_number=given.get("phone_number"),
        timezone=relative.timezone,
        dietitian_id=given.get("dietitian_id") or relative.dietitian_id,
        user_group_id=given.get("user_group_id"),
        is_patient=True,
    )
    begin_with_clinician(world, made)
    world.emit("patient.created", "User", made.id)
    return made


def _contacts(name: str) -> Callable[..., Any]:
    def read(user: User, request: Request, *_: Any) -> list[Item] | None:
        if request.actor is None or not request.me.sees_patient(user.id):
            return None
        return items.every(request.world, "NotificationContact", **{name: user.id})

    return read


def _linked(contact: Item, request: Request, *_: Any) -> User | None:
    return patient(request, contact.linked_client_id)


def _name(contact: Item, request: Request, *_: Any) -> str:
    linked = request.world.users.get(contact.linked_client_id)
    first = contact.first_name or (linked.first_name if linked else "")
    last = contact.last_name or (linked.last_name if linked else "")
    return f"{first} {last}".strip()


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Mutation.updateNotificationSetting": _update_setting,
    "Mutation.createNotificationContact": _create_contact,
    "Mutation.deleteNotificationContact": _delete_contact,
    "NotificationSetting.user": lambda setting, request, _: request.world.users.get(setting.user_id),
    "NotificationContact.full_name": _name,
    "NotificationContact.full_legal_name_with_preferred": _name,
    "NotificationContact.linked_client": _linked,
    "NotificationContact.user": lambda contact, request, _: request.world.users.get(contact.user_id),
    "User.linked_relatives": _contacts("linked_client_id"),
    "User.notification_contacts": _contacts("user_id"),
    "User.notification_setting": _setting,
}
