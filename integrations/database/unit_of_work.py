"""The unit of work: one transaction, the repositories in it, and nothing kept without a commit."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.pokes import Pokes, of_checkout, of_happening
from integrations.database.alerts import SqlAlerts, SqlClinicianBlocks
from integrations.database.checkouts import SqlCheckouts
from integrations.database.claims import SqlClaims
from integrations.database.daily import SqlRuns
from integrations.database.endpoints import SqlEndpoints
from integrations.database.happenings import SqlHappenings
from integrations.database.letters import SqlLetters
from integrations.database.marks import SqlMarks
from integrations.database.sealing import Sealer
from integrations.database.snapshots import SqlPolls, SqlSnapshots
from integrations.database.story import SqlStory
from integrations.database.webhook_subscriptions import SqlKnownSubscriptions


class SqlUnitOfWork:
    """One transaction; leaves without `commit` roll back. Not to be shared between tasks, nor entered twice."""

    checkouts: SqlCheckouts
    claims: SqlClaims
    story: SqlStory
    alerts: SqlAlerts
    blocks: SqlClinicianBlocks
    marks: SqlMarks
    snapshots: SqlSnapshots
    happenings: SqlHappenings
    polls: SqlPolls
    runs: SqlRuns
    known_subscriptions: SqlKnownSubscriptions
    letters: SqlLetters
    endpoints: SqlEndpoints
    _connection: AsyncConnection

    def __init__(self, engine: AsyncEngine, sealer: Sealer, pokes: Pokes | None = None) -> None:
        self._engine = engine
        self._sealer = sealer
        self._pokes = pokes
        self._exits = AsyncExitStack()

    async def commit(self) -> None:
        """Make it durable; then tell who watches what was written."""
        if self.checkouts.refused:  # PostgreSQL would roll back, and call that a commit
            raise AssertionError("a transaction ends with the write that is refused")
        await self._connection.commit()
        if self._pokes is not None:
            written = (
                *map(of_checkout, self.checkouts.written),
                *map(of_happening, self.happenings.written),
            )
            self._pokes.publish(set().union(*written))

    async def __aenter__(self) -> Self:
        self._connection = await self._exits.enter_async_context(self._engine.connect())
        self.checkouts = SqlCheckouts(self._connection, self._sealer)
        self.claims = SqlClaims(self._connection)
        self.story = SqlStory(self._connection)
        self.alerts = SqlAlerts(self._connection)
        self.blocks = SqlClinicianBlocks(self._connection)
        self.marks = SqlMarks(self._connection)
        self.snapshots = SqlSnapshots(self._connection)
        self.happenings = SqlHappenings(self._connection)
        self.polls = SqlPolls(self._connection)
        self.runs = SqlRuns(self._connection)
        self.known_subscriptions = SqlKnownSubscriptions(self._connection, self._sealer)
        self.letters = SqlLetters(self._connection)
        self.endpoints = SqlEndpoints(self._connection, self._sealer)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The connection goes back, and with it what is uncommitted.
        await self._exits.__aexit__(kind, error, trace)


def sql_unit_of_work(
    engine: AsyncEngine, sealer: Sealer, pokes: Pokes | None = None
) -> Callable[[], SqlUnitOfWork]:
    """The factory of units of work on this engine; patient details are sealed at rest. Commits are told to `pokes`."""
    return lambda: SqlUnitOfWork(engine, sealer, pokes)
