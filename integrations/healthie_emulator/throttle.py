"""Rate limit: Healthie documents no figure; about forty rapid requests are reported to cause a lockout of 30 to 60 minutes.

Off until configured. Counted per API key; while a key is locked out, every request with it is refused.
"""

import dataclasses
from datetime import datetime, timedelta


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """When a key is locked out, and for how long."""

    requests: int = 38  # within `seconds`; the next one locks out. 0: every key is locked out
    seconds: float = 10.0
    lockout: float = 1800.0  # seconds

    def __post_init__(self) -> None:
        if self.requests < 0 or self.seconds <= 0 or self.lockout <= 0:
            raise ValueError("requests is at least 0, seconds and lockout are more than 0")


class Throttle:
    """Counts requests on the emulator's clock."""

    def __init__(self) -> None:
        self.limits: Limits | None = None
        self._arrived: dict[str, list[datetime]] = {}
        self._locked_until: dict[str, datetime] = {}

    def order(self, limits: Limits | None) -> None:
        """Begin to count, from nothing; None: stop."""
        self.limits = limits
        self._arrived.clear()
        self._locked_until.clear()

    def refuses(self, key: str, now: datetime) -> bool:
        """Count a request; whether it is one too many."""
        limits = self.limits
        if limits is None:
            return False
        until = self._locked_until.get(key)
        if until is not None and now < until:
            return True
        since = now - timedelta(seconds=limits.seconds)
        arrived = [at for at in self._arrived.get(key, []) if at > since]
        self._arrived[key] = [*arrived, now]
        if len(arrived) < limits.requests:
            return False
        self._locked_until[key] = now + timedelta(seconds=limits.lockout)
        return True
