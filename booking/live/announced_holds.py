"""A hold store that publishes a change signal for every hold that it takes or releases."""

from collections.abc import Collection, Sequence
from datetime import datetime

from booking.change_signals import ChangeSignals
from booking.models import Hold
from booking.ports import HoldStore
from booking.scheduling.day_capacity import DayCapacity
from booking.slots import Busy, Interval


class AnnouncedHolds:
    """The port HoldStore over another one. Signals are published only after the store has made the change."""

    def __init__(self, *, store: HoldStore, change_signals: ChangeSignals) -> None:
        self._store = store
        self._change_signals = change_signals

    async def acquire(
        self,
        hold: Hold,
        *,
        limit: int | None,
        client_limit: int | None = None,
        capacity: DayCapacity | None = None,
    ) -> Hold:
        """Take the interval, then signal. Raises SlotTaken, HoldLimitReached, HoldCapacityReached."""
        held = await self._store.acquire(hold, limit=limit, client_limit=client_limit, capacity=capacity)
        self._publish(held)
        return held

    async def get(self, hold_id: str) -> Hold | None:
        """The hold, if it is live."""
        return await self._store.get(hold_id)

    async def extend(self, hold: Hold, *, expires_at: datetime, counted: bool = True) -> Hold:
        """Move the expiry; no signal, since the interval stays taken. Raises HoldExpired."""
        return await self._store.extend(hold, expires_at=expires_at, counted=counted)

    async def transfer(self, hold: Hold, *, owner: str) -> Hold:
        """Change the owner; no signal, since the interval stays taken. Raises HoldExpired."""
        return await self._store.transfer(hold, owner=owner)

    async def release(self, hold_id: str, *, owners: Collection[str]) -> Hold | None:
        """Release the interval, then signal if that freed it."""
        freed = await self._store.release(hold_id, owners=owners)
        if freed is not None:
            self._publish(freed)
        return freed

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        """The live holds of these clinicians that overlap the span."""
        return await self._store.busy(clinician_ids, span)

    async def anonymous(self, clinician_id: str, day: Interval) -> Sequence[Hold]:
        """The clinician's live holds of callers who have not signed in, for slots that start within `day`."""
        return await self._store.anonymous(clinician_id, day)

    def _publish(self, hold: Hold) -> None:
        self._change_signals.publish([f"clinician:{hold.slot.clinician_id}"])
