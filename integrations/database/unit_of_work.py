"""The unit of work: one transaction, the repositories in it, and nothing kept without a commit."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.change_signals import ChangeSignals, of_checkout, of_event
from integrations.database.alerts import SqlAlerts, SqlClinicianBlocks
from integrations.database.checkouts import SqlCheckouts
from integrations.database.claims import SqlClaims
from integrations.database.daily import SqlDailyJobs
from integrations.database.deliveries import SqlEventDeliveries
from integrations.database.endpoints import SqlEndpoints
from integrations.database.event_outbox import SqlEventOutbox
from integrations.database.history import SqlCheckoutHistory
from integrations.database.pending_refreshes import SqlPendingRefreshes
from integrations.database.sealing import Sealer
from integrations.database.snapshots import SqlPolls, SqlSnapshots
from integrations.database.webhook_subscriptions import SqlKnownSubscriptions


class SqlUnitOfWork:
    """One transaction; leaves without `commit` roll back. Not to be shared between tasks, nor entered twice."""

    checkouts: SqlCheckouts
    claims: SqlClaims
    history: SqlCheckoutHistory
    alerts: SqlAlerts
    blocks: SqlClinicianBlocks
    pending_refreshes: SqlPendingRefreshes
    snapshots: SqlSnapshots
    outbox: SqlEventOutbox
    polls: SqlPolls
    daily_jobs: SqlDailyJobs
    known_subscriptions: SqlKnownSubscriptions
    deliveries: SqlEventDeliveries
    endpoints: SqlEndpoints
    _connection: AsyncConnection

    def __init__(
        self, engine: AsyncEngine, sealer: Sealer, change_signals: ChangeSignals | None = None
    ) -> None:
        self._engine = engine
        self._sealer = sealer
        self._change_signals = change_signals
        self._exits = AsyncExitStack()

    async def commit(self) -> None:
        """Make it durable; then tell who watches what was written."""
        if self.checkouts.refused:  # PostgreSQL would roll back, and call that a commit
            raise AssertionError("a transaction ends with the write that is refused")
        await self._connection.commit()
        if self._change_signals is not None:
            written = (
                *map(of_checkout, self.checkouts.written),
                *map(of_event, self.outbox.written),
            )
            self._change_signals.publish(set().union(*written))

    async def __aenter__(self) -> Self:
        self._connection = await self._exits.enter_async_context(self._engine.connect())
        self.checkouts = SqlCheckouts(self._connection, self._sealer)
        self.claims = SqlClaims(self._connection)
        self.history = SqlCheckoutHistory(self._connection)
        self.alerts = SqlAlerts(self._connection)
        self.blocks = SqlClinicianBlocks(self._connection)
        self.pending_refreshes = SqlPendingRefreshes(self._connection)
        self.snapshots = SqlSnapshots(self._connection)
        self.outbox = SqlEventOutbox(self._connection)
        self.polls = SqlPolls(self._connection)
        self.daily_jobs = SqlDailyJobs(self._connection)
        self.known_subscriptions = SqlKnownSubscriptions(self._connection, self._sealer)
        self.deliveries = SqlEventDeliveries(self._connection)
        self.endpoints = SqlEndpoints(self._connection, self._sealer)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The connection goes back, and with it what is uncommitted.
        await self._exits.__aexit__(kind, error, trace)


def sql_unit_of_work(
    engine: AsyncEngine, sealer: Sealer, change_signals: ChangeSignals | None = None
) -> Callable[[], SqlUnitOfWork]:
    """The factory of units of work on this engine; patient details are sealed at rest. Commits are told to `pokes`."""
    return lambda: SqlUnitOfWork(engine, sealer, change_signals)
