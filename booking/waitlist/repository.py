"""The rows of the waitlist inside one unit of work, as a protocol; the adapter is `integrations.database.waitlist`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from booking.slots import Interval
from booking.waitlist.model import EntryState, Look, WaitlistEntry, WaitlistOffer


class WaitlistRepository(Protocol):
    """Entries, offers and looks."""

    async def join(self, entry: WaitlistEntry, *, per_patient: int, in_all: int) -> WaitlistEntry:
        """Insert the entry and return it; the patient's waiting entry with an equal wish is returned instead, where there is one.

        Raises WaitlistLimitReached, WaitlistFull. The limits hold under concurrent calls.
        """

    async def entry(self, entry_id: str) -> WaitlistEntry | None:
        """The entry, or None."""

    async def entries_of(self, patient_id: str, *, since: datetime, ended: int) -> Sequence[WaitlistEntry]:
        """The patient's entries that wait, and of those that ended after `since` (UTC) the latest, so many; the latest joined first."""

    async def waiting(
        self, group: str, *, limit: int, after: WaitlistEntry | None = None
    ) -> Sequence[WaitlistEntry]:
        """The waiting entries of a group, the first who joined first; those who come after this one."""

    async def end_entry(self, entry_id: str, state: EntryState, *, now: datetime) -> bool:
        """End the entry; False, and nothing written, where it does not wait any more."""

    async def still_waits(self, entry_id: str) -> bool:
        """Whether the entry waits, until the end of the transaction: whoever ends it waits for that."""

    async def note_answers(self, entry_id: str, unanswered: int) -> bool:
        """Write how many offers in a row were not answered; False, and nothing written, where it does not wait any more."""

    async def add_offer(self, offer: WaitlistOffer) -> bool:
        """Insert the offer; False, and nothing written, where the entry has a live one, or the same time is in another live one."""

    async def offer(self, offer_id: str) -> WaitlistOffer | None:
        """The offer, or None."""

    async def offers_of(self, entry_ids: Collection[str], *, now: datetime) -> Sequence[WaitlistOffer]:
        """The live offers to these entries, and those of times to come that these were told of (UTC)."""

    async def announced(self, clinician_id: str, span: Interval, *, now: datetime) -> Sequence[WaitlistOffer]:
        """The announced offers of this clinician's time that overlap the span and have not expired (UTC)."""

    async def save_offer(self, offer: WaitlistOffer) -> WaitlistOffer:
        """Write the offer and return it at its next version. Raises StaleOffer when the version has moved on."""

    async def due_offers(self, now: datetime, *, limit: int) -> Sequence[str]:
        """Ids of live offers whose `due_at` has come, longest due first."""

    async def defer(self, offer_id: str, *, now: datetime, until: datetime | None = None) -> None:
        """Postpone a live offer that is due: until then, or by half a minute, as when it could not be driven. The version stays."""

    async def hasten(self, clinician_ids: Collection[str], *, now: datetime) -> None:
        """Make the announced offers of these clinicians' time due now."""

    async def mark(self, group: str | None, *, now: datetime) -> None:
        """Ask for a look at this group, or at every group that has one (None), as soon as its rest is over."""

    async def claim_look(self, now: datetime, *, until: datetime) -> Look | None:
        """Lease the look that is longest due, of equal ones that of who joined first; None when none is."""

    async def end_look(self, look: Look, *, due_at: datetime | None, rested_at: datetime) -> None:
        """Release the lease; nothing where somebody else has taken it over. The next look is at `due_at`, or at `rested_at` where one was asked for meanwhile; None: forget the group."""
