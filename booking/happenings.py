"""Deprecated, and to be removed in the release after next: events are in `booking.events.model`. Each name answers here with a DeprecationWarning."""

import warnings
from typing import Any

from booking.events import model

# Old name -> the name in `booking.events.model`.
_MOVED = {
    "Happening": "DomainEvent",
    "Name": "EventName",
}

__all__ = ["Happening", "Name"]  # noqa: F822  # answered below


def __getattr__(name: str) -> Any:
    """The name's value, with a warning at the line that asks for it (PEP 562). Raises AttributeError for what was never public."""
    try:
        moved = _MOVED[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    warnings.warn(
        f"{__name__}.{name} is deprecated: import {moved} from {model.__name__}",
        DeprecationWarning,
        stacklevel=2,
    )
    return getattr(model, moved)


def __dir__() -> list[str]:
    return sorted(_MOVED)
