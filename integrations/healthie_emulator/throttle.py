"""Rate limit: Healthie documents no figure; about forty rapid requests are reported to cause a lockout of 30 to 60 minutes.

Off until configured. Counted for each API key, or for the account as a whole; while a key is locked out, every request with it is
refused. Without a lockout a request is refused that is one too many, and none because of that. The limit may be changed under way,
as Healthie's may: what was counted, and lockouts, stay.
"""

import dataclasses
from collections import deque
from datetime import datetime, timedelta


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is too much, and what follows."""

    requests: int = 38  # within `seconds`; the next one is refused. 0: all are
    seconds: float = 10.0
    lockout: float = 1800.0  # seconds; 0: none, only what is too much is refused
    account: bool = False  # all keys are counted and locked out together

    def __post_init__(self) -> None:
        if self.requests < 0 or self.seconds <= 0 or self.lockout < 0:
            raise ValueError("requests and lockout are at least 0, seconds is more than 0")
        if not isinstance(self.account, bool):
            raise ValueError("account is a bool")  # noqa: TRY004 - a bad request, not a bug


class Throttle:
    """Counts requests on the emulator's clock."""

    def __init__(self) -> None:
        self.limits: Limits | None = None
        self.lockouts = 0  # begun since counting began
        self._arrived: dict[str, deque[datetime]] = {}
        self._locked_until: dict[str, datetime] = {}

    def order(self, limits: Limits | None) -> None:
        """Begin to count, from nothing, or change the limit under way; None: stop, and end every lockout."""
        if limits is None:
            self._arrived.clear()
            self._locked_until.clear()
            self.lockouts = 0
        self.limits = limits

    def refuses(self, key: str, now: datetime) -> bool:
        """Count a request; whether it is one too many."""
        limits = self.limits
        if limits is None:
            return False
        counted = "" if limits.account else key
        until = self._locked_until.get(counted)
        if until is not None and now < until:
            return True
        since = now - timedelta(seconds=limits.seconds)
        arrived = self._arrived.setdefault(counted, deque())
        while arrived and arrived[0] <= since:
            arrived.popleft()
        if len(arrived) < limits.requests:
            arrived.append(now)
            return False
        if limits.lockout:
            self._locked_until[counted] = now + timedelta(seconds=limits.lockout)
            self.lockouts += 1
        return True
