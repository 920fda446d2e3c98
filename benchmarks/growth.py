"""Shows what years of history cost each statement: `python -m benchmarks.growth [--checkouts N]… [--only NAME]`.

For each size a PostgreSQL database is filled, with five audit records and three history entries for each checkout; a million checkouts
take some minutes and 7 GB. Then every method of every repository is called. Prints the least time, and the rows and pages (8 kB) that
the statements of a call touch, the calls whose pages grow most first. To compare two versions, run it with either.
"""

import asyncio
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks import servers
from benchmarks.figures import titled
from integrations.database.engine import connect_database
from integrations.database.migrations import migrate
from tests.doubles.long_history import LongHistory, fill
from tests.doubles.query_plans import explained
from tests.doubles.repository_calls import CALLS, Stored
from tests.plugins.servers import own_database

SIZES = (10_000, 1_000_000)

# Calls of a method, of which the fastest counts: others wait for the disk, or for the rest of the machine.
CALLED = 6


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one call costs."""

    milliseconds: float  # the least, round trips included
    rows: int
    pages: int


def main() -> None:
    """Measure at every size and print the table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "--checkouts", action="append", type=int, help="in the database; several times: to compare"
    )
    parser.add_argument("--only", default="", help="calls whose name contains this")
    given = parser.parse_args()
    sizes = given.checkouts or list(SIZES)
    measured = {}
    for size in sizes:
        with ExitStack() as ours, own_database(servers.postgresql(ours)) as url:
            measured[size] = asyncio.run(_measured(url, size, given.only))
    print(_shown(measured))


async def _measured(url: str, size: int, only: str) -> dict[str, Cost]:
    await migrate(url)
    engine = connect_database(url, statement_seconds=None)
    stored = Stored(engine=engine, history=LongHistory(checkouts=size, recent=size // 10))
    await fill(engine, stored.history)
    costs = {name: await _cost(name, stored) for name in CALLS if only in name}
    await engine.dispose()
    return costs


async def _cost(name: str, stored: Stored) -> Cost:
    reaps = "reap" in name  # a second call finds nothing
    with explained(stored.engine) as plans:
        if not reaps:
            await CALLS[name](stored)
    seconds = [await _seconds(name, stored) for _ in range(1 if reaps else CALLED)]
    return Cost(
        milliseconds=min(seconds) * 1000,
        rows=sum(plan.rows for plan in plans),
        pages=sum(plan.pages for plan in plans),
    )


async def _seconds(name: str, stored: Stored) -> float:
    began = time.perf_counter()
    await CALLS[name](stored)
    return time.perf_counter() - began


def _shown(measured: dict[int, dict[str, Cost]]) -> str:
    smallest, largest = measured[min(measured)], measured[max(measured)]
    growing = sorted(largest, key=lambda name: smallest[name].pages - largest[name].pages)
    rows = [
        (
            name,
            *(
                cell
                for costs in measured.values()
                for cell in (
                    f"{costs[name].milliseconds:.2f} ms",
                    f"{costs[name].rows:,}",
                    f"{costs[name].pages:,}",
                )
            ),
        )
        for name in growing
    ]
    head = ("", *(cell for size in measured for cell in (f"{size:,} checkouts", "rows", "pages")))
    return titled("What a call costs, by the length of the history", head, rows)


if __name__ == "__main__":
    main()
