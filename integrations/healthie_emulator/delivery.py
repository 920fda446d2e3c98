"""Webhook delivery on the emulator's clock: retried for three days, after which the webhook is disabled."""

import dataclasses
import json
from datetime import timedelta
from typing import Any

import httpx2

from integrations.healthie_emulator.signing import signed_headers
from integrations.healthie_emulator.state import World
from integrations.healthie_emulator.webhook_records import Delivery, Event, Mail, Webhook, WebhookEvent

FIRST_PAUSE = timedelta(minutes=1)  # doubles with each failure
LONGEST_PAUSE = timedelta(hours=6)  # so that the warning and the end come when they should, give or take
WARN_AFTER = timedelta(hours=24)  # the owner is told after about a day
GIVE_UP_AFTER = timedelta(days=3)  # the webhook ends after about three
LONGEST_HOLD = timedelta(minutes=1)  # for an event that is to be overtaken, when nothing follows it


async def deliver_due(world: World, client: httpx2.AsyncClient) -> None:
    """Deliver everything that is due by the emulator's clock, in order; return when that is done."""
    async with world.delivering:
        while (delivery := _next_due(world)) is not None:
            await _attempt(world, client, delivery)


def body_of(event: Event) -> bytes:
    """Write the thin body: which record, and what happened; an even id is written as a number, an odd one as text."""
    number = event.resource_id.isdecimal() and int(event.resource_id) % 2 == 0
    body: dict[str, Any] = {
        "resource_id": int(event.resource_id) if number else event.resource_id,
        "resource_id_type": event.resource_id_type,
        "event_type": event.event_type,
        "changed_fields": list(event.changed_fields),
    }
    return json.dumps({**body, **event.more_ids}, separators=(",", ":")).encode()


def enqueue(world: World) -> None:
    """Fan events out into deliveries for the subscribed webhooks; duplicate and reorder them as the faults say."""
    while world.outbox:
        event = world.outbox.pop(0)
        wanted = [webhook for webhook in world.webhooks if webhook.is_enabled and _wants(webhook, event)]
        for webhook in wanted:
            overtaken = [d for d in world.deliveries if d.held_back and d.webhook_id == webhook.id]
            _put(world, webhook, event)
            for held in overtaken:
                world.deliveries.remove(held)
                world.deliveries.append(dataclasses.replace(held, held_back=False, due_at=world.clock.now()))


def _put(world: World, webhook: Webhook, event: Event) -> None:
    now = world.clock.now()
    held = world.faults.take("reordered_webhook", event.event_type) is not None
    copies = 1 if world.faults.take("duplicate_webhook", event.event_type) is None else 2
    due_at = now + LONGEST_HOLD if held else now
    delivery = Delivery(webhook_id=webhook.id, event=event, due_at=due_at, held_back=held)
    world.deliveries.extend([delivery] * copies)


def _next_due(world: World) -> Delivery | None:
    enqueue(world)
    now = world.clock.now()
    return next((delivery for delivery in world.deliveries if delivery.due_at <= now), None)


async def _attempt(world: World, client: httpx2.AsyncClient, delivery: Delivery) -> None:
    world.deliveries.remove(delivery)
    webhook = world.webhooks.get(delivery.webhook_id)
    if webhook is None or not webhook.is_enabled:
        return
    status = await _post(world, client, webhook, delivery.event)
    world.sent_webhooks.add(
        webhook_id=webhook.id,
        url=webhook.url,
        event_type=delivery.event.event_type,
        resource_id=delivery.event.resource_id,
        resource_id_type=delivery.event.resource_id_type,
        http_response_status=status,
    )
    if succeeded(status):
        _note_success(world, webhook.id, delivery.event.event_type)
    else:
        _note_failure(world, webhook.id, delivery)


def succeeded(status: str | None) -> bool:
    """Return whether an answer counts as received."""
    return status is not None and status.startswith("2")


async def _post(world: World, client: httpx2.AsyncClient, webhook: Webhook, event: Event) -> str | None:
    body = body_of(event)
    headers = signed_headers(
        url=webhook.url,
        body=body,
        secret=webhook.signature_secret or "",
        header_padded=world.switches.digest_header_padded,
        signed_padded=world.switches.signed_digest_padded,
    )
    try:
        answer = await client.post(webhook.url, content=body, headers=headers)
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return None
    return str(answer.status_code)


def _note_success(world: World, webhook_id: str, event_type: str) -> None:
    webhook = world.webhooks.get(webhook_id)  # it may have been deleted while the request was under way
    if webhook is None:
        return
    events = _changed(webhook, event_type, retry_count=0, first_failed_at=None)
    still_failing = any(event.first_failed_at for event in events)
    world.webhooks.change(webhook_id, events=events, warned_at=webhook.warned_at if still_failing else None)


def _note_failure(world: World, webhook_id: str, delivery: Delivery) -> None:
    webhook, now = world.webhooks.get(webhook_id), world.clock.now()
    if webhook is None:
        return
    subscribed = next((e for e in webhook.events if e.event_type == delivery.event.event_type), None)
    since = delivery.first_failed_at or now
    failing_since = min(since, (subscribed.first_failed_at if subscribed else None) or now)
    changes: dict[str, Any] = {
        "events": _changed(
            webhook,
            delivery.event.event_type,
            retry_count=delivery.attempts + 1,
            first_failed_at=failing_since,
            last_failed_at=now,
        )
    }
    if now - failing_since >= WARN_AFTER and webhook.warned_at is None:
        changes["warned_at"] = now
        _mail(world, webhook_id, "failing")
    if now - failing_since >= GIVE_UP_AFTER:
        changes["is_enabled"] = False
        _mail(world, webhook_id, "disabled")
        world.deliveries[:] = [each for each in world.deliveries if each.webhook_id != webhook_id]
    elif webhook.should_retry:
        pause = min(FIRST_PAUSE * 2 ** min(delivery.attempts, 16), LONGEST_PAUSE)
        due_at = min(now + pause, since + GIVE_UP_AFTER)
        world.deliveries.append(
            dataclasses.replace(
                delivery,
                attempts=delivery.attempts + 1,
                due_at=due_at,
                first_failed_at=since,
                held_back=False,
            )
        )
    world.webhooks.change(webhook_id, **changes)


def _mail(world: World, webhook_id: str, about: str) -> None:
    owner = world.users[world.organization.owner_id]
    world.mails.append(Mail(webhook_id=webhook_id, about=about, to=owner.email, at=world.clock.now()))


def _changed(webhook: Webhook, event_type: str, **changes: Any) -> tuple[WebhookEvent, ...]:
    return tuple(
        dataclasses.replace(event, **changes) if event.event_type == event_type else event
        for event in webhook.events
    )


def _wants(webhook: Webhook, event: Event) -> bool:
    return any(each.event_type == event.event_type for each in webhook.events)
