"""Watches the waitlist from outside, by its rows and the true time, and takes note of what must never be.

What suits a patient is worked out here anew, by nothing of the program's: a mistake there must not excuse itself.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter
from sqlalchemy import Engine, event, select

from booking.checkout.model import CheckoutState
from booking.slots import Slot
from booking.waitlist.model import Wish
from booking.waitlist.rules import WaitlistRules
from integrations.database.tables.checkouts import checkouts
from integrations.database.tables.events import practice_events
from integrations.database.tables.slots import holds
from integrations.database.tables.waitlist import waitlist_entries, waitlist_offers
from tests.simulation.fate import FROZEN, LARGEST_JUMP, Trace
from tests.simulation.virtual_loop import VirtualLoop
from tests.simulation.waiting_practice import Practice, cells_of

# By so much a process's clock may be wrong, and so long ago it may have read what it acts on.
SKEW = timedelta(seconds=LARGEST_JUMP + 10)
LONG_AGO = timedelta(seconds=2 * FROZEN[1]) + SKEW

# Without trouble: the period of looks, the rest of a group, a lease, and the offers of one look.
SOON = timedelta(minutes=13)
HELD_AGAIN = timedelta(seconds=120)

_WISH, _SLOT = TypeAdapter[Wish](Wish), TypeAdapter[Slot](Slot)


@dataclass(frozen=True)
class Waiter:
    """A row of an entry."""

    id: str
    group: str
    joined_at: datetime
    waits: bool
    wish: Wish


@dataclass(frozen=True)
class Offered:
    """A row of an offer."""

    id: str
    entry: str
    hold: str
    state: str
    slot: Slot
    expires_at: datetime

    @property
    def live(self) -> bool:
        return self.state in {"intended", "offered"}


@dataclass
class WaitingWitness:
    """Called after every commit to either store, and from time to time."""

    loop: VirtualLoop
    database: Engine
    hold_database: Engine
    practice: Practice
    rules: WaitlistRules
    trace: Trace
    violations: list[str] = field(default_factory=list)
    emptied_at: datetime | None = None
    announced: Counter[str] = field(default_factory=Counter)
    _before: Mapping[str, Offered] = field(default_factory=dict)
    _idle_since: dict[str, datetime] = field(default_factory=dict)
    _bare_since: dict[str, datetime] = field(default_factory=dict)
    _missed_since: dict[tuple[str, Slot], datetime] = field(default_factory=dict)
    _changed: bool = True

    def watch(self) -> None:
        """Notice writes from now on; without one there is nothing new to see."""
        event.listen(self.database, "before_cursor_execute", self._note)
        event.listen(self.hold_database, "before_cursor_execute", self._note)

    def stop(self) -> None:
        """Notice no more."""
        event.remove(self.database, "before_cursor_execute", self._note)
        event.remove(self.hold_database, "before_cursor_execute", self._note)

    def _note(self, _: Any, __: Any, statement: str, *___: Any) -> None:
        if not statement.startswith("SELECT") and ("waitlist_" in statement or "holds" in statement):
            self._changed = True

    def emptied(self) -> None:
        """The hold store has lost everything."""
        self.emptied_at = self.loop.now()

    def __call__(self) -> None:
        """After a commit."""
        if not self._changed:
            return
        self._changed = False
        now, waiters, offers = self.loop.now(), self._waiters(), self.offers()
        busy = {one.entry for one in offers.values() if one.live}
        for one in offers.values():
            before = self._before.get(one.id)
            if before is None:
                self._in_order(one, waiters, offers, now)
            if one.state == "offered" and (before is None or before.state != "offered"):
                self._may_go_out(one, waiters[one.entry], now)
        self._to_one_only(offers.values(), now)
        for waiter in waiters.values():
            if waiter.waits and waiter.id not in busy:
                self._idle_since.setdefault(waiter.id, now)
            else:
                self._idle_since.pop(waiter.id, None)
        self._before = offers

    def _in_order(
        self, offer: Offered, waiters: Mapping[str, Waiter], offers: Mapping[str, Offered], now: datetime
    ) -> None:
        """Nobody who has long waited idly, joined earlier, and would have the time too, was passed over."""
        them = waiters[offer.entry]
        seen = {(one.entry, one.slot) for one in offers.values() if one.state != "lost"}
        busy = {one.entry for one in offers.values() if one.live}
        for other in waiters.values():
            earlier = (other.joined_at, other.id) < (them.joined_at, them.id)
            idle = self._idle_since.get(other.id)
            if (
                earlier
                and other.group == them.group
                and other.id not in busy
                and idle is not None
                and idle <= now - LONG_AGO
                and (other.id, offer.slot) not in seen
                and self._suits(other.wish, offer.slot, now - LONG_AGO, now + SKEW)
            ):
                self._say(f"order: {offer.id} went past {other.id}")

    def _may_go_out(self, offer: Offered, waiter: Waiter, now: datetime) -> None:
        self.announced[offer.id] += 1
        if all(self._quiet(waiter.wish, now + by) for by in (-SKEW, timedelta(), SKEW)):
            self._say(f"quiet hours: {offer.id} went out at {now} in {waiter.wish.time_zone}")
        if not self._is_such_a_time(waiter.wish, offer.slot):
            self._say(f"unsuitable: {offer.id}")
        if offer.slot.start < now + waiter.wish.notice + self.rules.offer_lasts - 2 * SKEW:
            self._say(f"notice: {offer.id} left too little")
        if self._others_hold(offer, now):
            self._say(f"offered to two: {offer.id} is of a time that somebody else holds")

    def _to_one_only(self, offers: Iterable[Offered], now: datetime) -> None:
        open_ones = [one for one in offers if one.state == "offered" and now + SKEW < one.expires_at]
        for place, one in enumerate(open_ones):
            for other in open_ones[place + 1 :]:
                if set(cells_of(one.slot)) & set(cells_of(other.slot)):
                    self._say(f"offered to two: {one.id} and {other.id}")
            before = self._before.get(one.id)
            kept = self.emptied_at is None or self.emptied_at < now - timedelta(minutes=30)
            if kept and before is not None and self._others_hold(one, now):
                self._say(f"offered to two: somebody else holds the time of {one.id}")

    def _others_hold(self, offer: Offered, now: datetime) -> bool:
        with self.hold_database.connect() as connection:
            rows = connection.execute(select(holds)).mappings().all()
        mine = set(cells_of(offer.slot))
        return any(
            row["id"] != offer.hold
            and row["expires_at"] > now + SKEW
            and {
                (row["clinician_id"], row["starts_at"] + n * timedelta(minutes=30))
                for n in range(row["minutes"] // 30)
            }
            & mine
            for row in rows
        )

    def sample(self) -> None:
        """Without trouble: no announced offer is long without its hold, and no free time long without an offer."""
        now, waiters, offers = self.loop.now(), self._waiters(), self.offers()
        with self.hold_database.connect() as connection:
            live = [r for r in connection.execute(select(holds)).mappings() if r["expires_at"] > now]
        held = {
            (row["clinician_id"], row["starts_at"] + n * timedelta(minutes=30))
            for row in live
            for n in range(row["minutes"] // 30)
        }
        kept = {row["id"] for row in live}
        bare = {
            one.id
            for one in offers.values()
            if one.state == "offered" and now < one.expires_at and one.hold not in kept
        }
        self._lasting(self._bare_since, bare, now, HELD_AGAIN, "lost: no hold under the offer")
        busy = {one.entry for one in offers.values() if one.live}
        seen = {(one.entry, one.slot) for one in offers.values() if one.state != "lost"}
        free = [one for one in self.practice.slots() if not set(cells_of(one)) & held]
        missed = {
            (waiter.id, slot)
            for waiter in waiters.values()
            if waiter.waits and waiter.id not in busy
            for slot in free
            if (waiter.id, slot) not in seen and self._suits(waiter.wish, slot, now, now)
        }
        self._lasting(self._missed_since, missed, now, SOON, "lost: nobody is offered")

    def _lasting(
        self, since: dict[Any, datetime], now_so: set[Any], now: datetime, most: timedelta, what: str
    ) -> None:
        for one in set(since) - now_so:
            del since[one]
        for one in sorted(now_so, key=str):
            if now - since.setdefault(one, now) > most:
                self._say(f"{what}: {one}")
                since[one] = now + timedelta(days=1)  # once is enough

    def judge(self) -> None:
        """In the end: every offer has ended or will, and each was told of as often as it happened."""
        now = self.loop.now()
        with self.database.connect() as connection:
            told = Counter(
                (row["resource_id"], row["name"])
                for row in connection.execute(select(practice_events)).mappings()
            )
            under_way = {
                row["hold_id"]
                for row in connection.execute(select(checkouts)).mappings()
                if row["state"] not in {CheckoutState.CONFIRMED, CheckoutState.CANCELLED}
            }
        for one in self.offers().values():
            if one.live and one.expires_at < now - SOON and one.hold not in under_way:
                self._say(f"lost: {one.id} is over, and was never passed on")
            if told[one.id, "waitlist.offered"] != min(self.announced[one.id], 1):
                self._say(
                    f"told: {one.id} was announced as often as {told[one.id, 'waitlist.offered']} events say"
                )
            if one.state == "passed_on" and told[one.id, "waitlist.passed_on"] != 1:
                self._say(f"told: {one.id} passed on without one event")

    def _suits(self, wish: Wish, slot: Slot, since: datetime, until: datetime) -> bool:
        """Whether the time could have been offered at any moment from then to then."""
        soonest = until + wish.notice + self.rules.offer_lasts
        last = datetime.combine(wish.until + timedelta(days=1), datetime.min.time(), ZoneInfo(wish.time_zone))
        moment, quiet = since, False
        while moment < until:
            quiet |= self._quiet(wish, moment)
            moment += timedelta(minutes=1)
        return (
            slot.start >= soonest
            and until < last
            and not quiet
            and not self._quiet(wish, until)
            and self._is_such_a_time(wish, slot)
        )

    def _is_such_a_time(self, wish: Wish, slot: Slot) -> bool:
        there = slot.start.astimezone(ZoneInfo(wish.time_zone))
        minute = 60 * there.hour + there.minute
        return (
            slot.visit_type_id == wish.visit_type_id
            and (wish.clinician_ids is None or slot.clinician_id in wish.clinician_ids)
            and there.date() <= wish.until
            and (not wish.hours or any(one.start <= minute < one.end for one in wish.hours))
        )

    def _quiet(self, wish: Wish, moment: datetime) -> bool:
        clock = moment.astimezone(ZoneInfo(wish.time_zone)).time()
        start, end = self.rules.quiet.start, self.rules.quiet.end
        return start <= clock < end if start <= end else clock >= start or clock < end

    def _waiters(self) -> Mapping[str, Waiter]:
        with self.database.connect() as connection:
            rows = connection.execute(select(waitlist_entries)).mappings().all()
        return {
            row["id"]: Waiter(
                row["id"],
                row["group_key"],
                row["joined_at"],
                row["state"] == "waiting",
                _WISH.validate_python(row["wish"]),
            )
            for row in rows
        }

    def offers(self) -> Mapping[str, Offered]:
        """All offers, by id."""
        with self.database.connect() as connection:
            rows = connection.execute(select(waitlist_offers)).mappings().all()
        return {
            row["id"]: Offered(
                row["id"],
                row["entry_id"],
                row["hold_id"],
                row["state"],
                _SLOT.validate_python(row["slot"]),
                row["expires_at"],
            )
            for row in rows
        }

    def _say(self, what: str) -> None:
        if what not in self.violations:
            self.violations.append(what)
            self.trace.say("witness", what)
