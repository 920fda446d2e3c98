"""Plans of trouble: written down point by point, or drawn by chance from a seed."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.simulation.fate import Trouble

Point = tuple[str, int]  # the name of a point, and the how-manieth passing of it by any process

OF_PROCESSES = (Trouble.KILL, Trouble.FREEZE)

OF_READS = (
    Trouble.LOST_REQUEST,
    Trouble.NO_CONNECTION,
    Trouble.SWALLOWED,
    Trouble.SERVER_ERROR,
    Trouble.THROTTLED,
    Trouble.NOT_JSON,
    Trouble.TRUNCATED,
    Trouble.SLOW,
)

OF_CHANGES = (
    *OF_READS,
    Trouble.LOST_ANSWER,
    Trouble.SILENCE,
    Trouble.LATE,
    Trouble.VERY_LATE,
    Trouble.GATEWAY_ERROR,
)

# Operations that change something; the rest read.
CHANGES = frozenset(
    {
        "CreatePatient",
        "AttachCard",
        "Charge",
        "Book",
        "Refund",
        "DeleteVisit",
        "CancelRecurring",
        "CancelVisit",
        "MoveVisit",
    }
)
WITH_KEY = frozenset({"Charge", "Refund"})

# Changes are few in a schedule, and it is they that everything turns on; boots are many, and nothing turns on them.
OFTEN = {f"call {change}": 6.0 for change in CHANGES} | {"call WhoAmI": 0.1, "answer WhoAmI": 0.1}


def troubles_of(point: str) -> tuple[Trouble, ...]:
    """Answer everything that can happen at a point."""
    what, _, operation = point.partition(" ")
    if what == "call" and operation in CHANGES:
        stripe = (Trouble.KEY_IN_USE, Trouble.LOCK_TIMEOUT) if operation in WITH_KEY else ()
        return (*OF_PROCESSES, *OF_CHANGES, *stripe)
    if what == "call":
        return (*OF_PROCESSES, *OF_READS)
    down = (Trouble.HOLDS_DOWN,) if what == "holds" else ()
    return (*OF_PROCESSES, Trouble.CLOCK_JUMP, Trouble.HOLDS_EMPTIED, *down)


class Scripted:
    """Exactly these troubles, each at one passing of one point; everything else takes its middling time."""

    def __init__(self, troubles: Mapping[Point, Trouble]) -> None:
        self._troubles = troubles
        self._counted: Counter[str] = Counter()
        self.passed: list[Point] = []

    def trouble(self, process: str, point: str) -> Trouble | None:
        self._counted[point] += 1
        here = (point, self._counted[point])
        self.passed.append(here)
        return self._troubles.get(here)

    def seconds(self, low: float, high: float) -> float:
        return low + (high - low) * 0.7


@dataclass(frozen=True, kw_only=True)
class Weather:
    """How bad it gets in one schedule: few kinds of trouble at a time meet more of their like."""

    kinds: frozenset[Trouble]
    rate: float  # at each point
    most: int  # troubles in all
    until: float  # seconds; then the sky clears


class Chance:
    """Troubles drawn from a seed."""

    def __init__(self, rng: random.Random, weather: Weather) -> None:
        self._rng = rng
        self._weather = weather
        self._left = weather.most
        self.elapsed: Callable[[], float] = float  # set to the loop's time

    def trouble(self, process: str, point: str) -> Trouble | None:
        weather = self._weather
        odds = weather.rate * OFTEN.get(point, 1.0)
        if not self._left or self.elapsed() > weather.until or self._rng.random() >= odds:
            return None
        possible = [one for one in troubles_of(point) if one in weather.kinds]
        if not possible:
            return None
        self._left -= 1
        return self._rng.choice(possible)

    def seconds(self, low: float, high: float) -> float:
        return self._rng.uniform(low, high)


def draw_weather(rng: random.Random) -> Weather:
    """Draw a schedule's weather: sometimes fair, mostly a few kinds of trouble, sometimes all of them."""
    kinds = list(Trouble)
    chosen = kinds if rng.random() < 0.4 else rng.sample(kinds, rng.randint(1, 6))
    return Weather(
        kinds=frozenset(chosen),
        rate=rng.choice((0.01, 0.03, 0.06, 0.1)),
        most=rng.choice((1, 2, 4, 8, 16)),
        until=rng.choice((60.0, 600.0, 1800.0)),
    )
