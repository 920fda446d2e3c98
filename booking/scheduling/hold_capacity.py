"""What people who have not signed in may hold of a clinician's day, and what a hold costs them as the day fills.

Holding is free and so is a visitor's token: so minutes of the day are bounded, and not names alone. A day is one of UTC; its minutes are
what the system of record offers of it, as last read, held minutes included (it knows nothing of holds). Patients who have signed in, and
checkouts that somebody has confirmed, are neither counted nor refused here: the rest of the day is theirs.
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
class HoldPrice:
    """What a hold is good for where others have filled so much of what anonymous holds may take."""

    filled: float
    part: float  # of its usual duration
    extensions: int


# Whoever keeps a calendar shut has to come back more often; a patient who types a card number still has the time to.
PRICES = (HoldPrice(filled=0.75, part=0.4, extensions=0), HoldPrice(filled=0.5, part=0.6, extensions=1))
SHORTEST = timedelta(minutes=2)

# From here on the practice is told; fewer holds than this on one day are people who compare times.
ALERT_FROM = 0.75
ALERT_HOLDS = 4

# Told of the clinician whose day (UTC) is nearly filled by anonymous holds.
HoldAlarm = Callable[[str, date], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class ShareRules:
    """`everybody` is a part of the day's minutes; the others are parts of that."""

    # The other half stays free for patients who sign in, whatever strangers do.
    everybody: float = 0.5
    # So that nobody alone, by one name or from one address, keeps other guests out.
    visitor: float = 0.5
    network: float = 0.5
    # A whole IPv4 /24 or IPv6 /48 may be one customer's: it leaves a quarter to guests from elsewhere.
    block: float = 0.75


@dataclass(frozen=True, kw_only=True)
class HoldTerms:
    """What a hold is good for."""

    duration: timedelta
    extensions: int


class AnonymousHoldShare:
    """Takes and prices the holds of people who have not signed in."""

    def __init__(
        self, *, store: HoldStore, search: SlotSearch, clock: Clock, rules: ShareRules, alarm: HoldAlarm
    ) -> None:
        self._store = store
        self._search = search
        self._rules = rules
        self._alarm = alarm
        self._days = OfferedDays(clock=clock)

    def learn(self, slot: Slot, offered: Iterable[Slot]) -> None:
        """Remember what is offered of the slot's day, which was read just now."""
        self._days.learn(slot, offered)

    async def take(self, hold: Hold, *, limit: int | None, client_limit: int | None) -> Hold:
        """Take the interval, for as long as such a hold lasts now. Raises SlotTaken, HoldLimitReached, HoldCapacityReached.

        A day of which nothing is known has room for one hold, whose verification reads it. It is read for this alone only before
        somebody is refused; raises UpstreamUnavailable then.
        """
        # Asked before what is known is used: meanwhile somebody else may learn more.
        just_read = self._days.just_read(hold.slot)
        others, capacity = await self._others(hold), self._capacity(hold.slot)
        usual = HoldTerms(duration=hold.expires_at - hold.created_at, extensions=0)
        priced = replace(hold, expires_at=hold.created_at + self._priced(hold, others, usual).duration)
        try:
            held = await self._store.acquire(
                priced, limit=limit, client_limit=client_limit, capacity=capacity
            )
        except HoldCapacityReached:
            if just_read:
                await self._tell(hold, others)
                raise
            self.learn(hold.slot, await self._search.offered_day(hold.slot))
            return await self.take(hold, limit=limit, client_limit=client_limit)
        await self._tell(held, others)
        return held

    async def terms(self, hold: Hold, usual: HoldTerms) -> HoldTerms:
        """How long the hold lasts from now, and how often it may be extended in all, as others have filled its day."""
        return self._priced(hold, await self._others(hold), usual)

    def _priced(self, hold: Hold, others: Sequence[Hold], usual: HoldTerms) -> HoldTerms:
        """By what is taken beside the hold; who is alone pays nothing, however short the day."""
        capacity = self._capacity(hold.slot)
        used = minutes_taken([hold, *others], capacity.offered) - hold.slot.minutes
        for price in PRICES:
            if others and used >= price.filled * capacity.everybody > 0:
                duration = min(usual.duration, max(SHORTEST, usual.duration * price.part))
                return HoldTerms(duration=duration, extensions=min(usual.extensions, price.extensions))
        return usual

    async def _tell(self, hold: Hold, others: Sequence[Hold]) -> None:
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
