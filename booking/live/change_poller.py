"""The lookout: compares what somebody listens to with what it was, and pokes what is another than before.

It hears of what other processes did where no word of it comes, of words that were lost, and of holds that ran out.
"""

import asyncio
import contextlib
from collections.abc import Collection, Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from booking.change_signals import LocalChangeSignals, of_event
from booking.events.model import EventLog
from booking.ports import Clock, HoldStore
from booking.slots import Busy, Interval

# Without word from other processes, half of the second within which a hold is to appear to others.
OFTEN = timedelta(milliseconds=500)

# Where word comes and this only heals: well under the shortest hold, so that no expiry goes by unknown.
SELDOM = timedelta(seconds=10)

# A hold that ends at this very moment is gone in the next.
_AFTERWARDS = timedelta(milliseconds=20)

# After a look that failed.
_AGAIN = timedelta(seconds=1)

# Events of one reading.
_BATCH = 500

# As far ahead as anything can be held or claimed, and as long as a visit lasts that has begun; both and more.
_AHEAD = timedelta(days=3 * 366)
_BEGUN = timedelta(days=2)

log = structlog.get_logger(__name__)


class ChangeReader(Protocol):
    """Small reads of our own database, cheap enough to be made twice a second. They wait for no writer."""

    async def versions(self, checkout_ids: Collection[str]) -> Mapping[str, int]:
        """The versions of these checkouts' rows."""

    async def claims(self, clinician_ids: Collection[str]) -> Sequence[Busy]:
        """The slot claims of these clinicians."""

    async def bookings(self, patient_ids: Collection[str]) -> Mapping[str, int]:
        """How many visits these patients have booked here."""

    async def booked(
        self, clinician_ids: Collection[str], span: Interval, *, since: datetime
    ) -> Sequence[Busy]:
        """The visits within the span that were booked here since then: the system of record's offer of that time may hold them yet."""


class ChangePoller:
    """Looks again and again, at nothing while nobody listens. What is new to it counts as changed."""

    def __init__(
        self,
        *,
        change_signals: LocalChangeSignals,
        changes: ChangeReader,
        holds: HoldStore,
        event_log: EventLog,
        clock: Clock,
        every: timedelta,
    ) -> None:
        self._change_signals = change_signals
        self._changes = changes
        self._holds = holds
        self._event_log = event_log
        self._clock = clock
        self._every = every
        self._known: dict[str, Hashable] = {}
        self._place: int | None = None  # of the last event that was heard of
        self._next_end: datetime | None = None  # of a hold
        self._now = asyncio.Event()

    def poll_now(self) -> None:
        """Do not wait: word may have been lost."""
        self._now.set()

    async def run(self) -> None:
        """Look until cancelled. A database that does not answer is asked again; nothing is missed meanwhile."""
        while True:
            self._now.clear()
            try:
                await self.poll()
                pause = self._pause()
            except Exception as error:  # noqa: BLE001  # whatever it was, its text may hold what was asked
                log.warning("change_poller.failed", error=type(error).__name__)
                pause = _AGAIN
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause.total_seconds()):
                    await self._now.wait()

    async def poll(self) -> None:
        """Compare once."""
        if self._place is None:
            self._place = await self._event_log.last()
        listened = {
            kind: self._change_signals.listened(kind) for kind in ("checkout:", "patient:", "clinician:")
        }
        if not any(listened.values()):
            self._known, self._next_end = {}, None
            return
        self._compare("checkout:", listened, await self._changes.versions(listened["checkout:"]))
        self._compare("patient:", listened, await self._changes.bookings(listened["patient:"]))
        await self._publish_events()
        # Last, since holds may be elsewhere, and not to be had.
        self._compare("clinician:", listened, await self._taken(listened["clinician:"]))

    def _compare(self, kind: str, listened: Mapping[str, list[str]], found: Mapping[str, Hashable]) -> None:
        """ChangeHint what is another than before; what is gone, and what nobody listened to before, is."""
        now = {f"{kind}{name}": found.get(name) for name in listened[kind]}
        self._change_signals.publish(
            [topic for topic, what in now.items() if self._known.get(topic, self) != what]
        )
        self._known = {topic: what for topic, what in self._known.items() if not topic.startswith(kind)} | now

    async def _taken(self, clinician_ids: list[str]) -> Mapping[str, Hashable]:
        """What is held and claimed, and by the way, when the next hold ends."""
        self._next_end = None
        if not clinician_ids:
            return {}
        now = self._clock.now()
        span = Interval(start=now - _BEGUN, end=now + _AHEAD)
        held = await self._holds.busy(clinician_ids, span)
        claimed = await self._changes.claims(clinician_ids)
        self._next_end = min((one.until for one in held if one.until is not None), default=None)
        taken: dict[str, frozenset[Interval]] = {}
        for one in (*held, *claimed):
            taken[one.clinician_id] = taken.get(one.clinician_id, frozenset()) | {one.interval}
        return taken

    async def _publish_events(self) -> None:
        """Hear of the events since the last look, those included that happened while nobody listened."""
        while batch := await self._event_log.after(self._place or 0, limit=_BATCH):
            for one in batch:
                self._change_signals.publish(of_event(one.event))
            self._place = batch[-1].sequence

    def _pause(self) -> timedelta:
        if self._next_end is None:
            return self._every
        ends_in = self._next_end + _AFTERWARDS - self._clock.now()
        return min(max(ends_in, _AFTERWARDS), self._every)
