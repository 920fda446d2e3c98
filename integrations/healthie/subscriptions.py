"""HealthieSubscriptions: the practice's webhook subscriptions at Healthie, and Healthie's delivery attempts."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from pydantic import HttpUrl, ValidationError

from booking.sync.webhook_subscriptions import DeliveryAttempt, WebhookSubscription
from integrations.healthie.answers import MOST_PAGES, every, refusal
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.enums import WebhookEventType
from integrations.healthie.generated.fragments import Subscription as Answered
from integrations.healthie.generated.input_types import WebhookEventInput
from integrations.healthie.generated.webhook_attempts import WebhookAttemptsSentWebhooksNodes as Sent
from integrations.healthie.readback import Comparison
from integrations.healthie.webhooks import EVENTS, hint_of
from integrations.upstream.errors import UnreadableAnswer, changing, reading, reading_back

_TAKEN = "2"


class HealthieSubscriptions:
    """The port Subscriptions, with the organisation's key."""

    def __init__(self, *, client: Client, comparison: Comparison) -> None:
        self._client = client
        self._comparison = comparison

    @property
    def expected(self) -> frozenset[str]:
        """The events that this program handles, as deliveries name them (`appointment.updated`)."""
        return frozenset(map(_sent_as, EVENTS))

    async def all(self) -> Sequence[WebhookSubscription]:
        """Every webhook subscription of the practice, including those of other programs. Raises UpstreamUnavailable."""
        with reading():
            return await self._all()

    async def subscribe(self, address: str, events: frozenset[str]) -> None:
        """Create a subscription that sends these events to the address, and read it back.

        Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        wanted = [WebhookEventInput(event_type=_as_enum(event)) for event in sorted(events)]
        with changing():
            made = await self._made(address, wanted)
        one = await self._read_back(made) if made else None
        with changing():
            await self._comparison.check(
                "SubscribeWebhook",
                address=one is not None and one.address == _written(address),
                events=one is not None and one.events == events,
                live=one is not None and one.enabled and one.retries,
            )

    async def enable(self, subscription_id: str) -> None:
        """Enable the subscription again, and read it back.

        Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        # An undecodable response does no harm: the read-back shows the outcome in any case.
        with changing(), suppress(UnreadableAnswer):
            payload = (await self._client.enable_webhook(id=subscription_id)).update_webhook
            _raise_refusal(refusal("EnableWebhook", payload.messages) if payload else None)
        one = await self._read_back(subscription_id)
        with changing():
            await self._comparison.check("EnableWebhook", live=one is not None and one.enabled)

    async def attempts(self, since: datetime) -> Sequence[DeliveryAttempt]:
        """Healthie's delivery attempts since then, to any address. Raises UpstreamUnavailable."""
        with reading():
            sent = await every(
                lambda after: self._client.webhook_attempts(sent_after=since, after=after),
                lambda answer: answer.sent_webhooks,
                most=MOST_PAGES,
            )
        return [attempt for one in sent if (attempt := _attempt(one)) is not None]

    async def _made(self, address: str, wanted: list[WebhookEventInput]) -> str | None:
        """Create the webhook and return its id, also when the rest of the response cannot be decoded."""
        try:
            payload = (
                await self._client.subscribe_webhook(url=address, webhook_events=wanted)
            ).create_webhook
        except UnreadableAnswer as answer:
            if answer.record_id is None:
                raise
            return answer.record_id
        _raise_refusal(refusal("SubscribeWebhook", payload.messages) if payload else None)
        return payload.webhook.id if payload and payload.webhook else None

    async def _read_back(self, webhook_id: str) -> WebhookSubscription | None:
        with reading_back():
            return next((one for one in await self._all() if one.id == webhook_id), None)

    async def _all(self) -> Sequence[WebhookSubscription]:
        found = await every(
            lambda after: self._client.webhook_subscriptions(after=after), lambda answer: answer.webhooks
        )
        return [_subscription(one) for one in found]


def _subscription(webhook: Answered) -> WebhookSubscription:
    events = webhook.webhook_events or ()
    named = {each.event_type for each in events} or ({webhook.event_type} if webhook.event_type else set())
    failing = [each.first_failed_at for each in events if each.first_failed_at is not None]
    return WebhookSubscription(
        id=webhook.id,
        address=_written(webhook.url or ""),
        events=frozenset(map(_sent_as, named)),
        enabled=webhook.is_enabled,
        retries=webhook.should_retry,
        warned_at=webhook.warned_at,
        failing_since=min(failing, default=None),
        secret=webhook.signature_secret,
    )


def _attempt(sent: Sent) -> DeliveryAttempt | None:
    """The attempt; None for one without a resource, such as a test delivery."""
    if sent.event_type is None or sent.resource_id is None:
        return None
    event = _sent_as(sent.event_type)
    return DeliveryAttempt(
        subscription_id=sent.webhook_id,
        address=_written(sent.url or ""),
        event=event,
        resource_type=sent.resource_id_type or "",
        resource_id=sent.resource_id,
        at=sent.created_at,
        taken=(sent.http_response_status or "").startswith(_TAKEN),
        hint=hint_of(event, sent.resource_id),
    )


def _raise_refusal(refused: Exception | None) -> None:
    if refused is not None:
        raise refused


def _sent_as(event: str) -> str:
    """A subscription's `APPOINTMENT_UPDATED` in the form of deliveries: `appointment.updated`."""
    name = event.value if isinstance(event, WebhookEventType) else event
    return ".".join(name.lower().rsplit("_", 1))


def _as_enum(event: str) -> WebhookEventType:
    return WebhookEventType(event.replace(".", "_").upper())


def _written(url: str) -> str:
    """A URL normalised as in the settings, so that two can be compared; any other text is returned unchanged."""
    try:
        return str(HttpUrl(url))
    except ValidationError:
        return url
