"""UnitOfWork: one database transaction and the repositories in it, as protocols.

The repositories of checkouts and slot claims are defined here; each other one is defined in its subject's module. The adapter is
`integrations.database.unit_of_work`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from types import TracebackType
from typing import Protocol, Self

from booking.changes.repository import ChangeRepository
from booking.checkout.model import Checkout, CheckoutState
from booking.events.deliveries import Endpoints, EventDeliveries
from booking.events.model import DomainEvent, EventOutbox
from booking.operations.model import (
    AlertOutbox,
    CheckoutHistory,
    CheckoutSummary,
    ClinicianBlocks,
    HistoryEntry,
    ListCursor,
)
from booking.slots import Busy, Interval, Slot
from booking.sync.daily import DailyJobs
from booking.sync.inbox import PendingRefreshes, Polls, Snapshots
from booking.sync.webhook_subscriptions import KnownSubscriptions
from booking.waitlist.repository import WaitlistRepository


class CheckoutRepository(Protocol):
    """The rows of checkouts, inside one unit of work."""

    async def add(self, checkout: Checkout, *, history: Sequence[HistoryEntry] = ()) -> Checkout | None:
        """Insert the checkout at version 1 and return None; if a live checkout already uses the hold, return that one instead.

        The `history` entries are written with it, or not at all.
        """

    async def get(self, checkout_id: str) -> Checkout | None:
        """The checkout, or None."""

    async def live_for_hold(self, hold_id: str) -> Checkout | None:
        """The checkout that uses the hold and has not ended, or None."""

    async def save(
        self,
        checkout: Checkout,
        *,
        was: Checkout | None = None,
        history: Sequence[HistoryEntry] = (),
        frees_claim: bool = False,
        events: Sequence[DomainEvent] = (),
    ) -> Checkout:
        """Write the row if its version is still `checkout.version` (optimistic locking); returns it at the next version.

        The `history` entries are written with it, or not at all; so are the `events`, which are then the last write of their
        transaction (see EventOutbox), and `frees_claim` releases the checkout's slot claim.
        `was` is the row as it is stored at that version: only what differs from it needs to be written (None: everything).
        Raises StaleCheckout when the version has moved on, PaymentInProgress when the patient has another checkout in flight,
        and AlreadyCounted when the charge or the appointment belongs to another checkout. After any of these nothing more may
        be done in the transaction.
        """

    async def due(self, now: datetime, *, limit: int) -> Sequence[str]:
        """Ids of rows whose `due_at` has passed and that are not leased, longest due first.

        Rows that have ended and are only checked again (reconciliation) come after all others. Rows at a state that this
        version of the program does not know are left out.
        """

    async def defer(self, checkout_id: str, *, now: datetime) -> None:
        """Postpone a row that is due and not leased. Works on rows whose values cannot be read, too.

        The delay is the time since the row was last written, within bounds, so a row that keeps failing is retried ever less
        often.
        """

    async def note_hold(self, hold_id: str, *, expires_at: datetime) -> None:
        """Store the hold's new expiry on the live checkout that uses it, if there is one.

        Does not change the row's version, because no transition depends on this value.
        """

    async def of_patient(self, patient_id: str, *, besides: str) -> Sequence[Checkout]:
        """The patient's checkouts other than `besides`."""

    async def booked(self, appointment_id: str) -> Checkout | None:
        """The checkout that booked this visit, or None."""

    async def awaiting(
        self, state: CheckoutState, *, checkout_id: str | None, patient_id: str | None
    ) -> Sequence[str]:
        """Ids of rows at this state that are not leased: the checkout with `checkout_id`, else the patient's."""

    async def in_doubt(self, since: datetime) -> Sequence[str]:
        """Ids of rows that have been at an intent since `since` or longer, or are under way though their deadline passed before it.

        Such a row is stuck between two calls, or cannot be read.
        """

    async def of_unknown_state(self) -> Sequence[str]:
        """Ids of rows at a state that this version of the program does not know."""

    async def listed(
        self, *, state: str | None, attention: bool, limit: int, after: ListCursor | None = None
    ) -> Sequence[CheckoutSummary]:
        """One page of the operators' list, latest started first.

        Filtered to a state (None: any) and, with `attention`, to the attention list; starts after the row at `after`.
        """


