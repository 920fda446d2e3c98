"""Webhook subscriptions: create, list, rotate, test, and list the deliveries. Staff only."""

import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.delivery import deliver_due, succeeded
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.webhook_events import wire_name
from integrations.healthie_emulator.webhook_records import Delivery, Event, SentWebhook, Webhook, WebhookEvent

__all__ = ["RESOLVERS", "books", "deliver_due"]

NOT_FOUND = "Webhook not found"


def books(world: World) -> list[dict[str, Any]]:
    """Return every attempt to deliver, oldest first; instants in UTC."""
    return [
        {
            "id": sent.id,
            "webhook_id": sent.webhook_id,
            "url": sent.url,
            "event_type": sent.event_type,
            "resource_id": sent.resource_id,
            "resource_id_type": sent.resource_id_type,
            "http_response_status": sent.http_response_status,
            "at": sent.created_at.isoformat(),
        }
        for sent in world.sent_webhooks
    ]


def create(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Subscribe an address to events; the secret is made here and can be read back."""
    world = _world(request)
    wanted = _wanted(given)
    if not _is_address(given.get("url")):
        return refused("Url is invalid", field="url", webhook=None)
    if not wanted:
        return refused("Event type can't be blank", field="event_type", webhook=None)
    webhook_id = world.webhooks.new_id()
    webhook = world.webhooks.add(
        id=webhook_id,
        url=given["url"],
        events=tuple(_event(world, event_type) for event_type in wanted),
        is_enabled=given.get("is_enabled") is not False,
        should_retry=given.get("should_retry") is not False,
        signature_secret=_secret(world, webhook_id, 0),
    )
    return {"webhook": webhook, "messages": None}


def update(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Change a subscription; `is_enabled: true` brings a disabled one back with a clean record."""
    world = _world(request)
    webhook = world.webhooks.get(given.get("id"))
    if webhook is None:
        return refused(NOT_FOUND, field="id", webhook=None)
    changes = {name: given[name] for name in ("should_retry", "is_enabled") if given.get(name) is not None}
    if given.get("url") is not None:
        if not _is_address(given["url"]):
            return refused("Url is invalid", field="url", webhook=None)
        changes["url"] = given["url"]
    if wanted := _wanted(given):
        known = {event.event_type: event for event in webhook.events}
        changes["events"] = tuple(known.get(each) or _event(world, each) for each in wanted)
    if given.get("is_enabled"):
        changes["warned_at"] = None
        changes["events"] = tuple(
            _event(world, each.event_type, event_id=each.id) for each in changes.get("events", webhook.events)
        )
    return {"webhook": world.webhooks.change(webhook.id, **changes), "messages": None}


def delete(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Delete a subscription and its pending deliveries."""
    world = _world(request)
    webhook = world.webhooks.remove(str(given.get("id")))
    if webhook is None:
        return refused(NOT_FOUND, field="id", webhook=None)
    return {"webhook": webhook, "messages": None}


def rotate(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Replace the secret; the old one signs nothing more."""
    world = _world(request)
    webhook = world.webhooks.get(given["id"])
    if webhook is None:
        return refused(NOT_FOUND, field="id", webhook=None)
    rotations = webhook.rotations + 1
    secret = _secret(world, webhook.id, rotations)
    changed = world.webhooks.change(webhook.id, rotations=rotations, signature_secret=secret)
    return {"webhook": changed, "messages": None}


def send_test(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Send `test.created` to one enabled webhook, whether it subscribed to that or not."""
    world = _world(request)
    webhook = world.webhooks.get(given["id"])
    if webhook is None or not webhook.is_enabled:
        return refused(NOT_FOUND if webhook is None else "Webhook is disabled", field="id", sent=False)
    event = Event(
        event_type="test.created",
        resource_id=webhook.id,
        resource_id_type="Webhook",
        changed_fields=(),
        at=world.clock.now(),
    )
    world.deliveries.append(Delivery(webhook_id=webhook.id, event=event, due_at=event.at))
    world.outbox_filled.set()
    return {"sent": True, "messages": None}


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    words = (args.get("keywords") or "").casefold()
    found = [webhook for webhook in _world(request).webhooks if words in webhook.url.casefold()]
    keys: dict[str, Callable[[Webhook], Any]] = {
        "CREATED_AT": lambda webhook: webhook.created_at,
        "EVENT_TYPE": lambda webhook: webhook.events[0].event_type,
        "URL": lambda webhook: webhook.url,
    }
    return page(in_order(found, args, keys), args)


def _sent(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    after = dates.read(args["sent_after"], request.zone) if args.get("sent_after") else None
    before = dates.read(args["sent_before"], request.zone) if args.get("sent_before") else None
    resource_type = (args.get("resource_type") or "").title().replace("_", "")
    words = (args.get("keywords") or "").casefold()
    found = [
        sent
        for sent in _world(request).sent_webhooks
        if (after is None or sent.created_at >= after)
        and (before is None or sent.created_at <= before)
        and args.get("resource_id") in (None, sent.resource_id)
        and resource_type in ("", sent.resource_id_type)
        and args.get("failed") in (None, not succeeded(sent.http_response_status))
        and words in f"{sent.url} {sent.event_type}".casefold()
    ]
    keys: dict[str, Callable[[SentWebhook], Any]] = {
        "CREATED_AT": lambda sent: (sent.created_at, int(sent.id)),
        "EVENT_TYPE": lambda sent: sent.event_type,
        "URL": lambda sent: sent.url,
    }
    return page(in_order(found, args, keys, "CREATED_AT_DESC"), args)


def _world(request: Request) -> World:
    if request.me.is_patient:
        raise not_allowed()
    return request.world


def _wanted(given: dict[str, Any]) -> list[str]:
    """Read the events an input names, once each, in the words of the wire: `appointment.updated`."""
    named = [each["event_type"] for each in given.get("webhook_events") or () if each]
    if given.get("event_type"):
        named.insert(0, given["event_type"])
    return list(dict.fromkeys(wire_name(name) for name in named))


def _as_enum(event_type: str) -> str:
    return event_type.replace(".", "_").upper()


def _event(world: World, event_type: str, *, event_id: str | None = None) -> WebhookEvent:
    now = world.clock.now()
    return WebhookEvent(
        id=event_id or world.webhooks.new_id(), created_at=now, updated_at=now, event_type=event_type
    )


def _is_address(url: str | None) -> bool:
    try:
        address = urlsplit(url or "")
        return address.scheme in {"http", "https"} and bool(address.hostname) and address.port != 0
    except ValueError:
        return False


def _secret(world: World, webhook_id: str, rotations: int) -> str:
    digest = hashlib.sha256(f"{world.seed}:{webhook_id}:{rotations}".encode()).hexdigest()
    return f"whsec_{digest[:40]}"


def _owner(event: WebhookEvent, request: Request, _: object) -> Webhook | None:
    return next((each for each in request.world.webhooks if event in each.events), None)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.webhooks": _listed,
    "Query.sentWebhooks": _sent,
    "Mutation.createWebhook": create,
    "Mutation.updateWebhook": update,
    "Mutation.deleteWebhook": delete,
    "Mutation.expireWebhookSignature": rotate,
    "Mutation.sendTestWebhook": send_test,
    "Webhook.event_type": lambda webhook, _request, _: _as_enum(webhook.events[0].event_type),
    "Webhook.webhook_events": lambda webhook, _request, _: webhook.events,
    "WebhookEvent.event_type": lambda event, _request, _: _as_enum(event.event_type),
    "WebhookEvent.webhook": _owner,
    "SentWebhook.event_type": lambda sent, _request, _: _as_enum(sent.event_type),
}
