"""The unit of work: one database transaction and the repositories in it, as protocols.

The protocols of checkouts and slot claims stand here, every other repository's beside its subject. The adapter is
`integrations.database.unit_of_work`.
"""

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from booking.checkout.model import Checkout, CheckoutState
from booking.events.deliveries import Endpoints, EventDeliveries
from booking.events.model import EventOutbox
from booking.operations.model import AlertOutbox, CheckoutHistory, CheckoutSummary, ClinicianBlocks, ListPlace
from booking.slots import Busy, Interval
from booking.sync.daily import DailyJobs
from booking.sync.inbox import PendingRefreshes, Polls, Snapshots
from booking.sync.webhook_subscriptions import KnownSubscriptions


class CheckoutRepository(Protocol):
    """Rows of checkouts, inside one unit of work."""

    async def add(self, checkout: Checkout) -> Checkout | None:
        """Insert at version 1. None is answered when it went in; else the live checkout that already stands on the hold."""

    async def get(self, checkout_id: str) -> Checkout | None:
        """The row."""

    async def live_for_hold(self, hold_id: str) -> Checkout | None:
        """The checkout that stands on the hold and has not ended."""

    async def save(self, checkout: Checkout, *, was: Checkout | None = None) -> Checkout:
        """Write if the row's version is still `checkout.version`; answers the row at the next version.

        Only what differs from `was`, the row as it stands at that version, needs to be written; None: all of it.
        Raises StaleCheckout when it is not; PaymentInProgress when the patient has another checkout in flight, and
        AlreadyCounted when the charge or the appointment is another checkout's: nothing more is done in this transaction.
        """

    async def due(self, now: datetime, *, limit: int) -> Sequence[str]:
        """Ids of rows whose `due_at` has come and that nobody has a lease on, longest due first.

        Rows that have ended, and are only looked at again, come after all others.

        A row at a state that this program does not know belongs to another version of it, and is left out.
        """

    async def defer(self, checkout_id: str, *, now: datetime) -> None:
        """Make a row due later that is due now and that nobody has a lease on; whether its values can be read does not matter.

        Later by as long as it has stood unwritten, within bounds: the longer it fails, the more rarely it is tried.
        """

    async def note_hold(self, hold_id: str, *, expires_at: datetime) -> None:
        """Write down when the hold ends on the live checkout that stands on it, if there is one.

        Its version stays: nobody who drives it decides by this.
        """

    async def of_patient(self, patient_id: str, *, besides: str) -> Sequence[Checkout]:
        """The patient's checkouts besides this one."""

    async def awaiting(
        self, state: CheckoutState, *, checkout_id: str | None, patient_id: str | None
    ) -> Sequence[str]:
        """Ids of rows at this state that nobody drives: the one that is named, else those of the patient."""

    async def in_doubt(self, since: datetime) -> Sequence[str]:
        """Ids of rows that have stood at an intent since then, or longer, or that are under way although their deadline was then.

        Such a row stands between two calls, or cannot even be read.
        """

    async def of_unknown_state(self) -> Sequence[str]:
        """Ids of rows at a state that this program does not know."""

    async def listed(
        self, *, state: str | None, attention: bool, limit: int, after: ListPlace | None = None
    ) -> Sequence[CheckoutSummary]:
        """What operators see of the rows, the latest started first: at a state, on the attention list, behind a place."""


class SlotClaims(Protocol):
    """Final exclusion: two live claims never overlap in one clinician's time. Inside one unit of work."""

    async def take(self, checkout: Checkout) -> None:
        """Claim the slot for the checkout; taking it again is no change.

        Raises SlotTaken: a claim overlaps it, or a visit that was confirmed since this checkout was started.
        """

    async def release(self, checkout_id: str) -> None:
        """Give the claim back, if there is one."""

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        """The claims of these clinicians that overlap the span."""

    async def release_begun(self, now: datetime) -> int:
        """Give back the claims of visits that wait for a person while their start has passed; answers how many."""


class UnitOfWork(Protocol):
    """One database transaction; rolled back when it is left without `commit`. No network call is made inside.

    A repository is built when it is first asked for, inside the transaction.
    """

    @property
    def checkouts(self) -> CheckoutRepository:
        """The rows of checkouts."""

    @property
    def claims(self) -> SlotClaims:
        """The slot claims."""

    @property
    def history(self) -> CheckoutHistory:
        """The story of each checkout."""

    @property
    def alerts(self) -> AlertOutbox:
        """Alerts that wait to be told."""

    @property
    def blocks(self) -> ClinicianBlocks:
        """Clinicians who are not bookable until cleared."""

    @property
    def outbox(self) -> EventOutbox:
        """The outbox of events."""

    @property
    def deliveries(self) -> EventDeliveries:
        """Subscribers' places in the outbox, and the events that each is still to be told."""

    @property
    def endpoints(self) -> Endpoints:
        """The subscribers that are URLs."""

    @property
    def pending_refreshes(self) -> PendingRefreshes:
        """Resources that must be read again from the system of record."""

    @property
    def snapshots(self) -> Snapshots:
        """What was last seen of each resource."""

    @property
    def polls(self) -> Polls:
        """How far each poll of the system of record has seen."""

    @property
    def known_subscriptions(self) -> KnownSubscriptions:
        """What is remembered of our webhook subscriptions."""

    @property
    def daily_jobs(self) -> DailyJobs:
        """The runs of daily jobs."""

    async def commit(self) -> None:
        """Make it durable."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class UnitOfWorkFactory(Protocol):
    """Opens units of work."""

    def __call__(self) -> UnitOfWork:
        """A fresh unit of work, to be entered."""
