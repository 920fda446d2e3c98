"""The ledger connected to a double of Stripe, without a network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from pydantic import SecretStr

from integrations.stripe.connect import connect_stripe
from integrations.stripe.ledger import StripeLedger
from tests.doubles.stripe_double import KEY, StripeDouble


@asynccontextmanager
async def ledger_on(double: StripeDouble, *, key: str = KEY) -> AsyncIterator[StripeLedger]:
    """Read the double's books."""
    transport = httpx2.ASGITransport(app=double.app())
    async with connect_stripe(key=SecretStr(key), url="http://stripe.invalid", transport=transport) as ledger:
        yield ledger
