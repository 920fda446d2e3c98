"""A hold store that tells of what it takes and gives back."""

from collections.abc import Collection, Sequence
from datetime import datetime

from booking.change_signals import ChangeSignals
from booking.models import Hold
from booking.ports import HoldStore
from booking.scheduling.day_capacity import DayCapacity
from booking.slots import Busy, Interval


class AnnouncedHolds:
    """The port HoldStore; pokes are given once the store has it."""

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
        """Take the interval, and tell. Raises SlotTaken, HoldLimitReached, HoldCapacityReached."""
        held = await self._store.acquire(hold, limit=limit, client_limit=client_limit, capacity=capacity)
        self._tell(held)
        return held

    async def get(self, hold_id: str) -> Hold | None:
        """The hold, if it is live."""
        return await self._store.get(hold_id)

    async def extend(self, hold: Hold, *, expires_at: datetime, counted: bool = True) -> Hold:
        """Move the expiry; the time is as taken as before. Raises HoldExpired."""
        return await self._store.extend(hold, expires_at=expires_at, counted=counted)

    async def transfer(self, hold: Hold, *, owner: str) -> Hold:
        """Hand it over; the time is as taken as before. Raises HoldExpired."""
        return await self._store.transfer(hold, owner=owner)

    async def release(self, hold_id: str, *, owners: Collection[str]) -> Hold | None:
        """Give the interval back, and tell if that freed it."""
        freed = await self._store.release(hold_id, owners=owners)
        if freed is not None:
            self._tell(freed)
        return freed

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        """The live holds of these clinicians that overlap the span."""
        return await self._store.busy(clinician_ids, span)

    async def anonymous(self, clinician_id: str, day: Interval) -> Sequence[Hold]:
        """The clinician's live holds of people who have not signed in, for slots that start in this time."""
        return await self._store.anonymous(clinician_id, day)

    def _tell(self, hold: Hold) -> None:
        self._change_signals.publish([f"clinician:{hold.slot.clinician_id}"])
