"""Measure and write `benchmarks/results.json`: `python -m benchmarks.run [--only PART] [--without PART]`.

Each part is written as soon as it is measured, and what is left out keeps the figures that it had. Needs PostgreSQL's
programs, or a server that the tests would find. Takes some minutes: one of them is a lease that runs out.
"""

import asyncio
import gc
import json
import logging
import os
import platform
import sys
import tempfile
from argparse import ArgumentParser
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from benchmarks import servers
from benchmarks.parts import PARTS, Bench
from tests.plugins.servers import own_database

RESULTS = Path(__file__).parent / "results.json"

CHECKOUTS = 200


def main() -> None:
    """Measure."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--without", action="append", default=[], choices=PARTS)
    parser.add_argument("--checkouts", type=int, default=CHECKOUTS, help="for each database")
    parser.add_argument("--schedules", type=int, default=1000, help="of the simulation")
    given = parser.parse_args()
    # What is loaded here is no garbage: looking through it stopped all that was sent for a quarter of a second.
    gc.collect()
    gc.freeze()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for name in PARTS:
        if name in (given.only or PARTS) and name not in given.without:
            print(f"measuring: {name} …", file=sys.stderr, flush=True)
            _write(name, _measured(name, checkouts=given.checkouts, schedules=given.schedules))


def _measured(part: str, *, checkouts: int, schedules: int) -> dict[str, Any]:
    with ExitStack() as ours:
        directory = ours.enter_context(tempfile.TemporaryDirectory(prefix="frontdoor-bench-"))
        postgresql = ours.enter_context(own_database(servers.postgresql(ours)))
        urls = {"sqlite": f"sqlite:///{directory}/frontdoor.sqlite3", "postgresql": postgresql}
        bench = Bench(urls=urls, checkouts=checkouts, schedules=schedules)
        return asyncio.run(PARTS[part].measure(bench))


def _write(part: str, figures: dict[str, Any]) -> None:
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results.setdefault("measured", {})[part] = datetime.now(UTC).strftime("%Y-%m-%d")
    results |= {"python": platform.python_version(), "cores": os.cpu_count(), part: figures}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
