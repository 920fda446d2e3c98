"""Attempts that are recorded, and refused when a test says so."""

from collections.abc import Collection
from dataclasses import dataclass, field

from booking.checkout.attempt_limits import AttemptKind, CountedAttempt
from booking.refusals import TooManyAttempts


@dataclass(kw_only=True)
class RecordedAttempts:
    """The port AttemptLimiter, without limits."""

    refusing: bool = False
    counted: list[tuple[AttemptKind, frozenset[str], str | None, bool]] = field(default_factory=list)
    days: list[str] = field(default_factory=list)  # of clinicians

    @property
    def cards(self) -> list[tuple[AttemptKind, frozenset[str], str | None, bool]]:
        """What was counted of cards."""
        return [one for one in self.counted if one[0] is AttemptKind.CARD]

    async def begin(
        self,
        what: AttemptKind,
        *,
        names: Collection[str],
        client: str | None,
        signed_in: bool,
        day: str | None = None,
    ) -> CountedAttempt:
        if self.refusing:
            raise TooManyAttempts(600)
        one = (what, frozenset(names), client, signed_in)
        self.counted.append(one)
        self.days += [day] if day is not None else []
        return _RecordedAttempt(self, one)


@dataclass(frozen=True)
class _RecordedAttempt:
    attempts: RecordedAttempts
    one: tuple[AttemptKind, frozenset[str], str | None, bool]

    async def uncount(self) -> None:
        self.attempts.counted.remove(self.one)
