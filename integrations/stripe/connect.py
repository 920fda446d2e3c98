"""The entry point: connects to Stripe's ledger, read only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import stripe
from pydantic import SecretStr

from integrations.stripe.ledger import StripeLedger
from integrations.stripe.reading import ReadOnlyHttp, hush

# The prefix of restricted keys (https://docs.stripe.com/keys/restricted-api-keys). Any other key could charge.
RESTRICTED = "rk_"

# After a network error, a conflict or a 5xx. Few, because the sweep repeats anyway.
RETRIES = 2


@asynccontextmanager
async def connect_stripe(
    *,
    key: SecretStr,
    url: str = stripe.DEFAULT_API_BASE,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator[StripeLedger]:
    """Connect to the Stripe API at `url` with a restricted key. Sends nothing before the first read.

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
                # All of the SDK's hosts point to this one, so that no other is ever called.
                base_addresses={"api": url, "connect": url, "files": url, "meter_events": url},
                max_network_retries=RETRIES,
            )
        )
