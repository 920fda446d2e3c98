"""Names that moved: the old module answers to them for one release, with a DeprecationWarning that gives the new place."""

import warnings
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any


def moved_to(new: ModuleType, names: Mapping[str, str], *, old: str) -> Callable[[str], Any]:
    """A module's `__getattr__` (PEP 562) for names that are in `new` now; `old` is the module's own name.

    It warns at the line that asks for a name, and raises AttributeError for what was never public.
    """

    def answer(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        warnings.warn(
            f"{old}.{name} is deprecated: import {names[name]} from {new.__name__}",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(new, names[name])

    return answer
