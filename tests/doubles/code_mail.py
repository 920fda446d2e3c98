"""A sender of one-time codes that keeps what it sent."""

from dataclasses import dataclass, field
from datetime import timedelta

from booking.refusals import EmailNotSent


@dataclass(kw_only=True)
class KeptCodes:
    """The port CodeSender."""

    sent: list[tuple[str, str]] = field(default_factory=list)  # email address and code
    down: bool = False

    async def send(self, email: str, code: str, *, good_for: timedelta) -> None:
        del good_for
        if self.down:
            raise EmailNotSent
        self.sent.append((email, code))
