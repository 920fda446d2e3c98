"""No statement reads more because years have passed: each is explained on a long history, where it reads by an index, and little."""

import importlib
import inspect
import pkgutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import integrations.database
from integrations.database.engine import connect_database
from integrations.database.migrations import migrate
from tests.doubles.long_history import LongHistory, fill
from tests.doubles.query_plans import explained
from tests.doubles.repository_calls import CALLS, Stored
from tests.plugins.discovery import outside_the_loop
from tests.plugins.servers import own_database

HISTORY = LongHistory(checkouts=5000, recent=5000)

# The tables that grow as long as the practice is open, or for a month.
GROWING = {
    "audit_records",
    "checkout_events",
    "checkouts",
    "event_letters",
    "idempotency_keys",
    "patient_links",
    "practice_events",
    "requested_change_events",
    "requested_changes",
    "resource_snapshots",
    "waitlist_entries",
    "waitlist_offers",
    "webhook_deliveries",
}

# A call reads about as many rows as it returns, and is not told more than a hundred; small tables are read whole.
ROWS, PAGES = 250, 300

# Calls that read what they are asked for, however much that is: for operators, or once a day.
MORE = {
    "SqlEventDeliveries.redeliver": "a span of events",
    "SqlEventDeliveries.retry_all": "all that waits for a subscriber",
    "SqlEventDeliveries.standings": "counts what waits for each subscriber",
    "SqlDailyJobs.seen_until": "a row for each day",
    "IdempotencyKeys.reap": "a batch",
    "SqlEventLog.reap": "a batch",
    "SqlInbox.reap": "a batch",
    "SqlWaitlist.join": "counts who waits, by an index; there are at most 5,000",
    "reap_deliveries": "a batch",
    "reap_waitlist": "a batch",
}

# Calls that on SQLite walk a table from its end, and stop after the rows that they want.
STOP = {
    "SqlAuditTrail.head",
    "SqlAuditTrail.record",
    "SqlAuditTrail.record_soon",
    "SqlCheckouts.listed, a common state",
}

# Modules without a statement of their own over rows of the practice.
MACHINERY = {
    "chain_append",
    "direct",
    "engine",
    "group_commit",
    "migrations",
    "prepared",
    "reaping",
    "roles",
    "saving",
    "sqlite",
    "unit_of_work",
}


async def _filled(url: str) -> None:
    await migrate(url)
    engine = connect_database(url)
    await fill(engine, HISTORY)
    await engine.dispose()


@pytest.fixture(scope="module")
def postgresql_url(postgres_server_url: str) -> Iterator[str]:
    with own_database(postgres_server_url) as url:
        outside_the_loop(_filled(url))
        yield url


@pytest.fixture(scope="module")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('long') / 'history.sqlite3'}"
    outside_the_loop(_filled(url))
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def stored(request: pytest.FixtureRequest) -> AsyncIterator[Stored]:
    engine = connect_database(request.getfixturevalue(f"{request.param}_url"))
    yield Stored(engine=engine, history=HISTORY)
    await engine.dispose()


@pytest.mark.parametrize("name", CALLS)
async def test_it_reads_by_an_index_and_no_more_than_it_needs(stored: Stored, name: str) -> None:
    with explained(stored.engine) as plans:
        await CALLS[name](stored)
    assert plans
    for plan in plans:
        if name not in STOP or stored.engine.dialect.name != "sqlite":
            assert not GROWING.intersection(plan.scanned), f"{plan.statement}\n{plan.text}"
        if name not in MORE:
            assert plan.rows <= ROWS, f"{plan.statement}\n{plan.text}"
            assert plan.pages <= PAGES, f"{plan.statement}\n{plan.text}"


def test_every_method_that_asks_the_database_is_among_these_calls() -> None:
    package = Path(integrations.database.__file__).parent
    methods = {
        method
        for module in pkgutil.iter_modules([str(package)])
        if module.name not in MACHINERY
        for method in _coroutines(f"integrations.database.{module.name}")
    }
    assert len(methods) > 80
    assert methods - {"SqlAuditTrail.aclose", "WriteProbe.aclose"} == {name.split(",")[0] for name in CALLS}


def _coroutines(module_name: str) -> Iterator[str]:
    """The public coroutine functions of a module, and those of its classes."""
    module = importlib.import_module(module_name)
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", "") != module_name:
            continue
        if inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value):
            yield name
        elif inspect.isclass(value):
            for method, function in vars(value).items():
                if inspect.iscoroutinefunction(function) and (
                    not method.startswith("_") or method == "__call__"
                ):
                    yield f"{name}.{method}"
