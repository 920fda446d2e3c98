"""Measure all parts and write `benchmarks/peers/results.json`: `python -m benchmarks.peers.record [--only PART,…] [--rounds N] [--seconds S]`.

Each part is written as soon as it is measured; parts that are left out keep their figures. Takes most of an hour.
"""

import gc
import json
import os
import platform
import subprocess
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.peers.parts import PARTS
from benchmarks.peers.reads import Pace

RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    """Measure the parts and write their figures."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a contender and case in a round")
    parser.add_argument("--requests", type=int, default=100_000, help="after which memory is looked at")
    parser.add_argument("--connections", type=int, default=32, help="callers at once, of the part peers")
    given = parser.parse_args()
    pace = Pace(
        rounds=given.rounds, seconds=given.seconds, requests=given.requests, connections=given.connections
    )
    # Exclude loaded modules from garbage collection.
    gc.collect()
    gc.freeze()
    for name in given.only.split(","):
        print(f"measuring: {name} …", file=sys.stderr, flush=True)
        _write(name, PARTS[name].measure(pace))


def _write(part: str, figures: dict[str, Any]) -> None:
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results.setdefault("measured", {})[part] = datetime.now(UTC).strftime("%Y-%m-%d")
    machine = {
        "python": platform.python_version(),
        "node": _node(),
        "cores": os.cpu_count(),
    }
    results |= machine | {part: figures}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def _node() -> str:
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)  # noqa: S607
    return told.stdout.strip().removeprefix("v")


if __name__ == "__main__":
    main()
