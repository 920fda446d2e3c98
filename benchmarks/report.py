"""Write the figures of `benchmarks/results.json` into docs/reliability.md: `python -m benchmarks.report [--check]`."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.run import RESULTS

DOCUMENT = Path(__file__).parents[1] / "docs" / "reliability.md"
BEGIN = "<!-- figures: written by `make bench` -->"
END = "<!-- /figures -->"

# Milliseconds a transition, median: what the design aims at.
AIMS = {"sqlite": 1.5, "postgresql": 2.0}
# Milliseconds a mutation, median, on PostgreSQL: what the design aims at; SQLite is held to it too.
KEY_AIM = 3.0
# Seconds that verifying a chain of 100,000 records may take.
VERIFIED_AIM = 5.0
# Milliseconds within which 99 of 100 deliveries are acknowledged: Healthie counts a slow receiver as a failing one.
P99_AIM = 100.0
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


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


def _saga(figures: dict[str, Any]) -> str:
    rows = [
        (
            NAMES[name],
            f"{one['transition']['median']:.2f} ms",
            f"{one['transition']['p95']:.2f} ms",
            f"{AIMS[name]:.1f} ms",
            f"{one['bare_write']['median']:.2f} ms",
            f"{one['ratio']:.1f}",
            f"{one['per_second']:.0f}",
            f"{one['per_cpu_second']:.0f}",
            f"`{one['durability']}`",
        )
        for name, one in figures.items()
    ]
    return _titled(
        "What the saga adds to upstream's own time, for each transition",
        (
            "",
            "median",
            "p95",
            "aim",
            "bare write",
            "ratio",
            "checkouts/s",
            "checkouts/s of one core",
            "durability",
        ),
        rows,
    )


def _idempotency(figures: dict[str, Any]) -> str:
    rows = [
        (
            NAMES[name],
            f"{one['first']['median']:.2f} ms",
            f"{one['first']['p95']:.2f} ms",
            f"{KEY_AIM:.1f} ms",
            f"{one['replay']['median']:.2f} ms",
            f"{one['replay']['p95']:.2f} ms",
            f"{one['bare_write']['median']:.2f} ms",
        )
        for name, one in figures.items()
    ]
    return _titled(
        "What an idempotency key adds to a mutation",
        ("", "median", "p95", "aim", "a replay, median", "p95", "bare write"),
        rows,
    )


def _audit(figures: dict[str, Any]) -> str:
    rows = [
        (
            NAMES[name],
            f"{one['mutation']['median']:.2f} ms",
            f"{one['mutation']['p95']:.2f} ms",
            f"{one['bare_write']['median']:.2f} ms",
            f"{one['ratio']:.1f}",
            f"{one['read_ms']:.2f} ms",
            f"{one['durable_per_second']:,.0f}",
            f"{one['verified']:,} in {one['verified_seconds']:.1f} s",
            f"{one['verified_cpu_seconds']:.1f} s",
            f"{VERIFIED_AIM:.0f} s",
            f"`{one['durability']}`",
        )
        for name, one in figures.items()
    ]
    return _titled(
        "What the audit trail adds to a call, and how fast it is verified",
        (
            "",
            "a mutation, median",
            "p95",
            "bare write",
            "ratio",
            "a public read",
            "durable records/s, 64 at once",
            "verified",
            "of it our processor",
            "aim for 100,000",
            "durability",
        ),
        rows,
    )


def _webhooks(figures: dict[str, Any]) -> str:
    rows = [
        (
            NAMES[name],
            f"{one['per_second']}/s",
            f"{one['deliveries']:,}",
            f"{one['median']:.1f} ms",
            f"{one['p99']:.1f} ms",
            f"{P99_AIM:.0f} ms",
            f"{one['longest']:.1f} ms",
            f"{one['cpu_each']:.2f} ms",
            str(one["refused"]),
            f"{one['load']:.1f}",
        )
        for name, one in figures.items()
    ]
    return _titled(
        "From sending a webhook to its acknowledgement, kept durably",
        (
            "",
            "sent",
            "deliveries",
            "median",
            "p99",
            "aim",
            "longest",
            "the gateway's processor, each",
            "not acknowledged",
            "load of the machine before",
        ),
        rows,
    )


def _recovery(figures: dict[str, Any]) -> str:
    rows = [
        (
            NAMES[name],
            f"{one['wall_seconds']:.1f} s",
            f"{one['lease_seconds']:.0f} s",
            f"{one['takeover']['median']:.0f} ms",
            f"{one['takeover']['p95']:.0f} ms",
        )
        for name, one in figures.items()
    ]
    return _titled(
        "From a `kill -9` after the charge to the confirmed visit",
        ("", "in all", "of it the lease, at most", "the takeover, median", "p95"),
        rows,
    )


def _requests(figures: dict[str, Any]) -> str:
    def row(name: str, times: dict[str, float], aim: str) -> tuple[str, ...]:
        return (name, f"{times['median']:.1f} ms", f"{times['p99']:.1f} ms", f"{times['most']:.1f} ms", aim)

    def attacked(case: str, attack: dict[str, Any], aim: str) -> tuple[str, ...]:
        each = f"{attack['refused_per_second']:.0f} refused a second"
        return row(
            f"others, while {figures['attackers']} attack without a pause, {case} ({each})",
            attack["others"],
            aim,
        )

    rows = [
        row(f"a hostile request is refused ({figures['attacks']} kinds)", figures["refused"], "50 ms"),
        row("others, when nobody attacks", figures["alone"], ""),
        attacked("addresses not known", figures["unknown"], "p99 250 ms"),
        attacked("all from one known address", figures["known"], "p99 250 ms"),
    ]
    table = _titled("Hostile requests", ("", "median", "p99", "most", "aim"), rows)
    return f"{table}\n\nThe slowest kind to refuse: {figures['slowest']}, {figures['refused']['slowest']:.1f} ms (median)."


def _subscriptions(figures: dict[str, Any]) -> str:
    rows = [
        ("memory of the idle process with all of them", f"{figures['megabytes']:.0f} MB", "200 MB"),
        ("of it the process without them", f"{figures['megabytes_before']:.0f} MB", ""),
        ("from a hold to the last message, median", f"{figures['seconds']:.2f} s", "1 s"),
        (f"the longest of {figures['rounds']}", f"{figures['slowest']:.2f} s", ""),
        ("the gateway's processor for it", f"{figures['cpu_seconds']:.2f} s", ""),
        ("load of the machine before", f"{figures['load']:.1f}", ""),
    ]
    return _titled(
        f"{figures['subscribers']:,} subscribers to one page of free times, on one process",
        ("", "", "aim"),
        rows,
    )


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
    return _titled(title, ("", *runs), rows)


_SECTIONS = {
    "saga": _saga,
    "idempotency": _idempotency,
    "audit": _audit,
    "webhooks": _webhooks,
    "recovery": _recovery,
    "requests": _requests,
    "subscriptions": _subscriptions,
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


def _titled(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"**{title}**\n\n{table}"


if __name__ == "__main__":
    sys.exit(main())
