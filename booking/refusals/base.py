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


def in_minutes(seconds: int) -> str:
    """How long to wait, as people say it; rounded up."""
    minutes = -(-seconds // 60)
    return f"in {minutes} minute{'s' * (minutes > 1)}"
