"""Ports of requested changes; the adapter is in `integrations/healthie`. They raise as booking/ports.py says.

Changes are made with the treating clinician's own key where it is proved, and are idempotent: each reads first, sends only
what is not so yet, and reads back.
"""

from collections.abc import Sequence
from typing import Protocol

from booking.changes.membership import MembershipAsStands
from booking.changes.model import RequestedChange
from booking.changes.visit import BookedVisit, CancellationReasonOption, JoinLinks, VisitAsStands
from booking.models import Appointment, Charge
from booking.money import Money

# Reasons of an UpstreamRefused that means more than a refusal: the visit is not any more as it was when the quote was accepted …
CHANGED_BY_PRACTICE = "changed_by_practice"
# … or it is a group's, or one of a series, which is never changed here.
NOT_SINGLE = "not_single"


class Visits(Protocol):
    """Booked visits, one by one."""

    async def get(self, appointment_id: str, *, of: str | None = None) -> BookedVisit | None:
        """The visit with the rules and the verdict that apply to it, never from a cache; None when there is none.

        `of`: None also for a visit of another patient than this one, after the same calls as for one that does not exist.
        """

    async def stands(self, appointment_id: str, *, clinician_id: str) -> VisitAsStands | None:
        """Where the visit stands, read with the clinician's key, a deleted one too; None when there is no such visit."""

    async def cancellation_reasons(self) -> Sequence[CancellationReasonOption]:
        """The practice's reasons for a cancellation by a patient, in its order."""

    async def join_links(self, appointment_id: str, *, clinician_id: str) -> JoinLinks:
        """The patient's way into a visit from afar, read now. Nothing in it makes its reader the host."""


class VisitChanges(Protocol):
    """Changes of a booked visit."""

    async def cancel(self, change: RequestedChange) -> None:
        """Cancel the visit by its patient, with `reason`; read back.

        The status is a late one, for which the practice's system charges, if the change is `late` and it would charge just the
        action's amount now; never for another amount. The visit stays readable. Raises UpstreamRefused, ClinicianNotBookable, OutcomeUnknown, UpstreamUnavailable.
        """

    async def move(self, change: RequestedChange) -> None:
        """Move the visit to `new_slot`, with availability enforced; read back.

        Raises SlotTaken when the time is certainly gone and the visit stands where it was; else as `cancel`.
        """

    async def book(self, change: RequestedChange) -> Appointment:
        """Book a new visit in `new_slot` that names the change, and no checkout, in its reference; read it back.

        The caller compares what was read back with what was asked. Raises as Scheduling.book.
        """

    async def find_booked(self, change: RequestedChange) -> Appointment | None:
        """The visit that `book` made for this change; None when there is none."""

    async def delete_booked(self, change: RequestedChange) -> None:
        """Delete the visit that `book` made (`new_appointment_id`); idempotent, read back."""


class ChangePayments(Protocol):
    """Money that a change moves, all of it through the system of record."""

    async def refunded(self, charge: Charge, *, clinician_id: str) -> Money:
        """How much of the payment was given back so far; read with the key of the clinician who charged it."""

    async def refund(self, change: RequestedChange, index: int) -> Money:
        """Give back what is missing to `refunded_before` and the action's amount, and never more. Idempotent.

        Returns what is given back so far, read back.
        """

    async def charge_fee(self, change: RequestedChange, index: int) -> str:
        """Charge the fee of the action to the card; returns the payment's id. Raises as Billing.charge."""

    async def find_fee(self, change: RequestedChange, index: int) -> str | None:
        """The payment's id of a fee that landed; None when there is none."""

    async def stop_recurring(self, change: RequestedChange) -> None:
        """End the recurring payment; idempotent, read back."""


class MembershipChanges(Protocol):
    """Pausing and resuming of memberships. Each sends once and reads back; whoever may have sent before looks first (`standing`)."""

    async def standing(self, change: RequestedChange) -> MembershipAsStands | None:
        """The membership of the change as it stands, read with the key that changes it. Raises UpstreamUnavailable."""

    async def pause(self, change: RequestedChange) -> MembershipAsStands:
        """Pause it, read back. The practice's own change wins: UpstreamRefused(CHANGED_BY_PRACTICE) when it is ended or paused already.

        Else raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """

    async def resume(self, change: RequestedChange) -> MembershipAsStands:
        """Resume it, read back. UpstreamRefused(CHANGED_BY_PRACTICE) when it is not paused as it was, or resumes on other terms.

        Else as `pause`.
        """


class Memberships(Protocol):
    """Memberships, one by one."""

    async def get(self, membership_id: str, *, of: str | None = None) -> MembershipAsStands | None:
        """The membership as it stands, never from a cache; None when there is none.

        `of`: None also for another patient's than this one, after the same calls as for one that does not exist.
        """


class Credits(Protocol):
    """The ledger of package credits."""

    async def given_back(self, change: RequestedChange) -> bool:
        """Whether the ledger shows that cancelling the visit gave its credit back."""
