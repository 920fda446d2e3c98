"""The figures in the documentation are those that were measured, and nobody wrote them by hand."""

import json
from argparse import Namespace
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.report import BEGIN, DOCUMENT, END, with_figures
from benchmarks.run import RESULTS
from tests.simulation import run
from tests.simulation.run import Tally, figures, merged, replayed


def test_the_document_shows_the_measured_figures() -> None:
    written = DOCUMENT.read_text()
    assert with_figures(written, json.loads(RESULTS.read_text())) == written


def test_writing_replaces_the_figures_and_nothing_else() -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    fresh = with_figures(
        document,
        {
            "measured": {"simulation": "2026-01-01"},
            "cores": 1,
            "python": "3.11",
            "simulation": {"long run": {"schedules": {"random": 1000}, "faults_by_kind": {"lost_answer": 3}}},
        },
    )
    assert fresh.startswith("before\n")
    assert fresh.endswith(f"{END}\nafter\n")
    assert "old" not in fresh
    assert "| schedules: random | 1,000 |" in fresh
    assert "| lost answer | 3 |" in fresh


def test_parts_measured_on_several_days_say_so() -> None:
    results = {"measured": {"saga": "2026-01-03", "audit": "2026-01-01"}, "cores": 1, "python": "3.11"}
    assert "Measured between 2026-01-01 and 2026-01-03 on" in with_figures(f"{BEGIN}{END}", results)


def test_a_run_in_two_parts_has_the_figures_of_one() -> None:
    def part(random: int, faults: int, *, seed: int, seconds: float) -> dict[str, Any]:
        tally = Tally(
            schedules=Counter(random=random), faults=Counter(kill=faults), ends=Counter(confirmed=random)
        )
        return figures(tally, seconds, Namespace(seed=seed, workers=2, everything=False))

    first = part(10, 7, seed=0, seconds=4.0) | {"rules_noticed_when_taken_out": [{"rule": "sample"}]}
    whole = merged(first, part(30, 5, seed=10, seconds=6.0))
    assert whole["schedules"] == {"random": 40}
    assert whole["faults_by_kind"] == {"kill": 12}
    assert (whole["first_seed"], whole["seconds"], whole["schedules_per_second"]) == (0, 10.0, 4.0)
    assert whole["rules_noticed_when_taken_out"] == [{"rule": "sample"}]


def test_a_wrong_schedule_is_right_once_it_is_played_again_and_nothing_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        run, "by_seed", lambda seed: SimpleNamespace(violations=["b", "c"] if seed == 2 else [])
    )
    seen = [("random", "1", ["a"]), ("random", "2", ["a"]), ("pairs_of_faults", "3", ["a"])]
    told = {
        "violations": 3,
        "wrong": [{"campaign": c, "which": w, "violations": v} for c, w, v in seen],
        "faults_injected": 9,
    }
    assert replayed(told) == {
        "violations": 3,
        "wrong": [
            {"campaign": "random", "which": "2", "violations": ["b", "c"]},
            {"campaign": "pairs_of_faults", "which": "3", "violations": ["a"]},
        ],
        "faults_injected": 9,
    }
