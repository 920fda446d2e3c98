"""``python -m tests.simulation.run``: as many random schedules as asked for, on every core, with progress.

A schedule that ends wrong is printed with its seed; ``--schedules 1 --seed SEED --trace`` plays that one again and prints
its trace. ``--everything`` adds all single faults, all pairs, and the saga without each of its rules. ``--json`` prints
the figures. A run that is too long for one sitting goes on where the last ended: ``--into FILE`` adds to the figures there,
and with ``--replay`` plays those random schedules once more that are called wrong there: one that is right by now counts as right.
"""

import functools
import itertools
import json
import multiprocessing
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulation.campaign import (
    by_seed,
    collected,
    pairs,
    single_faults,
    with_changes,
    with_faults,
    with_webhooks,
)
from tests.simulation.change_rules import CHANGE_RULES
from tests.simulation.rule import hunt
from tests.simulation.rules import RULES
from tests.simulation.schedule import Result, quiet

# Schedules that one worker plays before it reports.
BATCH = 20

PLAYS: dict[str, Callable[[Any], Result]] = {
    "random": by_seed,
    "webhooks": with_webhooks,
    "changes": with_changes,
    "single_faults": with_faults,
    "pairs_of_faults": lambda pair: with_faults(*pair),
}


@dataclass(kw_only=True)
class Tally:
    """What came of many schedules."""

    schedules: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)  # of booked visits, by kind and end
    virtual_hours: float = 0.0
    requests: int = 0
    failed: list[tuple[str, str, list[str]]] = field(default_factory=list)  # campaign, which one, violations

    def add(self, other: "Tally") -> None:
        self.schedules += other.schedules
        self.faults += other.faults
        self.ends += other.ends
        self.changes += other.changes
        self.virtual_hours += other.virtual_hours
        self.requests += other.requests
        self.failed += other.failed


def play(batch: tuple[str, list[Any]]) -> Tally:
    """Play a batch and count what came of it; an error of the simulation's own counts as a violation."""
    quiet()
    campaign, todo = batch
    tally = Tally()
    for each in collected(todo):
        try:
            result = PLAYS[campaign](each)
        except Exception as error:  # noqa: BLE001 - it is reported with its seed, and the others are played
            tally.failed.append((campaign, str(each), [f"crashed: {type(error).__name__}: {error}"]))
            continue
        tally.schedules[campaign] += 1
        tally.faults.update(str(trouble) for trouble in result.troubles)
        tally.ends.update(str(row.state) for row in result.checkouts)
        tally.changes.update(f"{change.kind} {change.state}" for change in result.changes)
        tally.virtual_hours += result.seconds / 3600
        tally.requests += result.requests
        if result.violations:
            tally.failed.append((campaign, str(each), result.violations))
    return tally


def batches(asked: Namespace) -> list[tuple[str, list[Any]]]:
    """Answer all that is to be played, in batches."""
    todo: list[tuple[str, list[Any]]] = []
    if asked.everything:
        quiet()
        todo += [("single_faults", chunk) for chunk in _chunks(single_faults())]
        todo += [("pairs_of_faults", chunk) for chunk in _chunks(pairs())]
    seeds = range(asked.seed, asked.seed + asked.schedules)
    return todo + [(_kind(asked), chunk) for chunk in _chunks(seeds)]


def _kind(asked: Namespace) -> str:
    """The campaign whose seeds are played."""
    return "webhooks" if asked.webhooks else "changes" if asked.changes else "random"


def campaign(asked: Namespace) -> tuple[Tally, float]:
    """Play it on every core; progress and failures go to standard error as they come."""
    todo, tally, began = batches(asked), Tally(), time.monotonic()
    every = sum(len(chunk) for _, chunk in todo)
    with multiprocessing.Pool(asked.workers) as pool:
        for done in pool.imap_unordered(play, todo):
            tally.add(done)
            for name, which, violations in done.failed:
                _say(f"\nWRONG {name} {which}: {'; '.join(violations)}\n")
            played = tally.schedules.total()
            rate = played / (time.monotonic() - began)
            _say(f"\r{played} of {every} schedules, {rate:.1f}/s, {len(tally.failed)} wrong ")
    _say("\n")
    return tally, time.monotonic() - began


