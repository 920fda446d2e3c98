"""The port ChargeLedger: what Stripe's books say, read with a restricted key."""

from collections.abc import AsyncIterable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import stripe
import structlog

from booking.card_amounts import from_minor_units
from booking.checkout.ledger import LedgerCharge
from integrations.stripe.errors import KeyRefused, StripeUnavailable, reading

log = structlog.get_logger(__name__)

# The most that Stripe answers at once.
PAGE = 100

# A window of hours holds less, unless something is wrong: a practice takes hundreds of payments a day.
MOST = 10_000

T = TypeVar("T")


class StripeLedger:
    """Charges as Stripe knows them, of the one account that the key belongs to."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client

    async def find(self, charge_ids: Collection[str]) -> Mapping[str, LedgerCharge]:
        """The charges with these ids; those that Stripe does not know are left out. Raises StripeUnavailable."""
        found = {}
        for charge_id in sorted(set(charge_ids)):
            charge = await self._charge(charge_id)
            if charge is not None:
                found[charge_id] = charge
        return found

    async def landed(self, since: datetime, until: datetime) -> Sequence[LedgerCharge]:
        """All charges that were made in this time and took money, with their upstream keys as far as Stripe tells them.

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
        """Whether the key can read what it is for; says in the log what it cannot. Raises nothing of Stripe's."""
        try:
            with reading():
                await self._client.v1.charges.list_async({"limit": 1})
                await self._client.v1.events.list_async({"limit": 1})
        except StripeUnavailable as error:
            log.error("stripe.key_not_proved", reason=error.reason)  # noqa: TRY400 - the reason is all there is to know
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
        """The idempotency key that each charge was made with; only events tell it, and they are kept for 30 days.

        A key of ours that may not read events finds less, which is said, and no reason to find nothing.
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
        # Only what was captured was taken; of a failed or pending charge that is nothing.
        taken=from_minor_units(charge["amount_captured"] if charge["status"] == "succeeded" else 0, currency),
        given_back=from_minor_units(charge["amount_refunded"], currency),
        disputed=bool(charge["disputed"]),
        customer_id=charge["customer"],
        upstream_key=keys.get(charge["id"]),
    )
