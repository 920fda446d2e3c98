"""The system's clock."""

from datetime import UTC, datetime


class SystemClock:
    """The port Clock over the system's clock."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)
