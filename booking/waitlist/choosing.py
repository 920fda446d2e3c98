"""Chooses whom a look offers which free time, and commits the intents."""

import asyncio
from collections.abc import Sequence

from booking.slots import Slot
from booking.unit_of_work import UnitOfWorkFactory
from booking.waitlist.matching import Situation, free_for, without
from booking.waitlist.model import WaitlistEntry, WaitlistOffer
from booking.waitlist.passing_on import new_offer
from booking.waitlist.rules import MOST_OFFERS

# How often a look chooses anew, each time without the times that others intended meanwhile.
_TRIES = 3


class Intents:
    """Writes the intents of a look, in one transaction."""

    def __init__(self, *, units: UnitOfWorkFactory) -> None:
        self._units = units

    async def intend(
        self, waiting: Sequence[WaitlistEntry], slots: Sequence[Slot], situation: Situation
    ) -> Sequence[str]:
        """Intend offers to those who wait, who are in the order in which they joined; returns the offers' ids.

        All of them or none: a later one would else get a time that belongs to an earlier one, whose own choice was taken. After some tries
        none, and the next look chooses.
        """
        for _ in range(_TRIES):
            chosen = await _chosen(waiting, slots, situation)
            taken = await self._taken(chosen)
            if not taken:
                return [one.id for one in chosen]
            for offer in taken:
                slots = without(slots, offer.slot)
        return ()

    async def _taken(self, chosen: Sequence[WaitlistOffer]) -> Sequence[WaitlistOffer]:
        """Commit the intents, unless some cannot be: returns these."""
        if not chosen:
            return ()
        # In one order in every process, against deadlocks.
        ordered = sorted(chosen, key=lambda one: (one.slot.clinician_id, one.slot.start))
        async with self._units() as unit:
            taken = [one for one in ordered if not await unit.waitlist.add_offer(one)]
            if not taken:
                await unit.commit()
        return taken


async def _chosen(
    entries: Sequence[WaitlistEntry], slots: Sequence[Slot], situation: Situation
) -> Sequence[WaitlistOffer]:
    """Offers for the first entries whom a slot fits, each with the earliest one that is nobody else's by then."""
    offers: list[WaitlistOffer] = []
    free = sorted(slots, key=lambda one: (one.start, one.clinician_id))
    for entry in entries:
        if len(offers) == MOST_OFFERS or not free:
            break
        slot = free_for(entry, free, situation)
        if slot is not None:
            offers.append(new_offer(entry, slot, rules=situation.rules, now=situation.now))
            free = without(free, slot)
        await asyncio.sleep(0)  # a long list must not keep others of this process waiting
    return offers