def figures(tally: Tally, seconds: float, asked: Namespace) -> dict[str, Any]:
    """Answer what the documentation states."""
    played = tally.schedules.total()
    return {
        "schedules": dict(sorted(tally.schedules.items())),
        "first_seed": asked.seed,
        "faults_injected": tally.faults.total(),
        "faults_by_kind": dict(sorted(tally.faults.items())),
        "upstream_requests": tally.requests,
        "checkouts": tally.ends.total(),
        "checkouts_by_end": dict(sorted(tally.ends.items())),
        "changes_by_end": dict(sorted(tally.changes.items())),
        "virtual_hours": round(tally.virtual_hours),
        "violations": sum(len(violations) for _, _, violations in tally.failed),
        "wrong": [{"campaign": c, "which": w, "violations": v} for c, w, v in tally.failed],
        "workers": asked.workers,
        "seconds": round(seconds, 1),
        "schedules_per_second": round(played / seconds, 1) if seconds else None,
        "rules_noticed_when_taken_out": _rules() if asked.everything else None,
    }


def merged(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The figures of two runs of which the second went on where the first ended."""
    rules = "rules_noticed_when_taken_out"
    both = {name: _sum(value, after[name]) for name, value in before.items() if name != rules}
    played = sum(both["schedules"].values())
    return both | {
        "first_seed": before["first_seed"],
        "workers": after["workers"],
        "schedules_per_second": round(played / both["seconds"], 1),
        rules: before[rules] or after[rules],
    }


def replayed(counted: dict[str, Any]) -> dict[str, Any]:
    """The figures with its wrong schedules of seeds judged once more, by the code and the witness of today."""
    quiet()
    by: dict[str, Callable[[int], Result]] = {"random": by_seed, "changes": with_changes}
    judged = [
        one | {"violations": by[one["campaign"]](int(one["which"])).violations}
        if one["campaign"] in by
        else one
        for one in counted["wrong"]
    ]
    wrong = [one for one in judged if one["violations"]]
    return counted | {"wrong": wrong, "violations": sum(len(one["violations"]) for one in wrong)}


def _sum(one: Any, other: Any) -> Any:
    if isinstance(one, dict):
        return dict(sorted((Counter(one) + Counter(other)).items()))
    return round(one + other, 1) if isinstance(one, float) else one + other


def _rules() -> list[dict[str, Any]]:
    quiet()
    found = []
    for rule in (*RULES, *CHANGE_RULES):
        without = hunt(rule, rule.removal, *rule.guards.values())
        found.append(
            {
                "rule": rule.name,
                "taken_out_with": sorted(rule.guards),
                "schedules": len(rule.troubles) or 1,
                "violations": len(without),
            }
        )
    return found


def _chunks(items: Any) -> Iterator[list[Any]]:
    left = iter(items)
    return iter(functools.partial(lambda: list(itertools.islice(left, BATCH))), [])


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def main() -> int:
    """Answer 0 if every schedule ended right."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", "-n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first schedule; the others follow")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--everything", action="store_true", help="single faults, pairs and rules besides")
    parser.add_argument(
        "--webhooks", action="store_true", help="schedules with webhooks and staff at work instead"
    )
    parser.add_argument(
        "--changes", action="store_true", help="schedules whose patients change what they booked instead"
    )
    parser.add_argument("--json", action="store_true", help="print the figures")
    parser.add_argument("--into", type=Path, help="go on after the seeds of the figures in this file")
    parser.add_argument("--replay", action="store_true", help="only the random ones that are wrong in --into")
    parser.add_argument("--trace", action="store_true", help="print the trace of the first seed and end")
    asked = parser.parse_args()
    if asked.trace:
        quiet()
        result = PLAYS[_kind(asked)](asked.seed)
        sys.stdout.write("\n".join([*result.trace, *result.violations, ""]))
        return 1 if result.violations else 0
    before = json.loads(asked.into.read_text()) if asked.into and asked.into.exists() else None
    if before and asked.replay:
        counted = replayed(before)
        asked.into.write_text(json.dumps(counted, indent=2) + "\n")
        return 1 if counted["wrong"] else 0
    if before:
        asked.seed = before["first_seed"] + before["schedules"][_kind(asked)]
    tally, seconds = campaign(asked)
    counted = figures(tally, seconds, asked)
    text = json.dumps(merged(before, counted) if before else counted, indent=2) + "\n"
    if asked.into:
        asked.into.write_text(text)
    if asked.json:
        sys.stdout.write(text)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
