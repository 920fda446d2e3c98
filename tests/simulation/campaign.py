"""Campaigns: every single fault, every pair of faults, and any number of random schedules."""

import gc
import itertools
import random
from collections.abc import Iterator

from tests.simulation.fate import Trouble
from tests.simulation.plans import Chance, Point, Scripted, draw_weather, troubles_of
from tests.simulation.scenarios import CANONICAL, draw
from tests.simulation.schedule import Result, Schedule

Fault = tuple[Point, Trouble]


def by_seed(seed: int) -> Result:
    """Play the random schedule of a seed."""
    rng = random.Random(f"schedule {seed}")
    scenario = draw(rng)
    return Schedule(scenario, Chance(rng, draw_weather(rng))).play()


def with_faults(*faults: Fault) -> Result:
    """Play the canonical journey with these faults."""
    return Schedule(CANONICAL, Scripted(dict(faults))).play()


def points() -> list[Point]:
    """Answer every point that the canonical journey passes, in order."""
    plan = Scripted({})
    Schedule(CANONICAL, plan).play()
    return plan.passed


def single_faults() -> list[Fault]:
    """Answer everything that can go wrong once along the canonical journey."""
    return [(point, trouble) for point in points() for trouble in troubles_of(point[0])]
