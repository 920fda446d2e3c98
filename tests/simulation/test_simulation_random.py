"""Random schedules of several patients, clinicians, workers and cards end right; the same seed plays the same schedule."""

import os
import subprocess
import sys

import pytest

from tests.simulation.campaign import by_seed, collected

SCHEDULES = 300  # more: make simulate
CHUNK = 50


@pytest.mark.parametrize("first", range(0, SCHEDULES, CHUNK))
def test_random_schedules_end_right(first: int) -> None:
    wrong = {}
    for seed in collected(range(first, first + CHUNK)):
        if violations := by_seed(seed).violations:
            wrong[seed] = violations
    assert wrong == {}, "replay one with: make simulate SEED=… N=1"


@pytest.mark.parametrize("seed", range(5))
def test_one_seed_played_twice_leaves_the_same_trace(seed: int) -> None:
    first, second = by_seed(seed), by_seed(seed)
    assert first.trace == second.trace
    assert first.checkouts == second.checkouts
    assert len(first.trace) > 10


def test_another_process_with_another_order_of_hashes_plays_the_same() -> None:
    """A seed that fails on one machine is worth nothing if it does not fail on another."""
    script = "from tests.simulation.campaign import digest; print(digest(range(10)))"
    answers = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": order},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for order in ("1", "2")
    }
    assert len(answers) == 1
