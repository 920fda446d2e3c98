"""What all refusals have in common."""

from booking.errors import DomainError


class Refusal(DomainError):
    """An expected no. `code` is stable; `retryable` says whether the same request may succeed later."""

    code = "REFUSED"
    message = "This is not possible."
    retryable = False

    def __init__(self, message: str | None = None) -> None:
        self.message = message or type(self).message
        super().__init__(self.message)


# From here on a wait is told in hours: the longest is what is left of a day.
_HOURS_FROM = 2 * 3600


def in_words(seconds: int) -> str:
    """How long somebody is to wait, rounded up to minutes, or to hours."""
    unit, length = ("hour", 3600) if seconds >= _HOURS_FROM else ("minute", 60)
    count = max(1, -(-seconds // length))
    return f"{count} {unit}{'s' * (count > 1)}"
