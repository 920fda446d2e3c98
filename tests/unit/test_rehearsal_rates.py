"""How fast a key may ask is found step by step, and a refusal ends the asking."""

import asyncio
from collections import deque

import pytest

from integrations.healthie.rehearsal.asking import LockedOut
from integrations.healthie.rehearsal.rates import measure


class Upstream:
    """Lets so many requests through in a second, on a time that only sleeping moves."""

    def __init__(self, limit: int, lockout: float = 0.0) -> None:
        self._limit, self._lockout = limit, lockout
        self._now = 0.0
        self._arrived: deque[float] = deque()
        self._locked_until = 0.0
        self.refused = 0

    async def look(self) -> None:
        while self._arrived and self._arrived[0] <= self._now - 1:
            self._arrived.popleft()
        if self._now < self._locked_until or len(self._arrived) >= self._limit:
            self._locked_until = max(self._locked_until, self._now + self._lockout)
            self.refused += 1
            raise LockedOut
        self._arrived.append(self._now)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self._now += seconds


@pytest.mark.parametrize("lockout", [0.0, 1800.0])
@pytest.mark.parametrize(
    ("limit", "held", "refused"), [(1, None, 2.0), (10, 8.0, 16.0), (40, 32.0, 50.0), (250, 50.0, None)]
)
async def test_the_highest_rate_that_held_and_the_one_that_was_refused_are_found(
    limit: int, held: float | None, refused: float | None, lockout: float
) -> None:
    upstream = Upstream(limit, lockout)
    found = await measure(upstream.look, 50, sleep=upstream.sleep)
    assert found == {"held": held, "refused": refused, "lockout": bool(refused and lockout)}
    assert upstream.refused <= 3, "the one, one more that was under way, and one look whether it is a lockout"


async def test_never_faster_than_it_was_told() -> None:
    upstream = Upstream(1000)
    assert await measure(upstream.look, 1.5, sleep=upstream.sleep) == {
        "held": 1.5,
        "refused": None,
        "lockout": False,
    }
