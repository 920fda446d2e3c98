"""Hold capacity: the share of a clinician's day that anonymous callers may hold, and how holds get shorter as it fills.

Holds and visitor tokens cost nothing, so the minutes of a day are limited, not only the holds of a caller. A day is a UTC day. Its
minutes are those that the system of record offered when it was last read; it knows nothing of holds, so held minutes are included.
Signed-in patients and confirmed checkouts are neither counted nor refused here: the rest of the day is kept for them.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from booking.models import Hold
from booking.ports import Clock, HoldStore
from booking.refusals import HoldCapacityReached
from booking.scheduling.day_capacity import DayCapacity, day_of, minutes_taken
from booking.scheduling.offered_days import OfferedDays, minutes_of
from booking.scheduling.search import SlotSearch
from booking.slots import Slot


@dataclass(frozen=True, kw_only=True)
class ReducedTerms:
    """The terms of a hold once other anonymous holds fill this part of the capacity."""

    filled: float  # part of the capacity, 0 to 1
    part: float  # of the usual duration, 0 to 1
    extensions: int  # at most


# Blocking a calendar then takes more requests, while a patient still has time to type a card number.
REDUCED_TERMS = (
    ReducedTerms(filled=0.75, part=0.4, extensions=0),
    ReducedTerms(filled=0.5, part=0.6, extensions=1),
)
SHORTEST = timedelta(minutes=2)

# From here on the practice is alerted; fewer holds than this on one day are people who compare times.
ALERT_FROM = 0.75
ALERT_HOLDS = 4

# Called with the clinician's id and the day (UTC) that anonymous holds have nearly filled.
HoldAlarm = Callable[[str, date], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class ShareRules:
    """The bounds as fractions: `everybody` of the day's minutes, the others of `everybody`."""

    # The other half stays free for patients who sign in, whatever anonymous callers do.
    everybody: float = 0.5
    # So that no single visitor or address keeps other guests out.
    visitor: float = 0.5
    network: float = 0.5
    # A whole IPv4 /24 or IPv6 /48 may belong to one customer: it leaves a quarter to guests from elsewhere.
    block: float = 0.75


@dataclass(frozen=True, kw_only=True)
class HoldTerms:
    """How long a hold lasts from now, and how often it may be extended in all."""

    duration: timedelta
    extensions: int


class AnonymousHoldShare:
    """Takes the holds of anonymous callers, within their share of the day and on terms that depend on how full it is."""

    def __init__(
        self, *, store: HoldStore, search: SlotSearch, clock: Clock, rules: ShareRules, alarm: HoldAlarm
    ) -> None:
        self._store = store
        self._search = search
        self._rules = rules
        self._alarm = alarm
        self._days = OfferedDays(clock=clock)

    def learn(self, slot: Slot, offered: Iterable[Slot]) -> None:
        """Store the offer of the slot's day, which was read just now."""
        self._days.learn(slot, offered)

    async def take(self, hold: Hold, *, limit: int | None, client_limit: int | None) -> Hold:
        """Take the interval, for as long as an anonymous hold lasts now. Raises SlotTaken, HoldLimitReached, HoldCapacityReached.

        A day whose offer is not known has room for one hold, whose verification reads the offer. Otherwise the offer is read here only
        before a refusal; raises UpstreamUnavailable then.
        """
        # Before the capacity is computed: a concurrent request may store a newer offer in between.
        just_read = self._days.just_read(hold.slot)
        others, capacity = await self._others(hold), self._capacity(hold.slot)
        usual = HoldTerms(duration=hold.expires_at - hold.created_at, extensions=0)
        reduced = replace(hold, expires_at=hold.created_at + self._reduced(hold, others, usual).duration)
        try:
            held = await self._store.acquire(
                reduced, limit=limit, client_limit=client_limit, capacity=capacity
            )
        except HoldCapacityReached:
            if just_read:
                await self._alert_when_nearly_full(hold, others)
                raise
            self.learn(hold.slot, await self._search.offered_day(hold.slot))
            return await self.take(hold, limit=limit, client_limit=client_limit)
        await self._alert_when_nearly_full(held, others)
        return held

    async def terms(self, hold: Hold, usual: HoldTerms) -> HoldTerms:
        """The terms of the hold, given how far others have filled its day."""
        return self._reduced(hold, await self._others(hold), usual)

    def _reduced(self, hold: Hold, others: Sequence[Hold], usual: HoldTerms) -> HoldTerms:
        """The terms by the minutes taken beside the hold's own; without other holds the terms are the usual ones, however short the day."""
        capacity = self._capacity(hold.slot)
        used = minutes_taken([hold, *others], capacity.offered) - hold.slot.minutes
        for terms in REDUCED_TERMS:
            if others and used >= terms.filled * capacity.everybody > 0:
                duration = min(usual.duration, max(SHORTEST, usual.duration * terms.part))
                return HoldTerms(duration=duration, extensions=min(usual.extensions, terms.extensions))
        return usual

    async def _alert_when_nearly_full(self, hold: Hold, others: Sequence[Hold]) -> None:
        capacity = self._capacity(hold.slot)
        used = minutes_taken([hold, *others], capacity.offered)
        if len(others) + 1 >= ALERT_HOLDS and used >= ALERT_FROM * capacity.everybody > 0:
            await self._alarm(hold.slot.clinician_id, hold.slot.day)

    async def _others(self, hold: Hold) -> list[Hold]:
        standing = await self._store.anonymous(hold.slot.clinician_id, day_of(hold.slot))
        return [one for one in standing if one.slot != hold.slot]

    def _capacity(self, slot: Slot) -> DayCapacity:
        offered = self._days.offered(slot)
        everybody = minutes_of(offered) * self._rules.everybody
        return DayCapacity(
            day=day_of(slot),
            offered=offered,
            everybody=int(everybody),
            visitor=int(everybody * self._rules.visitor),
            network=int(everybody * self._rules.network),
            block=int(everybody * self._rules.block),
        )
