"""StripeLedger: the port ChargeLedger, read from Stripe with a restricted key."""

from collections.abc import AsyncIterable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import stripe
import structlog

from booking.card_amounts import from_minor_units
from booking.checkout.ledger import LedgerCharge
from integrations.stripe.errors import KeyRefused, StripeUnavailable, reading

log = structlog.get_logger(__name__)

# Stripe's maximum page size.
PAGE = 100

# More than this in a window of hours means that something is wrong: a practice takes hundreds of payments a day.
MOST = 10_000

T = TypeVar("T")


class StripeLedger:
    """The charges of the Stripe account that the key belongs to."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client

    async def find(self, charge_ids: Collection[str]) -> Mapping[str, LedgerCharge]:
        """The charges with these ids, without those that Stripe does not know. Raises StripeUnavailable."""
        found = {}
        for charge_id in sorted(set(charge_ids)):
            charge = await self._charge(charge_id)
            if charge is not None:
                found[charge_id] = charge
        return found

    async def landed(self, since: datetime, until: datetime) -> Sequence[LedgerCharge]:
        """All charges created between the two times that captured money, with their upstream keys where Stripe still has them.

        Raises StripeUnavailable.
        """
        first, last = int(since.timestamp()), int(until.timestamp())
        keys = await self._keys(first, last)
        with reading():
            page = await self._client.v1.charges.list_async(
                {"created": {"gte": first, "lte": last}, "limit": PAGE}
            )
            charges = [_charge(each, keys) for each in await _all(page.auto_paging_iter())]
        return [charge for charge in charges if not charge.taken.is_zero]

    async def prove(self) -> bool:
        """Whether the key can read charges and events; logs the reason when it cannot. Never raises a Stripe error."""
        try:
            with reading():
                await self._client.v1.charges.list_async({"limit": 1})
                await self._client.v1.events.list_async({"limit": 1})
        except StripeUnavailable as error:
            log.error("stripe.key_not_proved", reason=error.reason)  # noqa: TRY400 - the reason says it all
            return False
        return True

    async def _charge(self, charge_id: str) -> LedgerCharge | None:
        with reading():
            try:
                return _charge(await self._client.v1.charges.retrieve_async(charge_id), {})
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise
                return None

    async def _keys(self, first: int, last: int) -> Mapping[str, str]:
        """The idempotency key of each charge, by charge id. Only events hold it, and Stripe keeps them for 30 days.

        Without the permission to read events this logs a warning and returns nothing; charges are still found.
        """
        try:
            with reading():
                page = await self._client.v1.events.list_async(
                    {"created": {"gte": first, "lte": last}, "types": ["charge.succeeded"], "limit": PAGE}
                )
                return {
                    event["data"]["object"]["id"]: event["request"]["idempotency_key"]
                    for event in await _all(page.auto_paging_iter())
                    if event["request"] and event["request"]["idempotency_key"]
                }
        except KeyRefused as error:
            log.warning("stripe.events_not_readable", reason=error.reason)
            return {}


async def _all(pages: AsyncIterable[T]) -> list[T]:
    found = []
    async for each in pages:
        found.append(each)
        if len(found) > MOST:
            raise StripeUnavailable("too_many")
    return found


def _charge(charge: Any, keys: Mapping[str, str]) -> LedgerCharge:
    currency = charge["currency"]
    return LedgerCharge(
        id=charge["id"],
        # Only a captured amount was taken; a failed or pending charge took nothing.
        taken=from_minor_units(charge["amount_captured"] if charge["status"] == "succeeded" else 0, currency),
        given_back=from_minor_units(charge["amount_refunded"], currency),
        disputed=bool(charge["disputed"]),
        customer_id=charge["customer"],
        upstream_key=keys.get(charge["id"]),
    )
