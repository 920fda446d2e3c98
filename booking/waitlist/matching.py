"""Who is offered which free time: pure functions of the entries, the free slots and the clock."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from booking.catalog.model import Catalog
from booking.slots import Slot
from booking.waitlist.model import LIVE, SEEN, EntryState, WaitlistEntry, WaitlistOffer, Wish
from booking.waitlist.rules import WaitlistRules
from booking.zones import zone


class _Local(NamedTuple):
    """A time as a patient's zone has it."""

    day: date
    weekday: int  # Monday is 1
    minute: int  # since midnight by the clock on the wall


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What a choice depends on besides entries and slots."""

    catalog: Catalog
    rules: WaitlistRules
    now: datetime  # UTC
    offers: Collection[WaitlistOffer]  # of these entries, past and live ones

    @cached_property
    def busy(self) -> frozenset[str]:
        """The ids of entries that have a live offer."""
        return frozenset(one.entry_id for one in self.offers if one.state in LIVE)

    def soonest(self, wish: Wish) -> datetime:
        """The start of the soonest visit that can be offered now: the notice is left after the offer's whole time."""
        if wish.visit_type_id not in self._notices:
            self._notices[wish.visit_type_id] = practice_notice(wish, self.catalog)
        return self.now + max(wish.notice, self._notices[wish.visit_type_id]) + self.rules.offer_lasts

    def local(self, moment: datetime, time_zone: str) -> _Local:
        """The moment by the clock of the zone; worked out once, since thousands may wait for the same times."""
        key = moment, time_zone
        if key not in self._locals:
            there = moment.astimezone(zone(time_zone))
            self._locals[key] = _Local(there.date(), there.isoweekday(), there.hour * 60 + there.minute)
        return self._locals[key]

    @cached_property
    def _notices(self) -> dict[str, timedelta]:
        return {}

    @cached_property
    def _locals(self) -> dict[tuple[datetime, str], _Local]:
        return {}

    def seen_by(self, entry_id: str) -> frozenset[Slot]:
        """The times that were offered to the entry before, and are not offered to it again."""
        return self._seen.get(entry_id, frozenset())

    @cached_property
    def _seen(self) -> Mapping[str, frozenset[Slot]]:
        seen: defaultdict[str, set[Slot]] = defaultdict(set)
        for one in self.offers:
            if one.state in SEEN:
                seen[one.entry_id].add(one.slot)
        return {entry: frozenset(slots) for entry, slots in seen.items()}


def free_for(entry: WaitlistEntry, slots: Iterable[Slot], situation: Situation) -> Slot | None:
    """The earliest of these free slots, which are in the order of their starts, that can be offered to the entry now."""
    if entry.id in situation.busy or not may_be_offered(entry, situation):
        return None
    wish, seen = entry.wish, situation.seen_by(entry.id)
    able, soonest = clinicians_of(wish, situation.catalog), situation.soonest(wish)
    return next(
        (
            one
            for one in slots
            if one.start >= soonest
            and one.clinician_id in able
            and _is_when(wish, one.start, situation)
            and _is_such(wish, one)
            and one not in seen
        ),
        None,
    )


def can_still_be_offered(slot: Slot, entry: WaitlistEntry, situation: Situation) -> bool:
    """Whether what was chosen for the entry a while ago would still be: the clock, the entry and the catalog have moved on."""
    able = clinicians_of(entry.wish, situation.catalog)
    return (
        may_be_offered(entry, situation) and slot.clinician_id in able and fits(entry.wish, slot, situation)
    )


def next_for(slot: Slot, entries: Iterable[WaitlistEntry], situation: Situation) -> WaitlistEntry | None:
    """The first of these, who are in the order in which they joined, to whom the slot can be offered now."""
    return next((one for one in entries if free_for(one, (slot,), situation)), None)


def without(slots: Iterable[Slot], taken: Slot) -> list[Slot]:
    """The slots that do not overlap this one."""
    return [
        one
        for one in slots
        if one.clinician_id != taken.clinician_id or not one.interval.overlaps(taken.interval)
    ]


def may_be_offered(entry: WaitlistEntry, situation: Situation) -> bool:
    """Whether the entry waits, and it is not the quiet time of its patient's day."""
    return (
        entry.state is EntryState.WAITING
        and situation.now < entry.ends_at
        and not situation.rules.quiet.covers(situation.now, entry.wish.time_zone)
    )


def fits(wish: Wish, slot: Slot, situation: Situation) -> bool:
    """Whether the slot is of the kind, on a day and at a time that the patient waits for, with enough notice after the offer's end."""
    return (
        slot.start >= situation.soonest(wish)
        and _is_such(wish, slot)
        and _is_when(wish, slot.start, situation)
    )


def _is_such(wish: Wish, slot: Slot) -> bool:
    return (slot.visit_type_id, slot.contact_type, slot.location_id) == (
        wish.visit_type_id,
        wish.contact_type,
        wish.location_id,
    )


def _is_when(wish: Wish, start: datetime, situation: Situation) -> bool:
    there = situation.local(start, wish.time_zone)
    if there.day > wish.until or (wish.weekdays and there.weekday not in wish.weekdays):
        return False
    return not wish.hours or any(one.start <= there.minute < one.end for one in wish.hours)


def clinicians_of(wish: Wish, catalog: Catalog) -> frozenset[str]:
    """The bookable clinicians whom the patient would see."""
    able = catalog.clinicians_for(visit_type_id=wish.visit_type_id, state=wish.state)
    return frozenset(one.id for one in able if wish.clinician_ids is None or one.id in wish.clinician_ids)


def practice_notice(wish: Wish, catalog: Catalog) -> timedelta:
    """How long before a visit of this type the practice takes bookings."""
    visit_type = catalog.visit_type(wish.visit_type_id)
    notice = catalog.policy_for(visit_type).schedule_notice if visit_type is not None else None
    return notice or timedelta()
