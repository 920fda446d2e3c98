"""A practice that sends one signed webhook, and an inbox that keeps what is accepted."""

from typing import Any

import httpx2

from booking.sync.inbox import WebhookDelivery
from gateway.webhooks.endpoint import WebhookEndpoint
from integrations.healthie_emulator.signing import signed_headers

SECRET = "whsec_sample"
BODY = b'{"resource_id":"501","resource_id_type":"Appointment","event_type":"appointment.updated"}'
URL = "http://gateway.invalid/webhooks/healthie"


class Inbox:
    """Keeps, or fails to."""

    def __init__(self) -> None:
        self.kept: list[WebhookDelivery] = []
        self.error: Exception | None = None

    async def accept(self, delivery: WebhookDelivery) -> None:
        if self.error is not None:
            raise self.error
        self.kept.append(delivery)


async def post(
    endpoint: WebhookEndpoint, body: Any = BODY, *, signed: bytes = BODY, url: str = URL, **more: Any
) -> int:
    headers = signed_headers(url=more.pop("signed_url", url), body=signed, secret=SECRET)
    if not isinstance(body, bytes) or body != signed:
        del headers["Content-Length"]
    transport = httpx2.ASGITransport(app=endpoint, client=more.pop("client", ("127.0.0.1", 5)))
    async with httpx2.AsyncClient(transport=transport) as http:
        answer = await http.post(url, content=body, headers=headers | more.pop("headers", {}))
    return answer.status_code
