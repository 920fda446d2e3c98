"""Drift: differences between the system of record as it is and as its adapter needs it: its API, permissions of keys, settings."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol


class Severity(StrEnum):
    """Severity of a finding, the gravest first."""

    BREAKING = "breaking"  # calls fail or are misread, or patients are charged twice: act now
    WARNING = "warning"  # will break one day: plan it
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class DriftFinding:
    """One difference; `what` is a sentence that names it."""

    severity: Severity
    what: str


@dataclass(frozen=True, kw_only=True)
class ApiVersion:
    """How upstream answers one of the versions of its API that we know."""

    name: str
    answered: bool
    usable: bool  # it takes all of our operations
    used: bool
    sunset: date | None  # when it stops answering, as far as is known
    days_left: int | None


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """The result of a drift check."""

    version: str | None  # of the API, as requested; None: what was compared has none
    sunset: date | None  # when that version stops answering, as far as upstream says
    days_left: int | None
    findings: tuple[DriftFinding, ...]
    versions: tuple[ApiVersion, ...] = ()  # newest first
    pinned: bool = False  # whether a setting names the version; else it is chosen

    @property
    def worst(self) -> Severity | None:
        """The gravest of the findings; None when there is none."""
        found = {each.severity for each in self.findings}
        return next((each for each in Severity if each in found), None)


class DriftCheck(Protocol):
    """Port: compares the system of record as it is now with what is needed of it."""

    async def check(self, today: date) -> DriftReport:
        """Report the differences, the gravest first; `days_left` is counted from `today`. Raises UpstreamUnavailable."""
