"""Trials that are noted, and refused when a test says so."""

from collections.abc import Collection
from dataclasses import dataclass, field

from booking.refusals import TooManyAttempts
from booking.trials import Trial, Tried


@dataclass(kw_only=True)
class NotedTrials:
    """The port Trials."""

    refusing: bool = False
    counted: list[tuple[Tried, frozenset[str], str | None, bool]] = field(default_factory=list)
    days: list[str] = field(default_factory=list)  # of clinicians

    async def begin(
        self,
        what: Tried,
        *,
        names: Collection[str],
        client: str | None,
        signed_in: bool,
        day: str | None = None,
    ) -> Trial:
        if self.refusing:
            raise TooManyAttempts(600)
        one = (what, frozenset(names), client, signed_in)
        self.counted.append(one)
        self.days += [day] if day is not None else []
        return _Noted(self, one)


@dataclass(frozen=True)
class _Noted:
    trials: NotedTrials
    one: tuple[Tried, frozenset[str], str | None, bool]

    async def forgive(self) -> None:
        self.trials.counted.remove(self.one)
