"""An alert for each lockout of an API key: raised once, whichever processes meet it."""

from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from booking.alerts import Watch
from booking.oversight import Attention

log = structlog.get_logger(__name__)


class LockoutAlarm:
    """Raises `upstream_locked_out`; its subject is the key's fingerprint and the beginning of the lockout."""

    def __init__(self, *, watch: Watch) -> None:
        self._watch = watch

    async def __call__(self, key: str, since: datetime) -> None:
        """Raise it. A call's outcome is worth more than an alert about its key: without a database it is only logged."""
        await raise_or_log(self._watch, Attention.LOCKED_OUT, f"{key}@{since:%Y-%m-%dT%H:%M:%SZ}")


async def raise_or_log(watch: Watch, reason: Attention, subject: str) -> bool:
    """Raise an alert, and answer whether that was possible: without a database it is only logged."""
    try:
        await watch.raise_alert(reason, subject)
    except (SQLAlchemyError, OSError):
        log.exception("alert.not_raised", reason=reason, subject=subject)
        return False
    return True
