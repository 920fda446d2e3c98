"""A practice with work in flight as an earlier release left it (`tests/data/practice-in-flight.json`), loaded into a database and an emulator."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from alembic import command
from sqlalchemy import BigInteger, Connection, DateTime, MetaData, Table, text

from integrations.database.engine import connect_database
from integrations.database.migrations import configuration

PATH = Path(__file__).parents[1] / "data" / "practice-in-flight.json"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass
class StillClock:
    """Stands until it is put forward."""

    present: datetime

    def now(self) -> datetime:
        return self.present


@dataclass(frozen=True, kw_only=True)
class StoredRequest:
    """A mutation as a patient's app sent it, and what the release answered; None: its process died over it."""

    headers: dict[str, str]
    body: dict[str, Any]
    answer: dict[str, Any] | None


@dataclass(frozen=True)
class StoredPractice:
    """What the release left: rows by table, changes that had reached upstream, requests by their idempotency key."""

    stored: dict[str, Any] = field(default_factory=lambda: json.loads(PATH.read_text(encoding="utf-8")))

    def __getitem__(self, name: str) -> Any:
        return self.stored[name]

    @property
    def checkouts(self) -> dict[str, str]:
        """The checkouts' ids, by what became of each."""
        return dict(self["checkouts"])

    @property
    def begun_at(self) -> datetime:
        return datetime.fromisoformat(self["begun_at"])

    @property
    def stopped_at(self) -> datetime:
        return datetime.fromisoformat(self["stopped_at"])

    def rows(self, table: str) -> list[dict[str, Any]]:
        return list(self["tables"][table])

    def requests(self) -> dict[str, StoredRequest]:
        return {
            key: StoredRequest(headers=one["headers"], body=self._whole(one["body"]), answer=one["answer"])
            for key, one in self["requests"].items()
        }

    async def load(self, url: str) -> None:
        """Make the tables as the release had them, and put its rows in."""
        engine = connect_database(url)
        async with engine.begin() as connection:
            await connection.run_sync(self._load)
        await engine.dispose()

    def _load(self, connection: Connection) -> None:
        command.upgrade(configuration(connection), self["revision"])
        tables = MetaData()
        tables.reflect(connection)
        for table in tables.sorted_tables:
            for row in self["tables"].get(table.name, ()):
                connection.execute(table.insert().values(_as_stored(table, row)))
        if connection.dialect.name == "postgresql":
            for counted in ("checkout_events", "practice_events", "webhook_deliveries"):
                connection.execute(
                    text(
                        f"SELECT setval(pg_get_serial_sequence('{counted}', 'sequence'), max(sequence)) FROM {counted}"
                    )
                )

    async def happen_upstream(self, emulator: httpx2.AsyncClient, clock: StillClock) -> None:
        """Send a freshly seeded emulator on this clock every change that had reached upstream, at its time."""
        for change in self["upstream"]:
            clock.present = datetime.fromisoformat(change["at"])
            answer = await emulator.post(
                "/graphql",
                json=self._whole(change["body"]),
                headers={
                    "Authorization": f"Basic {change['key']}",
                    "AuthorizationSource": "API",
                    "Healthie-GraphQL-API-Version": change["version"],
                },
            )
            # The rows name these ids. A new table of the emulator goes behind the others, a new record of its seed behind its like.
            assert ids_in(answer.json()) == change["ids"], change["body"]["document"]
        clock.present = self.stopped_at

    def _whole(self, body: dict[str, Any]) -> dict[str, Any]:
        name = body["document"]
        return {
            "query": self["documents"][name],
            "operationName": name,
            "variables": body["variables"],
        }


def ids_in(value: Any) -> list[str]:
    """Every `id` in an answer, in its order."""
    if isinstance(value, dict):
        own = [value["id"]] if isinstance(value.get("id"), str) else []
        return own + [one for inner in value.values() for one in ids_in(inner)]
    return [one for inner in value for one in ids_in(inner)] if isinstance(value, list) else []


def _as_stored(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """The row with its times as this database keeps them."""
    values: dict[str, Any] = {}
    for name, value in row.items():
        kind = table.c[name].type
        if isinstance(value, str) and isinstance(kind, BigInteger):
            values[name] = (datetime.fromisoformat(value) - _EPOCH) // _MICROSECOND
        elif isinstance(value, str) and isinstance(kind, DateTime):
            values[name] = datetime.fromisoformat(value)
        else:
            values[name] = value
    return values
