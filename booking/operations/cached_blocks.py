"""Caches which clinicians are blocked, for the catalog that patients browse. What decides about money asks the database."""

import asyncio

from booking.change_signals import BLOCKS
from booking.operations.model import BlockedClinicians
from booking.single_flight import SingleFlight

# Seconds for which a reading is used without a signal that it changed: a command of an operator, or a process that shares no
# Redis with this one, sends none.
FRESH = 1.0


class CachedBlocks:
    """The port BlockedClinicians over another one: read anew after each change signal, and at least every second.

    It is a listener of change signals, whose topic it names.
    """

    topics = frozenset({BLOCKS})

    def __init__(self, blocks: BlockedClinicians) -> None:
        self._blocks = blocks
        self._reading: SingleFlight[int, frozenset[str]] = SingleFlight()
        self._changes = 0  # signals so far
        self._known: frozenset[str] = frozenset()
        self._known_until = -1.0  # the event loop's time

    def notify(self, _topic: str) -> None:
        """Forget what is known; a reading that is under way was perhaps begun before the change, and is not kept either."""
        self._changes += 1
        self._known_until = -1.0

    async def blocked(self) -> frozenset[str]:
        """Ids of clinicians who are not bookable until cleared, at most a second old."""
        if asyncio.get_running_loop().time() < self._known_until:
            return self._known
        return await self._reading(self._changes, self._read)

    async def _read(self) -> frozenset[str]:
        began, changes = asyncio.get_running_loop().time(), self._changes
        known = await self._blocks.blocked()
        if changes == self._changes:
            self._known, self._known_until = known, began + FRESH
        return known
