"""Alerts as records of the structured log, for practices whose logs raise alarms."""

import structlog

from booking.oversight import Alert

log = structlog.get_logger(__name__)


class LoggedAlerts:
    """The port AlertPort: `alert.raised`, as an error."""

    async def tell(self, alert: Alert) -> None:
        """Log it."""
        log.error(
            "alert.raised", reason=alert.reason, subject=alert.subject, raised_at=alert.raised_at.isoformat()
        )
