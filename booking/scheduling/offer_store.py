"""OfferStore: the port by which processes share offer days and agree on who reads one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

from booking.scheduling.offer_days import OfferDay, OfferKind

# How long one process may read before another tries as well: longer than most answers take, shorter than patients wait.
LEASE = timedelta(seconds=5)

# How long an offer is kept: as long as it may be shown at all.
KEPT = timedelta(seconds=15)


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a look into the store found."""

    offers: Mapping[date, OfferDay] = field(default_factory=dict)
    # The lease of all other days is the asker's; False: another process is reading one of them.
    leased: bool = True


class OfferStore(Protocol):
    """Never raises: where it does not answer, every process reads for itself.

    A lease belongs to its token, and runs out after LEASE.
    """

    async def look(
        self, kind: OfferKind, days: Collection[date], *, after: datetime, token: str | None
    ) -> Look:
        """The days that were read after this time; of the others the lease is taken, of all or none. Without a token none is taken."""

    async def put(self, kind: OfferKind, offers: Mapping[date, OfferDay], *, token: str) -> None:
        """Store what was read, unless a newer reading is there, and end the leases of these days that belong to this token."""

    async def release(self, kind: OfferKind, days: Collection[date], *, token: str) -> None:
        """End the leases of these days that belong to this token: nothing was read."""


class NoOfferStore:
    """The port OfferStore of a process that shares with no other."""

    async def look(
        self, kind: OfferKind, days: Collection[date], *, after: datetime, token: str | None
    ) -> Look:
        """Nothing, and the lease."""
        del kind, days, after, token
        return Look()

    async def put(self, kind: OfferKind, offers: Mapping[date, OfferDay], *, token: str) -> None:
        """Do nothing: the process keeps what it read."""

    async def release(self, kind: OfferKind, days: Collection[date], *, token: str) -> None:
        """Do nothing."""
