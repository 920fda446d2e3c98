"""The system's clock."""

from datetime import UTC, datetime


class SystemClock:
    """The present, aware, UTC."""

    def now(self) -> datetime:
        """The present moment."""
        return datetime.now(UTC)
