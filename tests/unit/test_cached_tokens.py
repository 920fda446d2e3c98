"""A verified token is remembered for a minute at most, never beyond its expiry, and nothing of it but a digest."""

from datetime import timedelta

import pytest

from booking.principals import Principal
from gateway.callers.cached_tokens import CACHED_FOR, CachedTokens
from gateway.callers.tokens import DevelopmentTokens, InvalidToken
from tests.doubles.booking_ports import FakeClock

SECRET = "only-for-tests-" * 4


class Counted:
    """Verifies development tokens, and counts how often."""

    def __init__(self, clock: FakeClock) -> None:
        self.tokens = DevelopmentTokens(secret=SECRET, clock=clock)
        self.asked = 0

    async def verify(self, token: str) -> Principal:
        self.asked += 1
        return await self.tokens.verify(token)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def inner(clock: FakeClock) -> Counted:
    return Counted(clock)


@pytest.fixture
def remembered(clock: FakeClock, inner: Counted) -> CachedTokens:
    return CachedTokens(inner, clock=clock, most=2)


async def test_a_token_is_verified_once_a_minute(
    remembered: CachedTokens, inner: Counted, clock: FakeClock
) -> None:
    token = inner.tokens.issue("p1")
    first = [await remembered.verify(token) for _ in range(3)]
    assert inner.asked == 1
    clock.advance(seconds=CACHED_FOR.total_seconds())
    assert await remembered.verify(token) == first[0]
    assert inner.asked == 2


async def test_it_is_refused_as_soon_as_it_has_expired(
    remembered: CachedTokens, inner: Counted, clock: FakeClock
) -> None:
    token = inner.tokens.issue("p1", lifetime=timedelta(seconds=10))
    await remembered.verify(token)
    clock.advance(seconds=9)
    await remembered.verify(token)
    assert inner.asked == 1
    clock.advance(seconds=1)
    with pytest.raises(InvalidToken):
        await remembered.verify(token)


async def test_it_is_verified_again_once_the_clock_was_set_back(
    remembered: CachedTokens, inner: Counted, clock: FakeClock
) -> None:
    token = inner.tokens.issue("p1")
    await remembered.verify(token)
    clock.advance(seconds=-3600)
    await remembered.verify(token)
    assert inner.asked == 2


async def test_a_token_that_differs_by_a_sign_is_another_one(
    remembered: CachedTokens, inner: Counted
) -> None:
    token = inner.tokens.issue("p1")
    await remembered.verify(token)
    for other in (token[:-1] + ("A" if token[-1] != "A" else "B"), token + "A", token.swapcase()):
        with pytest.raises(InvalidToken):
            await remembered.verify(other)


async def test_what_is_refused_is_asked_about_each_time(remembered: CachedTokens, inner: Counted) -> None:
    for _ in range(2):
        with pytest.raises(InvalidToken):
            await remembered.verify("eyJ.not.ours")
    assert inner.asked == 2


async def test_it_remembers_so_many_and_no_token_itself(remembered: CachedTokens, inner: Counted) -> None:
    tokens = [inner.tokens.issue(f"p{number}") for number in range(3)]
    for token in tokens:
        await remembered.verify(token)
    await remembered.verify(tokens[2])
    assert inner.asked == 3
    await remembered.verify(tokens[0])
    assert inner.asked == 4
    assert not any(token in repr(vars(remembered)) for token in tokens)
