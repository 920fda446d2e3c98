"""A data loader of one value: several fields of an object that one read answers."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from booking.single_flight import SingleFlight

T = TypeVar("T")


class Once(Generic[T]):
    """Reads at the first call, and answers every call with that. A failed read is raised to those who wait, and not kept."""

    __slots__ = ("_flight", "_read", "_value")

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._flight: SingleFlight[None, T] = SingleFlight()
        self._value: tuple[T] | None = None

    async def __call__(self) -> T:
        """The value. Raises what the read raises."""
        if self._value is None:
            self._value = (await self._flight(None, self._read),)
        return self._value[0]