class Claimant(Protocol):
    """Who claims a slot: a checkout, or a reschedule (RescheduleClaim)."""

    @property
    def id(self) -> str:
        """The id of the row that the claim belongs to."""

    @property
    def slot(self) -> Slot | None:
        """What it claims; None: nothing."""

    @property
    def created_at(self) -> datetime:
        """When it began, UTC."""


@dataclass(frozen=True, kw_only=True)
class SlotConflicts:
    """What the database knows against a slot."""

    is_blocked: bool  # its clinician is blocked
    is_claimed: bool  # a slot claim overlaps it


class SlotClaims(Protocol):
    """Slot claims: the final exclusion. Two live claims of one clinician never overlap. Inside one unit of work."""

    async def take(self, claimant: Claimant) -> None:
        """Claim the slot for a checkout or a reschedule, whose row must be stored. Idempotent.

        Raises SlotTaken when another claim overlaps it, or a visit that was booked or moved there after the claimant began.
        """

    async def release(self, claimant_id: str) -> None:
        """Release the claim of this checkout or change, if there is one."""

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        """The claims of these clinicians that overlap the span."""

    async def against(self, clinician_id: str, span: Interval) -> SlotConflicts:
        """What stands against the clinician's slot, read at once."""

    async def release_begun(self, now: datetime) -> int:
        """Release the claims of checkouts and changes that wait for an operator although the slot's start has passed; returns their number."""


class Scope(Enum):
    """What is done in a unit of work, so that the database need do no more for it than that takes."""

    TRANSACTION = auto()  # any number of reads and writes
    ONE_WRITE = (
        auto()
    )  # one call of `checkouts.save` or `.add`, and `commit`: there is nothing to hold together
    READING = auto()  # reads of what is committed at that moment; waits for no writer, and blocks none


class UnitOfWork(Protocol):
    """One database transaction; rolled back unless `commit` was called. No network call is made inside.

    A repository is built on first use, inside the transaction.
    """

    @property
    def checkouts(self) -> CheckoutRepository:
        """The rows of checkouts."""

    @property
    def changes(self) -> ChangeRepository:
        """The rows of requested changes."""

    @property
    def claims(self) -> SlotClaims:
        """The slot claims."""

    @property
    def history(self) -> CheckoutHistory:
        """The transitions of each checkout."""

    @property
    def alerts(self) -> AlertOutbox:
        """Alerts that wait for delivery."""

    @property
    def blocks(self) -> ClinicianBlocks:
        """Clinicians who are not bookable until an operator clears them."""

    @property
    def outbox(self) -> EventOutbox:
        """The outbox of domain events."""

    @property
    def deliveries(self) -> EventDeliveries:
        """Each subscriber's cursor in the outbox, and its pending deliveries."""

    @property
    def endpoints(self) -> Endpoints:
        """The subscribers that are URLs."""

    @property
    def pending_refreshes(self) -> PendingRefreshes:
        """Resources that must be read again from the system of record."""

    @property
    def snapshots(self) -> Snapshots:
        """The last known state of each resource."""

    @property
    def polls(self) -> Polls:
        """The progress of each poll of the system of record."""

    @property
    def known_subscriptions(self) -> KnownSubscriptions:
        """The stored data of our webhook subscriptions."""

    @property
    def daily_jobs(self) -> DailyJobs:
        """The runs of daily jobs."""

    @property
    def waitlist(self) -> WaitlistRepository:
        """The waitlist."""

    async def commit(self) -> None:
        """Commit the transaction."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class UnitOfWorkFactory(Protocol):
    """Opens units of work."""

    def __call__(self, scope: Scope = Scope.TRANSACTION) -> UnitOfWork:
        """A new unit of work; enter it with `async with`."""
