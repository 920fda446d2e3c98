"""The alert channel to the structured log, for practices whose log monitoring pages people."""

import structlog

from booking.operations.model import Alert

log = structlog.get_logger(__name__)


class LoggedAlerts:
    """The port AlertChannel: logs `alert.raised` at level error."""

    async def send(self, alert: Alert) -> None:
        """Log it."""
        log.error(
            "alert.raised", reason=alert.reason, subject=alert.subject, raised_at=alert.raised_at.isoformat()
        )
