"""Alerts as records of the structured log, for practices whose logs raise alarms."""

import structlog

from booking.operations.model import Alert

log = structlog.get_logger(__name__)


class LoggedAlerts:
    """The port AlertChannel: `alert.raised`, as an error."""

    async def send(self, alert: Alert) -> None:
        """Log it."""
        log.error(
            "alert.raised", reason=alert.reason, subject=alert.subject, raised_at=alert.raised_at.isoformat()
        )
