"""The unit of work: one transaction and the repositories in it; nothing is kept without `commit`."""

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import cached_property
from types import TracebackType
from typing import Protocol, Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.change_signals import BLOCKS, ChangeSignals, of_change, of_checkout, of_event
from booking.unit_of_work import Scope
from integrations.database.alerts import SqlAlerts, SqlClinicianBlocks
from integrations.database.checkouts import SqlCheckouts
from integrations.database.claims import SqlClaims
from integrations.database.daily import SqlDailyJobs
from integrations.database.deliveries import SqlEventDeliveries
from integrations.database.endpoints import SqlEndpoints
from integrations.database.engine import committing_itself, reading
from integrations.database.event_outbox import SqlEventOutbox
from integrations.database.history import SqlCheckoutHistory
from integrations.database.pending_refreshes import SqlPendingRefreshes
from integrations.database.requested_changes import SqlRequestedChanges
from integrations.database.sealing import Sealer
from integrations.database.send_facts import SendFactsCache
from integrations.database.snapshots import SqlPolls, SqlSnapshots
from integrations.database.waitlist import SqlWaitlist
from integrations.database.webhook_subscriptions import SqlKnownSubscriptions


class SqlUnitOfWork:
    """One transaction, rolled back when left without `commit`. Must not be shared between tasks or entered twice.

    Repositories are built on first access, inside the transaction only. After a commit, change signals are published for what was
    written.
    """

    _connection: AsyncConnection

    def __init__(
        self,
        engine: AsyncEngine,
        sealer: Sealer,
        change_signals: ChangeSignals | None = None,
        *,
        scope: Scope = Scope.TRANSACTION,
        fresh: SendFactsCache | None = None,
    ) -> None:
        self._engine = engine
        self._fresh = fresh
        self._scope = scope
        self._sealer = sealer
        self._change_signals = change_signals
        self._exits = AsyncExitStack()
        # The five that `commit` asks what they wrote; None: not used in this transaction.
        self._checkouts: SqlCheckouts | None = None
        self._changes: SqlRequestedChanges | None = None
        self._outbox: SqlEventOutbox | None = None
        self._blocks: SqlClinicianBlocks | None = None
        self._waitlist: SqlWaitlist | None = None

    @cached_property
    def checkouts(self) -> SqlCheckouts:
        """The rows of checkouts."""
        self._checkouts = SqlCheckouts(self._connection, self._sealer)
        return self._checkouts

    @cached_property
    def changes(self) -> SqlRequestedChanges:
        """The rows of requested changes."""
        self._changes = SqlRequestedChanges(self._connection, self._sealer)
        return self._changes

    @cached_property
    def claims(self) -> SqlClaims:
        """The slot claims."""
        return SqlClaims(self._connection)

    @cached_property
    def history(self) -> SqlCheckoutHistory:
        """The history of each checkout."""
        return SqlCheckoutHistory(self._connection)

    @cached_property
    def alerts(self) -> SqlAlerts:
        """The outbox of alerts."""
        return SqlAlerts(self._connection)

    @cached_property
    def blocks(self) -> SqlClinicianBlocks:
        """Clinicians who are not bookable until cleared."""
        self._blocks = SqlClinicianBlocks(self._connection)
        return self._blocks

    @cached_property
    def outbox(self) -> SqlEventOutbox:
        """The outbox of domain events."""
        self._outbox = SqlEventOutbox(self._connection)
        return self._outbox

    @cached_property
    def deliveries(self) -> SqlEventDeliveries:
        """Subscribers' cursors in the outbox, and the deliveries that each still has to receive."""
        return SqlEventDeliveries(self._connection)

    @cached_property
    def endpoints(self) -> SqlEndpoints:
        """The subscribers that are URLs (webhook endpoints)."""
        return SqlEndpoints(self._connection, self._sealer)

    @cached_property
    def pending_refreshes(self) -> SqlPendingRefreshes:
        """Resources that must be read again from the system of record."""
        return SqlPendingRefreshes(self._connection)

    @cached_property
    def snapshots(self) -> SqlSnapshots:
        """The last snapshot of each resource."""
        return SqlSnapshots(self._connection)

    @cached_property
    def polls(self) -> SqlPolls:
        """The progress of each poll of the system of record."""
        return SqlPolls(self._connection)

    @cached_property
    def known_subscriptions(self) -> SqlKnownSubscriptions:
        """What is stored about our webhook subscriptions upstream."""
        return SqlKnownSubscriptions(self._connection, self._sealer)

    @cached_property
    def daily_jobs(self) -> SqlDailyJobs:
        """The runs of daily jobs."""
        return SqlDailyJobs(self._connection)

    @cached_property
    def waitlist(self) -> SqlWaitlist:
        """The waitlist."""
        self._waitlist = SqlWaitlist(self._connection)
        return self._waitlist

    async def commit(self) -> None:
        """Commit; then publish change signals for what was written."""
        if self._scope is Scope.READING:
            raise AssertionError("a unit of work that only reads has nothing to commit")
        if any(one is not None and one.refused for one in (self._checkouts, self._changes)):
            # PostgreSQL would roll back, and report success.
            raise AssertionError("a transaction ends with the write that is refused")
        await self._connection.commit()
        if self._fresh is not None and self._checkouts is not None:
            for checkout, facts in self._checkouts.facts:
                self._fresh.note(checkout.id, facts)
        if self._change_signals is not None:
            self._change_signals.publish(self._topics())

    def _topics(self) -> set[str]:
        """The topics of the checkouts, changes, events, blocks and places on the waitlist that were written in this transaction."""
        topics: set[str] = set()
        if self._checkouts is not None:
            topics.update(*map(of_checkout, self._checkouts.written), *map(of_event, self._checkouts.events))
        if self._changes is not None:
            topics.update(*map(of_change, self._changes.written))
        if self._outbox is not None:
            topics.update(*map(of_event, self._outbox.written))
        if self._blocks is not None and self._blocks.written:
            topics.add(BLOCKS)
        if self._waitlist is not None:
            topics.update(f"waitlist:{patient}" for patient in self._waitlist.patients)
        return topics

    async def __aenter__(self) -> Self:
        match self._scope:
            case Scope.TRANSACTION:
                opened: AbstractAsyncContextManager[AsyncConnection] = self._engine.connect()
            case Scope.ONE_WRITE:
                opened = committing_itself(self._engine)
            case Scope.READING:
                opened = reading(self._engine)
        self._connection = await self._exits.enter_async_context(opened)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Returns the connection to the pool, which rolls back what is uncommitted.
        await self._exits.__aexit__(kind, error, trace)


class Units(Protocol):
    """Opens units of work on one engine."""

    def __call__(self, scope: Scope = Scope.TRANSACTION) -> SqlUnitOfWork:
        """A new unit of work; enter it with `async with`."""


def sql_unit_of_work(
    engine: AsyncEngine,
    sealer: Sealer,
    change_signals: ChangeSignals | None = None,
    *,
    fresh: SendFactsCache | None = None,
) -> Units:
    """The factory of units of work on this engine. Patient details are sealed at rest; commits publish to `change_signals`.

    What the guards ask after a write is left in `fresh`.
    """

    def unit(scope: Scope = Scope.TRANSACTION) -> SqlUnitOfWork:
        return SqlUnitOfWork(engine, sealer, change_signals, scope=scope, fresh=fresh)

    return unit
