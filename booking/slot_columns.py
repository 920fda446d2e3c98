"""SlotColumns: the offered slots of one kind of visit in columns, from the system of record's answer to ours.

A search moves thousands of slots that differ in three values only. Columns of plain numbers and texts are cut, merged, compared and
encoded without an object for each slot; who reads one slot gets a `Slot`.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, compress, islice, pairwise
from operator import lt
from typing import Self, TypeAlias, overload

from booking.catalog.model import ContactType
from booking.slots import Slot

# Start in seconds since 1970 (UTC), clinician, minutes.
Row: TypeAlias = tuple[int, str, int]


@dataclass(frozen=True, kw_only=True, slots=True, weakref_slot=True)
class SlotColumns(Sequence[Slot]):
    """Slots of one visit type, contact type and location, ordered by start, then clinician; no two have both in common.

    The three columns have the same length. Use `of_rows` for rows in any order.
    """

    visit_type_id: str
    contact_type: ContactType
    location_id: str | None  # set for in-person visits, and only for them
    starts: tuple[int, ...] = ()  # seconds since 1970, UTC
    clinician_ids: tuple[str, ...] = ()
    minutes: tuple[int, ...] = ()

    @classmethod
    def one(cls, slot: Slot) -> Self:
        """The slot alone."""
        return cls(
            visit_type_id=slot.visit_type_id,
            contact_type=slot.contact_type,
            location_id=slot.location_id,
            starts=(int(slot.start.timestamp()),),
            clinician_ids=(slot.clinician_id,),
            minutes=(slot.minutes,),
        )

    @property
    def rows(self) -> Iterator[Row]:
        """The slots as rows, in order."""
        return zip(self.starts, self.clinician_ids, self.minutes, strict=True)

    def of_rows(self, rows: Iterable[Row]) -> Self:
        """Slots of the same kind with these rows, which may come in any order; see `of_columns`."""
        listed = list(rows)
        return self.of_columns(
            [row[0] for row in listed], [row[1] for row in listed], [row[2] for row in listed]
        )

    def of_columns(self, starts: Iterable[int], clinician_ids: Sequence[str], minutes: Iterable[int]) -> Self:
        """Slots of the same kind with these columns, which may come in any order; of slots with the same start and clinician the last counts.

        No object is made for each slot but numbers: thousands of others would have the garbage collector look through the process.
        """
        people = sorted({*clinician_ids})
        ranks, many = {one: rank for rank, one in enumerate(people)}, len(people)
        starts, minutes = tuple(starts), tuple(minutes)
        keys = [start * many + ranks[one] for start, one in zip(starts, clinician_ids, strict=True)]
        if len(minutes) == len(keys) and all(
            map(lt, keys, islice(keys, 1, None))
        ):  # in order, as they often come
            return self._with(starts, tuple(clinician_ids), minutes)
        found = dict(zip(keys, minutes, strict=True))
        ordered = sorted(found)
        return self._with(
            tuple([key // many for key in ordered]),
            tuple([people[key % many] for key in ordered]),
            tuple(map(found.__getitem__, ordered)),
        )

    def merged(self, others: Iterable[Self]) -> Self:
        """These slots and those of others of the same kind, such as the offers of other days, in any order."""
        parts = sorted((part for part in (self, *others) if part), key=lambda part: part.starts[0])
        if any(before.starts[-1] >= after.starts[0] for before, after in pairwise(parts)):
            return self.of_rows(chain.from_iterable(part.rows for part in parts))
        return self._with(
            tuple(chain.from_iterable(part.starts for part in parts)),
            tuple(chain.from_iterable(part.clinician_ids for part in parts)),
            tuple(chain.from_iterable(part.minutes for part in parts)),
        )

    def between(self, start: int, end: int | None = None) -> Self:
        """The slots that start within [start, end), in seconds since 1970; None: or later."""
        return self[bisect_left(self.starts, start) : None if end is None else bisect_left(self.starts, end)]

    def of_clinicians(self, clinician_ids: Collection[str]) -> Self:
        """The slots of these clinicians."""
        return self.selected([one in clinician_ids for one in self.clinician_ids])

    def selected(self, selectors: Sequence[object]) -> Self:
        """The slots whose selector is true; one for each slot."""
        return self._with(
            tuple(compress(self.starts, selectors)),
            tuple(compress(self.clinician_ids, selectors)),
            tuple(compress(self.minutes, selectors)),
        )

    def _with(
        self, starts: tuple[int, ...], clinician_ids: tuple[str, ...], minutes: tuple[int, ...]
    ) -> Self:
        return type(self)(
            visit_type_id=self.visit_type_id,
            contact_type=self.contact_type,
            location_id=self.location_id,
            starts=starts,
            clinician_ids=clinician_ids,
            minutes=minutes,
        )

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, index: int) -> Slot: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> Slot | Self:
        if isinstance(index, slice):
            if index.step not in (None, 1):
                raise ValueError("slots are ordered: a slice takes every one")
            return self._with(self.starts[index], self.clinician_ids[index], self.minutes[index])
        return self._slot((self.starts[index], self.clinician_ids[index], self.minutes[index]))

    def __iter__(self) -> Iterator[Slot]:
        return map(self._slot, self.rows)

    def __contains__(self, slot: object) -> bool:
        if not isinstance(slot, Slot) or slot.start.microsecond:
            return False
        start = int(slot.start.timestamp())
        return slot in iter(self.between(start, start + 1))

    def _slot(self, row: Row) -> Slot:
        start, clinician_id, minutes = row
        return Slot(
            clinician_id=clinician_id,
            visit_type_id=self.visit_type_id,
            contact_type=self.contact_type,
            location_id=self.location_id,
            start=datetime.fromtimestamp(start, UTC),
            minutes=minutes,
        )
