"""Rates that no test runs into."""

from datetime import UTC, datetime

from gateway.rates import Counts, OperationRates

GENEROUS = 1_000_000


class _WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def generous_rates() -> OperationRates:
    return OperationRates(counts=Counts(clock=_WallClock(), key=b"only for tests"), factor=GENEROUS)
