"""HealthieMembershipChanges: pauses and resumes recurring payments, by `updateBillingItem(is_paused)` of a payment of theirs.

Healthie's guide on packages documents `is_paused: true` and the reference the date at which a paused one would be paid next. That
`false` resumes it is the help centre's button and no document's word: what was done is read back either way.
"""

from contextlib import suppress

from booking.changes.membership import MembershipAsStands, bills_next_as, is_paused_as
from booking.changes.model import RequestedChange
from booking.changes.ports import CHANGED_BY_PRACTICE
from booking.errors import UpstreamRefused
from integrations.healthie.acting import StaffClient
from integrations.healthie.answers import refusal
from integrations.healthie.generated.client import Client
from integrations.healthie.memberships import standing
from integrations.healthie.readback import Comparison
from integrations.healthie.refund_calls import certain_refusal, is_known_refusal
from integrations.upstream.errors import ContractBroken, UnreadableAnswer, changing, reading, reading_back

_OPERATION = "SetRecurringPaused"


class HealthieMembershipChanges:
    """The port MembershipChanges. Acts with the key of the clinician who receives the payments."""

    def __init__(self, *, staff: StaffClient, comparison: Comparison) -> None:
        self._staff = staff
        self._comparison = comparison

    async def standing(self, change: RequestedChange) -> MembershipAsStands | None:
        """The membership, if it is its patient's. Raises UpstreamUnavailable."""
        client = await self._client(change)
        with reading():
            found = await standing(client, _id(change))
        return found if found is not None and found.patient_id == change.patient_id else None

    async def pause(self, change: RequestedChange) -> MembershipAsStands:
        """Pause it. Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown."""
        before = await self.standing(change)
        if before is None or before.is_ended or before.is_paused:
            raise UpstreamRefused(_OPERATION, CHANGED_BY_PRACTICE)
        return await self._set(change, before, is_paused=True)

    async def resume(self, change: RequestedChange) -> MembershipAsStands:
        """Resume the pause that was agreed to end, on the terms that were accepted. Raises as `pause`."""
        before = await self.standing(change)
        if before is None or not is_paused_as(before, change) or not bills_next_as(before, change):
            raise UpstreamRefused(_OPERATION, CHANGED_BY_PRACTICE)
        return await self._set(change, before, is_paused=False)

    async def _set(
        self, change: RequestedChange, before: MembershipAsStands, *, is_paused: bool
    ) -> MembershipAsStands:
        client = await self._client(change)
        payload = None
        with changing(), suppress(UnreadableAnswer):
            payload = (
                await client.set_recurring_paused(id=before.payment_id, is_paused=is_paused)
            ).update_billing_item
        refused = refusal(_OPERATION, payload.messages) if payload else None
        with reading_back():
            after = await standing(client, before.id)
            if after is None:
                raise ContractBroken("MembershipStanding", "missing")
        if refused is not None and after.is_paused != is_paused:
            raise certain_refusal(_OPERATION, refused, is_known_refusal)
        with changing():
            await self._comparison.check(_OPERATION, paused=after.is_paused is is_paused)
        return after

    async def _client(self, change: RequestedChange) -> Client:
        if change.charged_by is None:
            raise ValueError("a membership names who receives its payments")
        return await self._staff(change.charged_by)


def _id(change: RequestedChange) -> str:
    if change.membership_id is None:
        raise ValueError("only a membership is paused")
    return change.membership_id
