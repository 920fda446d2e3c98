"""Deprecated, and to be removed in the release after next: handlers are in `booking.events.handlers`. Each name answers here with a DeprecationWarning."""

import warnings
from typing import Any

from booking.events import handlers

# Old name -> the name in `booking.events.handlers`.
_MOVED = {
    "Handler": "Handler",
    "Work": "HandlerFunction",
    "handler": "handler",
}

__all__ = ["Handler", "Work", "handler"]  # noqa: F822  # answered below


def __getattr__(name: str) -> Any:
    """The name's value, with a warning at the line that asks for it (PEP 562). Raises AttributeError for what was never public."""
    try:
        moved = _MOVED[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    warnings.warn(
        f"{__name__}.{name} is deprecated: import {moved} from {handlers.__name__}",
        DeprecationWarning,
        stacklevel=2,
    )
    return getattr(handlers, moved)


def __dir__() -> list[str]:
    return sorted(_MOVED)
