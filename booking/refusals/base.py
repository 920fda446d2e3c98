"""The base class of refusals, and waits in words."""

from booking.errors import DomainError


class Refusal(DomainError):
    """An expected refusal. `code` is stable and part of the API; `retryable` says whether the same request may succeed later."""

    code = "REFUSED"
    message = "This is not possible."
    retryable = False

    def __init__(self, message: str | None = None) -> None:
        self.message = message or type(self).message
        super().__init__(self.message)


# From here on a wait is given in hours. The longest wait is the rest of a day.
_HOURS_FROM = 2 * 3600


def in_words(seconds: int) -> str:
    """A wait in words, rounded up to full minutes or, from two hours on, to full hours."""
    unit, length = ("hour", 3600) if seconds >= _HOURS_FROM else ("minute", 60)
    count = max(1, -(-seconds // length))
    return f"{count} {unit}{'s' * (count > 1)}"
