"""GroupVisitService: the group visits of the next weeks. One look at the calendar serves everybody who asks within half a minute.

What is shown may be that old: seats are taken elsewhere too, and a seat is nobody's until the system of record has given it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from booking.catalog.model import Catalog
from booking.groups.model import GroupVisit, GroupVisits, GroupWish
from booking.ports import Clock
from booking.single_flight import SingleFlight

# How far ahead group visits are listed. One request reads them all; further ones are seldom planned.
HORIZON = timedelta(days=60)

TIME_TO_LIVE = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """The calendar as it was read at some moment."""

    visit_type_ids: frozenset[str]
    visits: tuple[GroupVisit, ...]
    read_at: datetime  # UTC, before the request was sent

    def serves(self, visit_type_ids: frozenset[str], now: datetime) -> bool:
        """Whether it may be shown; not one from the future, which a clock set back leaves behind."""
        same = self.visit_type_ids == visit_type_ids
        return same and timedelta(0) <= now - self.read_at < TIME_TO_LIVE


class GroupVisitService:
    """Lists upcoming group visits."""

    def __init__(self, *, visits: GroupVisits, clock: Clock) -> None:
        self._visits = visits
        self._clock = clock
        self._last: _Reading | None = None
        self._reads: SingleFlight[frozenset[str], _Reading] = SingleFlight()

    async def upcoming(self, catalog: Catalog, wish: GroupWish) -> Sequence[GroupVisit]:
        """The group visits that match and that patients may still join by the practice's notice, soonest first; full ones too.

        `catalog` is the bookable one: visits of other clinicians are left out. Reads nothing where the practice has no group types.
        Raises UpstreamUnavailable.
        """
        types = frozenset(kind.id for kind in catalog.group_types)
        if not types:
            return ()
        found = (await self._read(types)).visits
        now = self._clock.now()
        return [
            visit for visit in found if _is_offered(visit, catalog, now) and _matches(visit, catalog, wish)
        ]

    async def _read(self, types: frozenset[str]) -> _Reading:
        if self._last is not None and self._last.serves(types, self._clock.now()):
            return self._last
        return await self._reads(types, lambda: self._read_anew(types))

    async def _read_anew(self, types: frozenset[str]) -> _Reading:
        now = self._clock.now()
        visits = await self._visits.standing(types, start=now, end=now + HORIZON)
        ordered = sorted(visits, key=lambda visit: (visit.start, visit.id))
        self._last = _Reading(visit_type_ids=types, visits=tuple(ordered), read_at=now)
        return self._last


def _is_offered(visit: GroupVisit, catalog: Catalog, now: datetime) -> bool:
    """Whether patients may join it, or its waitlist, at this moment, as far as the offer says."""
    kind = catalog.group_type(visit.visit_type_id)
    return (
        kind is not None
        and catalog.clinician(visit.clinician_id) is not None
        and not catalog.policy_for(kind).is_too_late(visit.start, now)
    )


def _matches(visit: GroupVisit, catalog: Catalog, wish: GroupWish) -> bool:
    clinician = catalog.clinician(visit.clinician_id)
    return (
        wish.visit_type_id in (None, visit.visit_type_id)
        and wish.contact_type in (None, visit.contact_type)
        and (wish.clinician_ids is None or visit.clinician_id in wish.clinician_ids)
        and (wish.state is None or (clinician is not None and clinician.may_treat_in(wish.state)))
    )
