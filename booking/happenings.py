"""Deprecated, and to be removed in the release after next: events are in `booking.events.model`. Each name answers here with a DeprecationWarning."""

from booking.deprecated_names import moved_to
from booking.events import model

__all__ = ["Happening", "Name"]  # noqa: F822  # answered below

__getattr__ = moved_to(
    model,
    {"Happening": "DomainEvent", "Name": "EventName"},
    old=__name__,
)


def __dir__() -> list[str]:
    return sorted(__all__)
