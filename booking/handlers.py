"""Deprecated, and to be removed in the release after next: handlers are in `booking.events.handlers`. Each name answers here with a DeprecationWarning."""

from booking.deprecated_names import moved_to
from booking.events import handlers

__all__ = ["Handler", "Work", "handler"]  # noqa: F822  # answered below

__getattr__ = moved_to(
    handlers,
    {"Handler": "Handler", "Work": "HandlerFunction", "handler": "handler"},
    old=__name__,
)


def __dir__() -> list[str]:
    return sorted(__all__)
