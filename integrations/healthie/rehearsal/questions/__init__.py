"""The questions of a rehearsal, by subject. Each is asked of a Scene, and answers a plain value or raises Unknown."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from integrations.healthie.rehearsal.scene import Scene


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question. Its name stands in the profile, and is the emulator's switch where it has one for it."""

    name: str
    asks: str  # in one line, for people
    ask: Callable[[Scene], Awaitable[Any]]
