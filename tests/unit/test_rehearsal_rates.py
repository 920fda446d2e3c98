"""How fast a key may ask is found step by step, and a refusal ends the asking."""

import asyncio
from collections import deque

import pytest

from integrations.healthie.rehearsal.asking import LockedOut, Unknown
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

    def clock(self) -> float:
        return self._now

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


async def test_what_is_not_answered_was_not_let_through() -> None:
    upstream = Upstream(1000)
    sent = 0

    async def look() -> None:
        nonlocal sent
        sent += 1
        if sent > 6 + 12:  # the steps of two and of four
            raise Unknown("Me: http_503")
        await upstream.look()

    assert await measure(look, 50, sleep=upstream.sleep) == {"held": 4.0, "refused": None, "lockout": False}


async def test_a_machine_that_asks_slower_than_it_was_told_says_how_fast_it_asked() -> None:
    upstream = Upstream(1000)

    async def sleep(seconds: float) -> None:
        await upstream.sleep(max(seconds, 0.1))

    found = await measure(upstream.look, 50, sleep=sleep, clock=upstream.clock)
    assert found == {"held": pytest.approx(10), "refused": None, "lockout": False}
