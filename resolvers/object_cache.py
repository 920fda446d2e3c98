"""Caches what was made of an object, by key, for as long as the object lives: what many callers are answered alike is mapped once."""

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class ObjectCache:
    """Values by object and key, of each object the last `most` that were asked for. Objects are told apart by identity.

    Values are shared: never modify them, and let none refer to its object, which would then live forever.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._values: dict[int, OrderedDict[Hashable, Any]] = {}

    def of(self, owner: object, key: Hashable, make: Callable[[], T]) -> T:
        """The value of this key, made now unless it is kept. What `make` raises is raised each time."""
        values = self._values.get(id(owner))
        if values is None:
            values = self._values[id(owner)] = OrderedDict()
            weakref.finalize(owner, self._values.pop, id(owner)).atexit = False
        if key in values:
            values.move_to_end(key)
        else:
            values[key] = make()
            if len(values) > self._most:
                values.popitem(last=False)
        value: T = values[key]
        return value

    def __len__(self) -> int:
        """How many objects there is something of."""
        return len(self._values)
