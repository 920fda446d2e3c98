"""The emulator's time: the wall clock, shifted or stopped at will."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def wall_clock() -> datetime:
    """Return the machine's time, aware, in UTC."""
    return datetime.now(UTC)


class Clock:
    """A clock that runs at an adjustable offset from `source`, or is stopped.

    Every instant is aware and in UTC.
    """

    def __init__(self, *, source: Callable[[], datetime] = wall_clock) -> None:
        self._source = source
        self._shift = timedelta()
        self._stopped_at: datetime | None = None

    @property
    def is_stopped(self) -> bool:
        """Return whether time stands still until it is set or advanced."""
        return self._stopped_at is not None

    def now(self) -> datetime:
        """Return the emulator's present."""
        return self._stopped_at or self._source() + self._shift

    def set(self, instant: datetime, *, stopped: bool | None = None) -> None:
        """Make it `instant` now; `stopped` stops or starts the clock, None leaves that as it is."""
        if stopped if stopped is not None else self.is_stopped:
            self._stopped_at = instant.astimezone(UTC)
            return
        self._stopped_at = None
        self._shift = instant.astimezone(UTC) - self._source()

    def follow_source(self) -> None:
        """Reset to the source's own time."""
        self._stopped_at, self._shift = None, timedelta()

    def advance(self, seconds: float) -> None:
        """Move the present by `seconds`, back if negative."""
        self.set(self.now() + timedelta(seconds=seconds))
