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


def in_words(seconds: int) -> str:
    """How long somebody is to wait, rounded up to minutes."""
    minutes = -(-seconds // 60)
    return f"{minutes} minute{'s' * (minutes > 1)}"
