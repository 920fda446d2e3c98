"""Credits of packages: what is left for a patient by the ledger of the system of record, less what our own visits are about to take.

One credit is one visit of one type. It is taken by the system of record when a visit is booked, whoever books; nothing here writes
a number. A checkout claims its credit by its own row: a patient has one checkout in flight at a time (a unique index), the
credit is read right before the booking, and a row counts against what is left until the ledger names its visit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class CreditAccount:
    """A patient's credits for one visit type, as the ledger has them."""

    left: int  # below zero: visits were booked without having a credit
    # Visits that a credit was taken for and not given back since, with what was left right after it.
    uses: Mapping[str, int]
    named: frozenset[str]  # every visit that a line of the ledger names


class CreditLedger(Protocol):
    """Reads of the ledger, never from a cache. Each raises UpstreamUnavailable."""

    async def account(
        self, patient_id: str, visit_type_id: str, *, clinician_id: str
    ) -> CreditAccount | None:
        """The patient's credits for visits of this type with this clinician; None where the practice does not use credits."""

    async def was_used(self, appointment_id: str, *, clinician_id: str) -> bool:
        """Whether the visit itself says that a credit was used for it."""


class CreditsLeft(Protocol):
    """How many visits a patient may still book by credit."""

    async def left(self, patient_id: str, visit_type_id: str, *, clinician_id: str, besides: str = "") -> int:
        """What is left, never below zero; the checkout `besides` does not count against it. Raises UpstreamUnavailable."""
