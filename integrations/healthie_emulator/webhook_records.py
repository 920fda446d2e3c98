"""Records of webhooks. Times are aware and in UTC."""

import dataclasses
from datetime import datetime
from typing import Any

from integrations.healthie_emulator.records import Record


@dataclasses.dataclass(frozen=True, kw_only=True)
class WebhookEvent(Record):
    """A webhook's subscription to an event, and the status of its delivery."""

    event_type: str  # as on the wire: `appointment.updated`
    retry_count: int = 0
    first_failed_at: datetime | None = None
    last_failed_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Webhook(Record):
    """A subscription."""

    url: str
    events: tuple[WebhookEvent, ...]
    is_enabled: bool = True
    should_retry: bool = True
    warned_at: datetime | None = None
    rotations: int = 0  # how often the secret was replaced
    signature_secret: str | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SentWebhook(Record):
    """One attempt to deliver."""

    webhook_id: str
    url: str
    event_type: str
    resource_id: str
    resource_id_type: str
    http_response_status: str | None  # None: nobody answered


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """An event in the outbox, for the webhooks that subscribe to it."""

    event_type: str  # `appointment.updated`
    resource_id: str
    resource_id_type: str  # `Appointment`
    changed_fields: tuple[str, ...]  # empty unless something was updated
    at: datetime
    more_ids: dict[str, Any] = dataclasses.field(default_factory=dict)  # the few ids that some events add


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail of Healthie's to the practice's owner about a webhook."""

    webhook_id: str
    about: str  # `failing` or `disabled`
    to: str | None
    at: datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Delivery:
    """The delivery of an event to one webhook."""

    webhook_id: str
    event: Event
    due_at: datetime
    attempts: int = 0
    first_failed_at: datetime | None = None
    held_back: bool = False  # until the next event has gone out, or `due_at`
