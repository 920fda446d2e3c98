"""Compares an ended checkout with the card processor's ledger. Reads only, and only charges that concern a checkout.

Staff charge cards too: a charge that nothing ties to a checkout is ignored.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import structlog

from booking.checkout.later_changes import LaterChanges
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.models import Charge
from booking.money import Money

log = structlog.get_logger(__name__)

# How much our clock and the processor's may differ.
CLOCK_SKEW = timedelta(minutes=5)

# How long after an attempt began its charge lands, if ever: the longest confirm window that the settings allow, doubled.
LANDS_WITHIN = timedelta(hours=2)


class DifferenceKind(StrEnum):
    """How the processor's ledger differs from a checkout."""

    CHARGE_MISSING = "charge_missing"
    AMOUNT_DIFFERS = "amount_differs"
    DISPUTED = "disputed"
    # The visit stands, and its charge was refunded in full or in part; or more of it was than its patient has accepted since.
    REFUNDED_ELSEWHERE = "refunded_elsewhere"
    NOT_REFUNDED = "not_refunded"
    SECOND_CHARGE = "second_charge"  # made with a key of this checkout's, and not on its row
    POSSIBLE_TWIN = "possible_twin"  # same customer and amount, about the same time: only a hint


# Money that is with the practice and should not be: reported again until it is refunded, even if an operator resolved it.
_STANDING = (DifferenceKind.NOT_REFUNDED, DifferenceKind.SECOND_CHARGE)


@dataclass(frozen=True, kw_only=True)
class LedgerCharge:
    """A charge in the card processor's ledger."""

    id: str
    taken: Money  # zero: it failed, or is pending
    given_back: Money
    disputed: bool
    customer_id: str | None  # the processor's, opaque
    upstream_key: str | None  # its idempotency key, where the processor tells

    @property
    def stands(self) -> bool:
        """Whether any of the money is still with the practice."""
        return self.taken != self.given_back


class ChargeLedger(Protocol):
    """The card processor's ledger, of the account that takes the practice's payments."""

    async def find(self, charge_ids: Collection[str]) -> Mapping[str, LedgerCharge]:
        """Return the charges with these ids; unknown ids are left out. Raises UpstreamUnavailable."""

    async def landed(self, since: datetime, until: datetime) -> Sequence[LedgerCharge]:
        """Return all charges made between these times (UTC) that took money. Raises UpstreamUnavailable."""

    async def prove(self) -> bool:
        """Whether the ledger can be read; if not, the reason is in the log."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One difference between ledger and checkout; a person decides what it means."""

    kind: DifferenceKind
    charge_id: str

    @property
    def id(self) -> str:
        """How `Checkout.resolved_ids` names it once it was escalated."""
        return f"{self.kind}:{self.charge_id}"


async def reconcile(
    ledger: ChargeLedger,
    checkout: Checkout,
    others: Sequence[Checkout],
    later: LaterChanges,
) -> tuple[Difference, ...]:
    """Return how the ledger differs from an ended checkout, without what was escalated already. Raises UpstreamUnavailable.

    `others` are the patient's other checkouts, `later` what they changed since. Each difference is logged, with ids only.
    """
    if not checkout.attempts:
        return ()
    own = checkout.charge
    booked = (await ledger.find([own.charge_id])).get(own.charge_id) if own else None
    begun = [attempt.intended_at for attempt in checkout.attempts]
    landed = await ledger.landed(min(begun) - CLOCK_SKEW, max(begun) + LANDS_WITHIN)
    found = (
        *(_of_own(own, booked, later, confirmed=checkout.state is S.CONFIRMED) if own else ()),
        *_of_others(checkout, booked, landed, _accounted_for(checkout, others), later),
    )
    differences = tuple(each for each in found if each.id not in checkout.resolved_ids)
    for each in differences:
        log.warning("ledger.difference", checkout=checkout.id, kind=each.kind, charge=each.charge_id)
    return differences


def still_resolved(resolved_ids: Iterable[str]) -> tuple[str, ...]:
    """Return the ids that stay resolved after an operator's word: not those of standing money, which are reported again."""
    return tuple(one for one in resolved_ids if one.partition(":")[0] not in _STANDING)


def _of_own(
    own: Charge, booked: LedgerCharge | None, later: LaterChanges, *, confirmed: bool
) -> list[Difference]:
    """Compare the row's own charge: its amount, and whether it is kept for a confirmed visit and refunded otherwise.

    Of a confirmed visit's, just what its patient has accepted since is given back.
    """
    if booked is None:
        return [Difference(kind=DifferenceKind.CHARGE_MISSING, charge_id=own.charge_id)]
    least, most = later.given_back(own)
    kept = booked.given_back.amount < least.amount if confirmed else booked.stands
    kinds = {
        DifferenceKind.AMOUNT_DIFFERS: booked.taken != own.net,
        DifferenceKind.DISPUTED: booked.disputed,
        DifferenceKind.REFUNDED_ELSEWHERE: confirmed and booked.given_back.amount > most.amount,
        DifferenceKind.NOT_REFUNDED: kept,
    }
    return [Difference(kind=kind, charge_id=own.charge_id) for kind, differs in kinds.items() if differs]


def _of_others(
    checkout: Checkout,
    booked: LedgerCharge | None,
    landed: Sequence[LedgerCharge],
    known: frozenset[str],
    later: LaterChanges,
) -> list[Difference]:
    """Find charges beside the row's own. Its idempotency key proves a charge; without a key, likeness is a hint.

    As many as there were fees of this amount are taken for those fees.
    """
    keys = {f"{checkout.id}-{attempt.number}" for attempt in checkout.attempts}
    found: list[Difference] = []
    twins: list[Difference] = []
    for charge in landed:
        if charge.id in known or not charge.stands:
            continue
        if charge.upstream_key in keys:
            found.append(Difference(kind=DifferenceKind.SECOND_CHARGE, charge_id=charge.id))
        elif booked is not None and _alike(charge, booked):
            twins.append(Difference(kind=DifferenceKind.POSSIBLE_TWIN, charge_id=charge.id))
    fees = later.fees_of(booked.taken) if booked is not None else 0
    return found if len(twins) <= fees else [*found, *twins]


def _alike(charge: LedgerCharge, booked: LedgerCharge) -> bool:
    return (
        charge.upstream_key is None
        and charge.customer_id is not None
        and charge.customer_id == booked.customer_id
        and charge.taken == booked.taken
    )


def _accounted_for(checkout: Checkout, others: Sequence[Checkout]) -> frozenset[str]:
    rows = (checkout, *others)
    charges = {row.charge.charge_id for row in rows if row.charge}
    return frozenset(charges | {name for row in rows for name in row.resolved_ids})
