"""An alert for each lockout of an API key: raised once, whichever processes meet it."""

from datetime import datetime

from booking.alerts import Watch
from booking.oversight import Attention


class LockoutAlarm:
    """Raises `upstream_locked_out`; its subject is the key's fingerprint and the beginning of the lockout."""

    def __init__(self, *, watch: Watch) -> None:
        self._watch = watch

    async def __call__(self, key: str, since: datetime) -> None:
        """Raise it. A call's outcome is worth more than an alert about its key: without a database it is only logged."""
        await self._watch.raise_or_log(Attention.LOCKED_OUT, f"{key}@{since:%Y-%m-%dT%H:%M:%SZ}")
