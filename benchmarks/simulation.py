"""The figures of the simulation: of a run made now, and of the stored long runs."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.figures import titled

# The JSON of a run that takes too long to be repeated with every measurement, if there is one.
LONG_RUN = Path(__file__).parent / "simulation.json"

# The same of schedules whose patients change what they booked: `run --changes --into`, which goes on where it ended.
CHANGES = Path(__file__).parent / "simulation_changes.json"


async def measure(schedules: int) -> dict[str, Any]:
    """Run so many schedules, and add the figures of the long run."""
    command = (sys.executable, "-m", "tests.simulation.run", "--json", "--schedules", str(schedules))
    finished = await asyncio.to_thread(subprocess.run, command, stdout=subprocess.PIPE, text=True, check=True)
    runs = {"run by make bench": json.loads(finished.stdout)}
    for name, recorded in (("long run", LONG_RUN), ("changes", CHANGES)):
        if recorded.exists():
            runs[name] = json.loads(recorded.read_text())
    return runs


def shown(figures: dict[str, Any]) -> str:
    """The figures as Markdown tables, the runs side by side."""
    faults = {name: run.get("faults_by_kind", {}) for name, run in figures.items()}
    runs = {
        name: dict(_flat({key: value for key, value in run.items() if key != "faults_by_kind"}))
        for name, run in figures.items()
    }
    return "\n\n".join((_compared("The simulation", runs), _compared("Its faults, by kind", faults)))


def _compared(title: str, runs: dict[str, dict[str, Any]]) -> str:
    names = dict.fromkeys(name for run in runs.values() for name in run)
    rows = [(name.replace("_", " "), *(_plain(run.get(name, "")) for run in runs.values())) for name in names]
    return titled(title, ("", *runs), rows)


def _flat(figures: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}: ")
        else:
            yield f"{prefix}{name}", value


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "not part of this run"
    if isinstance(value, list):
        return f"{len(value):,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
