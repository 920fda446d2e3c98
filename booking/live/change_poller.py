"""The change poller: compares everything that is subscribed to with its last known state, and signals what differs.

It finds the changes that no signal announces: those of other processes where there is no Redis, signals that were lost, and
holds that expired.
"""

import asyncio
import contextlib
from collections.abc import Collection, Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from booking.change_signals import LocalChangeSignals, of_event
from booking.events.model import EventLog
from booking.live.shown_times import ShownTimes, by_clinician
from booking.ports import Clock, HoldStore
from booking.slots import Busy, Interval

# Without signals from other processes: half of the second within which a hold must show to others.
OFTEN = timedelta(milliseconds=500)

# With signals, where polling only makes up for lost ones: well under the shortest hold, so that no expiry goes unnoticed.
SELDOM = timedelta(seconds=10)

# A margin, so that the poll is just after a hold has expired and never before.
_AFTER_EXPIRY = timedelta(milliseconds=20)

# Wait after a poll that failed.
_RETRY_AFTER = timedelta(seconds=1)

# Events read at once.
_BATCH = 500

# Further ahead than anything can be held or claimed, and longer than any visit that has begun still lasts.
_AHEAD = timedelta(days=3 * 366)
_BEGUN = timedelta(days=2)

log = structlog.get_logger(__name__)


class ChangeReader(Protocol):
    """Small reads of our own database, cheap enough to make twice a second. They do not wait for writers."""

    async def versions(self, checkout_ids: Collection[str]) -> Mapping[str, int]:
        """The row versions of these checkouts, by id; ids without a row are left out."""

    async def claims(self, clinician_ids: Collection[str], span: Interval) -> Sequence[Busy]:
        """The slot claims of these clinicians that overlap the span."""

    async def bookings(self, patient_ids: Collection[str]) -> Mapping[str, int]:
        """How many visits each of these patients has booked here; patients without one are left out."""


class ChangePoller:
    """Polls in a loop, and queries nothing while there is no subscriber. A topic seen for the first time counts as changed."""

    def __init__(
        self,
        *,
        change_signals: LocalChangeSignals,
        changes: ChangeReader,
        holds: HoldStore,
        event_log: EventLog,
        clock: Clock,
        every: timedelta,
        shown: ShownTimes,
    ) -> None:
        self._change_signals = change_signals
        self._changes = changes
        self._holds = holds
        self._event_log = event_log
        self._clock = clock
        self._every = every
        self._shown = shown
        self._known: dict[str, Hashable] = {}
        self._cursor: int | None = None  # the sequence of the last event that was signalled
        self._next_expiry: datetime | None = None  # of a hold, UTC
        self._requested = asyncio.Event()

    def poll_now(self) -> None:
        """Poll without waiting for the interval: signals may have been lost."""
        self._requested.set()

    async def run(self) -> None:
        """Poll until cancelled. After an error it polls again in a second, and misses no change meanwhile."""
        while True:
            self._requested.clear()
            try:
                await self.poll()
                pause = self._pause()
            except Exception as error:  # noqa: BLE001  # only its type is logged: its text may quote parameters
                log.warning("change_poller.failed", error=type(error).__name__)
                pause = _RETRY_AFTER
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause.total_seconds()):
                    await self._requested.wait()

    async def poll(self) -> None:
        """Compare once, and publish the topics that changed."""
        if self._cursor is None:
            self._cursor = await self._event_log.last()
        listened = {
            kind: self._change_signals.listened(kind)
            for kind in ("checkout:", "patient:", "clinician:", "waitlist:")
        }
        if not any(listened.values()):
            self._known, self._next_expiry = {}, None
            return
        self._compare("checkout:", listened, await self._changes.versions(listened["checkout:"]))
        self._compare("patient:", listened, await self._changes.bookings(listened["patient:"]))
        await self._publish_events()
        # Last, since the hold store may be another server that is down.
        taken = await self._taken(listened["clinician:"])
        self._compare("clinician:", listened, taken)
        # Publishing one that was published just now changes nothing: listeners collect topics.
        self._change_signals.publish([f"clinician:{one}" for one in self._shown.outdated(taken)])

    def _compare(self, kind: str, listened: Mapping[str, list[str]], found: Mapping[str, Hashable]) -> None:
        """Publish the topics of this kind that changed; one that is gone, or that is new to the poller, counts as changed."""
        now = {f"{kind}{name}": found.get(name) for name in listened[kind]}
        self._change_signals.publish(
            [topic for topic, what in now.items() if self._known.get(topic, self) != what]
        )
        self._known = {topic: what for topic, what in self._known.items() if not topic.startswith(kind)} | now

    async def _taken(self, clinician_ids: list[str]) -> Mapping[str, frozenset[Interval]]:
        """The held and claimed intervals of each clinician; also sets when the next hold expires."""
        self._next_expiry = None
        if not clinician_ids:
            return {}
        now = self._clock.now()
        span = Interval(start=now - _BEGUN, end=now + _AHEAD)
        held = await self._holds.busy(clinician_ids, span)
        claimed = await self._changes.claims(clinician_ids, span)
        self._next_expiry = min((one.until for one in held if one.until is not None), default=None)
        return by_clinician([*held, *claimed])

    async def _publish_events(self) -> None:
        """Publish the topics of events since the last poll, including those recorded while nobody subscribed."""
        while batch := await self._event_log.after(self._cursor or 0, limit=_BATCH):
            for one in batch:
                self._change_signals.publish(of_event(one.event))
            self._cursor = batch[-1].sequence

    def _pause(self) -> timedelta:
        if self._next_expiry is None:
            return self._every
        expires_in = self._next_expiry + _AFTER_EXPIRY - self._clock.now()
        return min(max(expires_in, _AFTER_EXPIRY), self._every)
