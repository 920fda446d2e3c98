"""Alerts as JSON to a URL: `{"text": …}`, what Slack and most other chats take from an incoming webhook."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from booking.errors import AlertDeliveryFailed
from booking.operations.model import Alert
from integrations.alerts.texts import text_of

# Chats answer at once or are down; the worker tries again, and has checkouts to see to meanwhile.
TIMEOUT_SECONDS = 5.0


class WebhookAlerts:
    """The port AlertChannel over HTTP. The URL is a secret: it is in no error and no log."""

    def __init__(self, *, client: httpx2.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def send(self, alert: Alert) -> None:
        """Post it. Raises AlertDeliveryFailed unless a 2xx came back."""
        try:
            response = await self._client.post(
                self._url, json={"text": text_of(alert)}, timeout=TIMEOUT_SECONDS
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise AlertDeliveryFailed(type(error).__name__) from None  # the cause may name the URL
        if not response.is_success:
            raise AlertDeliveryFailed(f"http_{response.status_code}")


@asynccontextmanager
async def connect_webhook(
    url: str, *, transport: httpx2.AsyncBaseTransport | None = None
) -> AsyncIterator[WebhookAlerts]:
    """Open the way; `transport` replaces the network in tests."""
    async with httpx2.AsyncClient(transport=transport) as client:
        yield WebhookAlerts(client=client, url=url)
