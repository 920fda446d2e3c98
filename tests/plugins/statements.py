"""Records what this process sends to its database and to Redis: statements, the ends of transactions, round trips.

With PostgreSQL's AUTOCOMMIT a write is a commit of its own. A transaction that is left without a commit is rolled back, also one
that only read.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Connection as RedisConnection
from sqlalchemy import Engine, Pool, event

from integrations.database import direct

_READING = {"SELECT", "PRAGMA"}


@dataclass(kw_only=True)
class Traffic:
    """What was sent, in order."""

    statements: list[str] = field(default_factory=list)
    commits: int = 0  # that keep something
    rollbacks: int = 0
    audit_commits: int = 0  # those of the commits that keep records of the audit trail
    redis: list[str] = field(default_factory=list)  # the first command of each round trip

    @property
    def publishes(self) -> int:
        """Messages to other processes."""
        return self.redis.count("PUBLISH")

    def counts(self) -> dict[str, int]:
        """The totals."""
        return {
            "statements": len(self.statements),
            "commits": self.commits,
            "rollbacks": self.rollbacks,
            "audit commits": self.audit_commits,
            "Redis round trips": len(self.redis),
            "publishes": self.publishes,
        }

    def listing(self) -> list[tuple[int, str]]:
        """Each text of a statement and each command, with how often it was sent, most often first."""
        sent = [*self.statements, *(f"redis {name}" for name in self.redis)]
        return [(times, text) for text, times in Counter(sent).most_common()]

    def clear(self) -> None:
        """Forget what was sent so far."""
        self.statements.clear()
        self.redis.clear()
        self.commits = self.rollbacks = self.audit_commits = 0
        self._opened.clear()

    def __post_init__(self) -> None:
        self._opened: dict[
            int, list[str]
        ] = {}  # the statements of each open transaction, by its driver's connection

    def stated(self, connection: int, statement: str, *, by_itself: bool) -> None:
        """Count a statement; `by_itself`: outside of any transaction."""
        self.statements.append(" ".join(statement.split()))
        if by_itself:
            self._committed([statement])
        else:
            self._opened.setdefault(connection, []).append(statement)

    def committed(self, connection: int) -> None:
        """Count a commit, unless nothing was stated."""
        self._committed(self._opened.pop(connection, []))

    def rolled_back(self, connection: int) -> None:
        """Count a rollback, unless nothing was stated."""
        self.rollbacks += bool(self._opened.pop(connection, []))

    def _committed(self, statements: list[str]) -> None:
        if any(each.split()[0] not in _READING for each in statements):
            self.commits += 1
            self.audit_commits += any("INTO audit_records" in each for each in statements)


@contextmanager
def recorded_traffic() -> Iterator[Traffic]:
    """Record what every engine that connects inside sends, and every Redis client."""
    traffic = Traffic()

    def executing(connection: Any, _cursor: object, statement: str, *_: object) -> None:
        by_itself = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
        traffic.stated(_of(connection), statement, by_itself=by_itself)

    def committed(connection: Any) -> None:
        traffic.committed(_of(connection))

    def rolled_back(connection: Any) -> None:
        traffic.rolled_back(_of(connection))

    def returned(dbapi_connection: Any, _record: object) -> None:
        traffic.rolled_back(id(dbapi_connection))

    fetch = direct.fetch

    async def fetched(driver: Any, sql: str, values: Any) -> Any:
        traffic.stated(id(driver), sql, by_itself=True)
        return await fetch(driver, sql, values)

    send = RedisConnection.send_packed_command

    async def sent(self: RedisConnection, command: Any, **options: Any) -> None:
        packed = command if isinstance(command, bytes) else b"".join(command)
        traffic.redis.append(packed.split(b"\r\n")[2].decode())
        await send(self, command, **options)

    listeners: dict[str, tuple[Any, Callable[..., Any]]] = {
        "before_cursor_execute": (Engine, executing),
        "commit": (Engine, committed),
        "rollback": (Engine, rolled_back),
        "checkin": (Pool, returned),
    }
    for name, (target, listener) in listeners.items():
        event.listen(target, name, listener)
    RedisConnection.send_packed_command = sent  # type: ignore[method-assign, assignment]  # while recording
    direct.fetch = fetched
    try:
        yield traffic
    finally:
        RedisConnection.send_packed_command = send  # type: ignore[method-assign]
        direct.fetch = fetch
        for name, (target, listener) in listeners.items():
            event.remove(target, name, listener)


def _of(connection: Any) -> int:
    return id(connection.connection.dbapi_connection)
