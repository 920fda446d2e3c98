"""Request sizes: how many days, and how many of the clinicians, one request for free time asks for.

Learned for each visit type from how long answers take, since the system of record says that long ranges are slow and can time out,
and not where that begins. Whether it is worth asking for more than somebody wants is learned from how much of the pace is in use.
Each process learns for itself, within some answers.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

# Short enough for every practice so far: a day at a time is what the query is meant for.
FIRST_DAYS = 2

# A week with the rest of a day in any time zone. Powers of two, so that the days of a small request lie within one larger request.
MOST_DAYS = 8

# Parts into which the clinicians of a visit type are cut when one day of all of them is slow.
MOST_GROUPS = 16

# Seconds. Twice as many days then still take less time than a patient notices much, and a quarter of the time until a timeout.
QUICK = 1.0
SLOW = 4.0

# Requests in a row that found ample room in the pace, before no more is asked for than somebody wants.
CALM = 3

# A larger answer takes long to read here, whatever its time.
MOST_SLOTS = 10_000

# Quick answers in a row at the present size before it grows.
PROOFS = 3

# Answers at a size after one that was slow, before a larger one is tried again.
REST = 200


@dataclass(frozen=True, kw_only=True)
class RequestSize:
    """The size for one visit type."""

    days: int = FIRST_DAYS  # a power of two
    groups: int = 1  # a power of two; 1: all clinicians at once
    quick: int = 0  # quick answers in a row; negative while it rests

    def halved(self) -> "RequestSize":
        """Half of the days; at one day, half of the clinicians."""
        if self.days > 1:
            return RequestSize(days=self.days // 2, groups=self.groups, quick=-REST)
        return RequestSize(days=1, groups=min(self.groups * 2, MOST_GROUPS), quick=-REST)

    def doubled(self) -> "RequestSize":
        """All clinicians before more days, since a query for everybody costs a request for each group."""
        if self.groups > 1:
            return RequestSize(days=self.days, groups=self.groups // 2)
        return RequestSize(days=min(self.days * 2, MOST_DAYS))


@dataclass(kw_only=True)
class TimedRequest:
    """One request, from when it was first sent: a try that was given up counts."""

    slots: int | None = None  # None: no answer
    _sent_at: float | None = None  # in the event loop's time

    def sent(self) -> None:
        """It is sent, for the first time or again."""
        if self._sent_at is None:
            self._sent_at = asyncio.get_running_loop().time()

    @property
    def seconds(self) -> float:
        """Since it was sent; 0 before that."""
        return 0.0 if self._sent_at is None else asyncio.get_running_loop().time() - self._sent_at


class RequestSizes:
    """The sizes that this process has learned; as many as there are visit types."""

    def __init__(self) -> None:
        self._sizes: dict[str, RequestSize] = {}
        self._ample = 0  # requests in a row that found ample room in the pace

    def of(self, visit_type_id: str) -> RequestSize:
        """The present size for the visit type."""
        return self._sizes.get(visit_type_id, RequestSize())

    @property
    def turns_are_scarce(self) -> bool:
        """Whether requests wait for the pace or may soon have to, so that one that asks for more spares others. So it begins."""
        return self._ample < CALM

    @contextmanager
    def learning(self, visit_type_id: str, *, days: int) -> Iterator[TimedRequest]:
        """Time a request of so many days, and learn from its answer, or from its end without one."""
        timed = TimedRequest()
        try:
            yield timed
        finally:
            self.learn(visit_type_id, days=days, seconds=timed.seconds, slots=timed.slots)

    def note_turn(self, *, is_scarce: bool) -> None:
        """A request is sent, and turns are scarce or not."""
        self._ample = 0 if is_scarce else self._ample + 1

    def learn(self, visit_type_id: str, *, days: int, seconds: float, slots: int | None) -> None:
        """Learn from a request of so many days that was answered with so many slots, or given up (None), after so many seconds."""
        size = self.of(visit_type_id)
        if seconds > SLOW:
            self._sizes[visit_type_id] = size.halved()
        elif slots is None:
            return
        elif seconds > QUICK or slots > MOST_SLOTS:
            self._sizes[visit_type_id] = replace(size, quick=min(size.quick, 0))
        elif days == size.days:
            grown = size.quick + 1
            self._sizes[visit_type_id] = size.doubled() if grown >= PROOFS else replace(size, quick=grown)
