"""How a database executes statements: each is explained at the very moment at which the program executes it."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine

from integrations.database import direct
from integrations.database.prepared import PreparedRead
from integrations.database.tables import metadata

_EXPLAINED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one execution of a statement touched."""

    statement: str
    rows: int  # that were read, whether or not they were wanted; not known on SQLite
    pages: int  # of 8 kB, read or written; not known on SQLite
    scanned: frozenset[str]  # tables that were read from beginning to end, not by an index
    text: str  # as the database says it


@contextlib.contextmanager
def explained(engine: AsyncEngine) -> Iterator[list[Plan]]:
    """Collects the plan of every statement that is executed over the engine meanwhile.

    On PostgreSQL the statement is executed once more for it, and that is rolled back: as ever, with its present parameters.
    """
    plans: list[Plan] = []
    explain = _on_postgresql if engine.dialect.name == "postgresql" else _on_sqlite
    explaining = False

    def before(connection: Connection, _cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        nonlocal explaining
        if explaining or not statement.lstrip("( ").startswith(_EXPLAINED) or "pg_advisory" in statement:
            return
        _context, many = rest
        explaining = True
        try:
            plans.append(explain(connection, statement, parameters[0] if many else parameters))
        finally:
            explaining = False

    event.listen(engine.sync_engine, "before_cursor_execute", before)
    try:
        # What the driver would execute by itself is left to SQLAlchemy.
        by_itself = mock.patch.object(PreparedRead, "_by_the_driver", side_effect=ConnectionError)
        with by_itself, mock.patch.object(direct, "_mark", return_value=None):
            yield plans
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", before)


def _on_postgresql(connection: Connection, statement: str, parameters: Any) -> Plan:
    alone = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
    connection.exec_driver_sql("BEGIN" if alone else "SAVEPOINT explained")
    try:
        explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
        told = connection.exec_driver_sql(explain, parameters).scalar_one()
    finally:
        connection.exec_driver_sql("ROLLBACK" if alone else "ROLLBACK TO SAVEPOINT explained")
    (plan,) = json.loads(told) if isinstance(told, str) else told
    root, nodes = plan["Plan"], list(_nodes(plan["Plan"]))
    return Plan(
        statement=statement,
        rows=sum(map(_rows, nodes)),
        pages=root["Shared Hit Blocks"] + root["Shared Read Blocks"],
        scanned=frozenset(one["Relation Name"] for one in nodes if one["Node Type"] == "Seq Scan"),
        text=json.dumps(root, indent=1),
    )


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _rows(node: dict[str, Any]) -> int:
    """The rows that a node reads from a table or an index."""
    if "Scan" not in node["Node Type"] or not ("Relation Name" in node or "Index Name" in node):
        return 0
    dropped = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    return int(node["Actual Loops"] * (node["Actual Rows"] + sum(node.get(name, 0) for name in dropped)))


def _on_sqlite(connection: Connection, statement: str, parameters: Any) -> Plan:
    steps = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    scans = [step.split() for step in steps if step.startswith("SCAN ")]
    scanned = frozenset(words[1] for words in scans if not _PARTIAL.intersection(words))
    return Plan(statement=statement, rows=0, pages=0, scanned=scanned, text="\n".join(steps))


# A whole partial index is read where only few rows are in it.
_PARTIAL = frozenset(
    index.name
    for table in metadata.sorted_tables
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
)
