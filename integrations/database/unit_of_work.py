"""The unit of work: one transaction, the repositories in it, and nothing kept without a commit."""

from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from functools import cached_property
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
    """One transaction; rolled back when it is left without `commit`. Not to be shared between tasks, nor entered twice.

    A repository is built when it is first asked for; outside the transaction there is none.
    """

    _connection: AsyncConnection

    def __init__(
        self, engine: AsyncEngine, sealer: Sealer, change_signals: ChangeSignals | None = None
    ) -> None:
        self._engine = engine
        self._sealer = sealer
        self._change_signals = change_signals
        self._exits = AsyncExitStack()

    @cached_property
    def checkouts(self) -> SqlCheckouts:
        """The rows of checkouts."""
        return SqlCheckouts(self._connection, self._sealer)

    @cached_property
    def claims(self) -> SqlClaims:
        """The slot claims."""
        return SqlClaims(self._connection)

    @cached_property
    def history(self) -> SqlCheckoutHistory:
        """The story of each checkout."""
        return SqlCheckoutHistory(self._connection)

    @cached_property
    def alerts(self) -> SqlAlerts:
        """Alerts that wait to be told."""
        return SqlAlerts(self._connection)

    @cached_property
    def blocks(self) -> SqlClinicianBlocks:
        """Clinicians who are not bookable until cleared."""
        return SqlClinicianBlocks(self._connection)

    @cached_property
    def outbox(self) -> SqlEventOutbox:
        """The outbox of events."""
        return SqlEventOutbox(self._connection)

    @cached_property
    def deliveries(self) -> SqlEventDeliveries:
        """Subscribers' places in the outbox, and the events that each is still to be told."""
        return SqlEventDeliveries(self._connection)

    @cached_property
    def endpoints(self) -> SqlEndpoints:
        """The subscribers that are URLs."""
        return SqlEndpoints(self._connection, self._sealer)

    @cached_property
    def pending_refreshes(self) -> SqlPendingRefreshes:
        """Resources that must be read again from the system of record."""
        return SqlPendingRefreshes(self._connection)

    @cached_property
    def snapshots(self) -> SqlSnapshots:
        """What was last seen of each resource."""
        return SqlSnapshots(self._connection)

    @cached_property
    def polls(self) -> SqlPolls:
        """How far each poll of the system of record has seen."""
        return SqlPolls(self._connection)

    @cached_property
    def known_subscriptions(self) -> SqlKnownSubscriptions:
        """What is remembered of our webhook subscriptions."""
        return SqlKnownSubscriptions(self._connection, self._sealer)

    @cached_property
    def daily_jobs(self) -> SqlDailyJobs:
        """The runs of daily jobs."""
        return SqlDailyJobs(self._connection)

    async def commit(self) -> None:
        """Make it durable; then tell who watches what was written."""
        if "checkouts" in self._used and self.checkouts.refused:
            # PostgreSQL would roll back, and call that a commit.
            raise AssertionError("a transaction ends with the write that is refused")
        await self._connection.commit()
        if self._change_signals is not None:
            self._change_signals.publish(self._topics())

    def _topics(self) -> set[str]:
        """The topics of what was written in this transaction."""
        topics: set[str] = set()
        if "checkouts" in self._used:
            topics.update(*map(of_checkout, self.checkouts.written))
        if "outbox" in self._used:
            topics.update(*map(of_event, self.outbox.written))
        return topics

    @property
    def _used(self) -> Collection[str]:
        """The names of the repositories that were asked for, among other attributes."""
        return vars(self)

    async def __aenter__(self) -> Self:
        self._connection = await self._exits.enter_async_context(self._engine.connect())
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
