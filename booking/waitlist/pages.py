"""Reads who waits, in pages: a long list is neither one long statement nor one long pause for others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from booking.unit_of_work import Scope, UnitOfWorkFactory
from booking.waitlist.model import WaitlistEntry, WaitlistOffer
from booking.waitlist.rules import PAGE


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some who wait, in the order in which they joined, and what is or was offered to them of times to come."""

    entries: Sequence[WaitlistEntry]
    offers: Sequence[WaitlistOffer]

    @property
    def last(self) -> WaitlistEntry | None:
        """Who the next page comes after; None: there is none."""
        return self.entries[-1] if len(self.entries) == PAGE else None


async def read_page(
    units: UnitOfWorkFactory, group: str, *, after: WaitlistEntry | None, now: datetime
) -> Page:
    """The waiting entries of the group that come after this one, or the first."""
    async with units(Scope.READING) as unit:
        entries = await unit.waitlist.waiting(group, limit=PAGE, after=after)
        offers = await unit.waitlist.offers_of([one.id for one in entries], now=now)
    return Page(entries=entries, offers=offers)


async def read_all(units: UnitOfWorkFactory, group: str, *, now: datetime) -> Page:
    """Everybody who waits in the group; the practice bounds how many there are."""
    page = await read_page(units, group, after=None, now=now)
    entries, offers = [*page.entries], [*page.offers]
    while page.last is not None:
        page = await read_page(units, group, after=page.last, now=now)
        entries += page.entries
        offers += page.offers
    return Page(entries=entries, offers=offers)
