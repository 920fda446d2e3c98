"""What the fake Stripe keeps: cards, charges, refunds. Amounts are minor units, instants in UTC."""

import dataclasses
from datetime import datetime

from integrations.healthie_emulator.stripe_tokens import TestCard


@dataclasses.dataclass(frozen=True, kw_only=True)
class Card:
    """A card that is attached to a customer."""

    id: str
    customer: str
    fingerprint: TestCard
    created_at: datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Charge:
    """Money that was taken, or that the bank refused (`decline` set, nothing taken)."""

    id: str
    customer: str
    card: str
    amount: int
    currency: str
    created_at: datetime
    idempotency_key: str | None = None
    refunded: int = 0  # given back so far
    decline: str | None = None  # Stripe's decline code


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refund:
    """A refund."""

    id: str
    charge: str
    amount: int
    currency: str
    created_at: datetime
    idempotency_key: str | None = None
