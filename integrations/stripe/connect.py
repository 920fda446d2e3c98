"""The one way in: Stripe's books, read only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import stripe
from pydantic import SecretStr

from integrations.stripe.ledger import StripeLedger
from integrations.stripe.reading import ReadOnlyHttp, hush

# What every restricted key begins with (https://docs.stripe.com/keys/restricted-api-keys). Any other could charge.
RESTRICTED = "rk_"

# After a network error, a conflict or a 5xx; the sweep comes again anyway.
RETRIES = 2


@asynccontextmanager
async def connect_stripe(
    *,
    key: SecretStr,
    url: str = stripe.DEFAULT_API_BASE,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator[StripeLedger]:
    """Read the books at `url` with a restricted key; nothing is sent before the first question.

    `transport` replaces the network. Raises ValueError for any other kind of key.
    """
    if not key.get_secret_value().startswith(RESTRICTED):
        raise ValueError("Stripe is read with a restricted key only")
    hush()
    async with httpx2.AsyncClient(transport=transport) as http:
        yield StripeLedger(
            stripe.StripeClient(
                key.get_secret_value(),
                http_client=ReadOnlyHttp(http),
                # All of the SDK's addresses are this one: we have no business elsewhere.
                base_addresses={"api": url, "connect": url, "files": url, "meter_events": url},
                max_network_retries=RETRIES,
            )
        )
