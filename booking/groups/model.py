"""Group visits as everybody may see them, and the port by which they are read."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from booking.catalog.model import ContactType


@dataclass(frozen=True, kw_only=True)
class GroupVisit:
    """A visit that several patients attend, each with a seat of their own. It holds how many they are, and not who."""

    id: str
    visit_type_id: str
    clinician_id: str
    start: datetime  # UTC
    minutes: int
    contact_type: ContactType
    location_id: str | None  # of an in-person visit
    seats: int | None  # in all; None: the practice states no number
    seats_taken: int

    @property
    def seats_left(self) -> int | None:
        """How many seats are free; None where the practice states no number. Never below zero: staff may seat more than fit."""
        return None if self.seats is None else max(0, self.seats - self.seats_taken)

    @property
    def is_full(self) -> bool:
        """Whether no seat is free."""
        return self.seats_left == 0


@dataclass(frozen=True, kw_only=True)
class GroupWish:
    """Which group visits somebody looks for; None: any."""

    visit_type_id: str | None = None
    clinician_ids: frozenset[str] | None = None
    contact_type: ContactType | None = None
    state: str | None = None  # two letters; only clinicians who are licensed there


class GroupVisits(Protocol):
    """Group visits in the practice's calendar."""

    async def standing(
        self, visit_type_ids: Collection[str], *, start: datetime, end: datetime
    ) -> Sequence[GroupVisit]:
        """Those of these types that begin in the range (UTC) and are not cancelled, of all clinicians. Raises UpstreamUnavailable."""
