"""The card processor's books held against ours. Read only, and only what concerns a checkout of ours.

Staff charge cards too: a charge that nothing ties to a checkout is not ours to judge.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import structlog

from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.models import Charge
from booking.money import Money

log = structlog.get_logger(__name__)

# Clocks differ by this much.
CLOCK_SKEW = timedelta(minutes=5)

# After an attempt began its charge has landed, if ever: the longest confirm window that the settings allow, and as long again.
LANDS_WITHIN = timedelta(hours=2)


class DifferenceKind(StrEnum):
    """How the processor's books differ from a checkout."""

    CHARGE_MISSING = "charge_missing"
    AMOUNT_DIFFERS = "amount_differs"
    DISPUTED = "disputed"
    # A visit stands, and what it cost was given back, or some of it.
    REFUNDED_ELSEWHERE = "refunded_elsewhere"
    NOT_REFUNDED = "not_refunded"
    SECOND_CHARGE = "second_charge"  # made with a key of this checkout's, and not on its row
    POSSIBLE_TWIN = "possible_twin"  # same customer, amount and hour: a hint, no more


# They tell of money that is with the practice and should not be: nobody's word settles that.
_STANDING = (DifferenceKind.NOT_REFUNDED, DifferenceKind.SECOND_CHARGE)


@dataclass(frozen=True, kw_only=True)
class LedgerCharge:
    """A charge as the card processor knows it."""

    id: str
    taken: Money  # zero: it failed, or is pending
    given_back: Money
    disputed: bool
    customer_id: str | None  # the processor's, opaque
    upstream_key: str | None  # that it was made with, where the processor tells

    @property
    def stands(self) -> bool:
        """Whether any of the money is still with the practice."""
        return self.taken != self.given_back


class ChargeLedger(Protocol):
    """The card processor's books, of the account that takes the practice's payments."""

    async def find(self, charge_ids: Collection[str]) -> Mapping[str, LedgerCharge]:
        """The charges with these ids; the unknown are left out. Raises UpstreamUnavailable."""

    async def landed(self, since: datetime, until: datetime) -> Sequence[LedgerCharge]:
        """All charges made in this time that took money. Raises UpstreamUnavailable."""

    async def prove(self) -> bool:
        """Whether the books can be read; what keeps them closed is in the log."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One difference; a person decides what it means."""

    kind: DifferenceKind
    charge_id: str

    @property
    def id(self) -> str:
        """What a row calls it once a person was told."""
        return f"{self.kind}:{self.charge_id}"


async def reconcile(
    ledger: ChargeLedger, checkout: Checkout, others: Sequence[Checkout]
) -> tuple[Difference, ...]:
    """How the books differ from an ended checkout, less what the row calls settled. Raises UpstreamUnavailable.

    `others` are the patient's other checkouts. Each difference is logged too, by ids alone.
    """
    if not checkout.attempts:
        return ()
    own = checkout.charge
    booked = (await ledger.find([own.charge_id])).get(own.charge_id) if own else None
    begun = [attempt.intended_at for attempt in checkout.attempts]
    landed = await ledger.landed(min(begun) - CLOCK_SKEW, max(begun) + LANDS_WITHIN)
    found = (
        *(_of_own(own, booked, confirmed=checkout.state is S.CONFIRMED) if own else ()),
        *_of_others(checkout, booked, landed, _accounted_for(checkout, others)),
    )
    differences = tuple(each for each in found if each.id not in checkout.resolved_ids)
    for each in differences:
        log.warning("ledger.difference", checkout=checkout.id, kind=each.kind, charge=each.charge_id)
    return differences


def settled_by_word(resolved_ids: Iterable[str]) -> tuple[str, ...]:
    """What is settled of a row that a person has resolved: money that stands is not, and the next look tells it again."""
    return tuple(one for one in resolved_ids if one.partition(":")[0] not in _STANDING)


def _of_own(own: Charge, booked: LedgerCharge | None, *, confirmed: bool) -> list[Difference]:
    """The charge on the row: taken as the row says, kept for a visit, else given back."""
    if booked is None:
        return [Difference(kind=DifferenceKind.CHARGE_MISSING, charge_id=own.charge_id)]
    kinds = {
        DifferenceKind.AMOUNT_DIFFERS: booked.taken != own.net,
        DifferenceKind.DISPUTED: booked.disputed,
        DifferenceKind.REFUNDED_ELSEWHERE: confirmed and not booked.given_back.is_zero,
        DifferenceKind.NOT_REFUNDED: not confirmed and booked.stands,
    }
    return [Difference(kind=kind, charge_id=own.charge_id) for kind, differs in kinds.items() if differs]


def _of_others(
    checkout: Checkout, booked: LedgerCharge | None, landed: Sequence[LedgerCharge], known: frozenset[str]
) -> list[Difference]:
    """Charges beside the one on the row: the key proves whose they are; without one, likeness is a hint."""
    keys = {f"{checkout.id}-{attempt.number}" for attempt in checkout.attempts}
    found = []
    for charge in landed:
        if charge.id in known or not charge.stands:
            continue
        if charge.upstream_key in keys:
            found.append(Difference(kind=DifferenceKind.SECOND_CHARGE, charge_id=charge.id))
        elif booked is not None and _alike(charge, booked):
            found.append(Difference(kind=DifferenceKind.POSSIBLE_TWIN, charge_id=charge.id))
    return found


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
