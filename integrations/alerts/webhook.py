"""The alert channel to a chat: posts `{"text": …}`, what Slack and most other chats accept on an incoming webhook."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from booking.errors import AlertDeliveryFailed
from booking.operations.model import Alert
from integrations.alerts.texts import text_of

# Chats answer at once or are down; the worker retries later, and must not neglect its checkouts meanwhile.
TIMEOUT_SECONDS = 5.0


class WebhookAlerts:
    """The port AlertChannel over HTTP. The URL is a secret: no error and no log contains it."""

    def __init__(self, *, client: httpx2.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def send(self, alert: Alert) -> None:
        """Post it. Raises AlertDeliveryFailed unless the response is 2xx."""
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
    """Open the channel, and close its HTTP client at the end; `transport` replaces the network in tests."""
    async with httpx2.AsyncClient(transport=transport) as client:
        yield WebhookAlerts(client=client, url=url)
