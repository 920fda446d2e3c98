"""Write the figures of `benchmarks/results.json` into docs/reliability.md: `python -m benchmarks.report [--check]`."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import (
    app_overhead,
    audit,
    fairness,
    idempotency,
    rates,
    recovery,
    requests,
    saga,
    strangers,
    subscriptions,
    webhooks,
)
from benchmarks.figures import titled
from benchmarks.run import RESULTS

DOCUMENT = Path(__file__).parents[1] / "docs" / "reliability.md"
BEGIN = "<!-- figures: written by `make bench` -->"
END = "<!-- /figures -->"


def main() -> int:
    """Write, or with --check say whether the document is as it would be written."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    written = DOCUMENT.read_text()
    fresh = with_figures(written, json.loads(RESULTS.read_text()))
    if parser.parse_args().check:
        return 0 if fresh == written else 1
    DOCUMENT.write_text(fresh)
    return 0


def with_figures(document: str, results: dict[str, Any]) -> str:
    """The document with these figures between its marks."""
    head, _, rest = document.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{render(results)}{END}{tail}"


def render(results: dict[str, Any]) -> str:
    """The figures as Markdown."""
    days = sorted(set(results["measured"].values()))
    when = days[0] if len(days) == 1 else f"between {days[0]} and {days[-1]}"
    parts = [
        f"Measured {when} on {results['cores']} cores with Python {results['python']}.",
        *(section(results[name]) for name, section in _SECTIONS.items() if name in results),
    ]
    return "\n\n".join(parts) + "\n"


def _simulation(figures: dict[str, Any]) -> str:
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


_SECTIONS = {
    "saga": saga.shown,
    "idempotency": idempotency.shown,
    "audit": audit.shown,
    "webhooks": webhooks.shown,
    "recovery": recovery.shown,
    "rates": rates.shown,
    "requests": requests.shown,
    "app_overhead": app_overhead.shown,
    "strangers": strangers.shown,
    "fairness": fairness.shown,
    "subscriptions": subscriptions.shown,
    "simulation": _simulation,
}


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


if __name__ == "__main__":
    sys.exit(main())
