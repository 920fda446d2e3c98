"""Campaigns: every single fault, every pair of faults, and any number of random schedules."""

import gc
import hashlib
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from tests.simulation.change_scenarios import draw_changes
from tests.simulation.fate import Trouble
from tests.simulation.plans import CHANGES, OF_PROCESSES, Chance, Point, Scripted, draw_weather, troubles_of
from tests.simulation.scenarios import CANONICAL, draw
from tests.simulation.schedule import Result, Scenario, Schedule, quiet

Fault = tuple[Point, Trouble]
T = TypeVar("T")

# Schedules between two collections: a few megabytes each.
COLLECT_EVERY = 10

# In the pairs one trouble stands for all that cannot be told apart; each of them is met alone.
# - Not executed, and the caller is in doubt: one case, however it shows (broken connection, silence, 503, 404, Stripe's key in use).
# - Executed, or about to be before anybody looks, and the caller is in doubt: one case. A look comes after SETTLE, and so finds the
#   same after a lost answer as after a late execution.
# - A read that fails: one case, and so are the reads of one step, which is taken again whichever of them failed.
# - A slow answer is an answer.
# - A kill before a read leaves what a kill after the last write leaves. A kill before a change does not: where a pair's other fault has
#   added a write or a try, the same number of a commit is another commit, and the kill before the change meets what none after a
#   commit met.
PAIRED_OF_CHANGES = (
    Trouble.KILL,
    Trouble.LOST_REQUEST,
    Trouble.THROTTLED,
    Trouble.LATE,
    Trouble.VERY_LATE,
)
PAIRED_OF_READS = (Trouble.SWALLOWED,)

# Holds are lost where it costs most to have relied on one: before the slot is claimed. A clock goes wrong with money under way.
PAIRED_ONCE = {"AttachCard": (Trouble.HOLDS_EMPTIED,), "Charge": (Trouble.CLOCK_JUMP,)}


def by_seed(seed: int) -> Result:
    """Play the random schedule of a seed."""
    rng = random.Random(f"schedule {seed}")
    scenario = draw(rng)
    return Schedule(scenario, Chance(rng, draw_weather(rng))).play()


def with_webhooks(seed: int) -> Result:
    """Play the random schedule of a seed with webhooks and staff at work; every tenth with patients who buy meanwhile."""
    rng = random.Random(f"webhooks {seed}")
    scenario = replace(draw(rng), webhooks=seed)
    if seed % 10:
        scenario = replace(scenario, wishes=(), events=())
    return Schedule(scenario, Chance(rng, draw_weather(rng))).play()


def with_changes(seed: int) -> Result:
    """Play the random schedule of a seed whose patients change what they booked, as the practice does meanwhile."""
    rng = random.Random(f"changes {seed}")
    scenario = draw_changes(rng, draw(rng))
    return Schedule(scenario, Chance(rng, draw_weather(rng))).play()


def with_faults(*faults: Fault, scenario: Scenario = CANONICAL) -> Result:
    """Play the canonical journey, or another one, with these faults."""
    return Schedule(scenario, Scripted(dict(faults))).play()


def points(scenario: Scenario = CANONICAL) -> list[Point]:
    """Answer every point that the journey passes until its patient has gone, in order."""
    plan = Scripted({})
    schedule = Schedule(scenario, plan)
    schedule.play()
    return plan.passed[: schedule.passed_by_patients]


def single_faults() -> list[Fault]:
    """Answer everything that can go wrong once along the canonical journey."""
    return [(point, trouble) for point in points() for trouble in troubles_of(point[0])]


def paired_faults(scenario: Scenario = CANONICAL) -> list[Fault]:
    """Answer the faults of which all pairs are played: from the moment when there is a row.

    Before that nothing stands that a second fault could spoil; what goes wrong there goes wrong alone.
    """
    passed = points(scenario)
    since = passed.index(("database committed", 1))
    return [(point, trouble) for point in _one_read_a_step(passed[since:]) for trouble in _paired(point[0])]


def _one_read_a_step(passed: Iterable[Point]) -> Iterator[Point]:
    """Leave out a read upstream that follows another one with nothing written in between, here or there."""
    has_read = False
    for name, number in passed:
        what, _, operation = name.partition(" ")
        is_read = what == "call" and operation not in CHANGES
        if not (is_read and has_read):
            yield name, number
        if is_read:
            has_read = True
        elif operation == "committed" or operation in CHANGES:
            has_read = False


def pairs(part: int = 0, of: int = 1) -> Iterator[tuple[Fault, Fault]]:
    """Give a part of all pairs, the earlier fault first: those whose first fault is every `of`-th beginning with this one.

    A second fault that the first keeps from happening is left out: up to its point the two schedules are the same one, and
    where that is never passed they are so to the end. The first is played alone to know it.
    """
    faults = paired_faults()
    for number in range(part, len(faults), of):
        first, later = faults[number], faults[number + 1 :]
        passed = _passed_with(first)
        yield from ((first, other) for other in later if other[0] != first[0] and other[0] in passed)


def _passed_with(fault: Fault) -> frozenset[Point]:
    """Every point that the canonical journey passes with this fault in it, to its very end."""
    plan = Scripted(dict([fault]))
    Schedule(CANONICAL, plan).play()
    return frozenset(plan.passed)


def _paired(point: str) -> tuple[Trouble, ...]:
    what, _, operation = point.partition(" ")
    if what == "call":
        return PAIRED_OF_CHANGES if operation in CHANGES else PAIRED_OF_READS
    if what == "answer":
        return (*OF_PROCESSES, *PAIRED_ONCE.get(operation, ())) if operation in CHANGES else ()
    if operation == "committed":
        return OF_PROCESSES
    return ()


def collected(plays: Iterable[T]) -> Iterator[T]:
    """Give these one by one, and collect garbage now and then: while a schedule runs it costs a fifth of the time.

    What was there before is not garbage and is not looked at again.
    """
    gc.freeze()
    for number, play in enumerate(plays):
        if number % COLLECT_EVERY == 0:
            gc.collect()
        yield play
    gc.unfreeze()


def digest(seeds: Iterable[int]) -> str:
    """Answer the traces of these seeds as a short digest."""
    quiet()
    traces = "\n".join(line for seed in seeds for line in by_seed(seed).trace)
    return hashlib.sha256(traces.encode()).hexdigest()
